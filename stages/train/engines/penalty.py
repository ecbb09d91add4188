"""The penalties: what each adds to the gradient, and what it does to the weights directly.

    l2           λ/(2m) Σ c w²                          in the gradient (Adam with it, not AdamW)
    decoupled    w ← w − η (λ/m) c w                    in every step, past the gradient: AdamW's decay
    l1           (λ/m) Σ c |w|                          a proximal step after the optimiser's
    elastic_net  (λ/m) Σ c [ρ |w| + (1−ρ)/2 w²]         its two parts as l1 and l2
    predictions  λ/(2m) Σ ‖ŷ‖²                          in the gradient, from the forecast: not of weights

m training windows, c the multiplier of a weight's group, ρ the ratio, ŷ the forecast in scaled units less
its window's shift: the network's output times the window's spread. Sums over w leave out biases.
`decoupled` is Loshchilov & Hutter (2019), torch's AdamW with weight_decay = λ/m: under Adam it minimises no
fixed loss, so a linear network goes to least squares inside the box |w| ≤ m/λ. The proximal step is that of
Parikh & Boyd (2014, section 4.2) in the metric of the optimiser's step: a threshold of another length would
not lead to the lasso. In full batches the zeros are the lasso's; in minibatches the gradient's noise leaves
some of them close to 0. `predictions` is what a regulariser called on y_pred does: it shrinks the whole
forecast of a linear network, intercept included, by 1/(1 + λ). Clipping acts on the gradient: on the data's
part and what a penalty adds there, never on the decay or the proximal step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.train.planning.members import Member, Recipe


def shares(kind: str, ratio: float | None) -> tuple[float, float, float, float]:
    """Which part of λ goes into the gradient, the decay, the threshold, the forecast's gradient."""
    rho = 0.0 if ratio is None else ratio
    return {
        "l2": (1.0, 0.0, 0.0, 0.0),
        "decoupled": (0.0, 1.0, 0.0, 0.0),
        "l1": (0.0, 0.0, 1.0, 0.0),
        "elastic_net": (1.0 - rho, 0.0, rho, 0.0),
        "predictions": (0.0, 0.0, 0.0, 1.0),
    }[kind]


@dataclass
class Terms:
    """The penalty of K members as the kernel takes it; an array without effect is (K, 0).

    Attributes:
        gradient, decay, threshold (K, n): the part of λ/m times each weight's multiplier; 0 for biases.
        forecast (K,): the factor of ŷ in the forecast's gradient.
    """

    gradient: np.ndarray
    decay: np.ndarray
    threshold: np.ndarray
    forecast: np.ndarray

    def keep(self, mask: np.ndarray) -> None:
        """Drop the members where `mask` (K,) is False."""
        for name, value in vars(self).items():
            setattr(self, name, value[mask])


def terms(recipe: Recipe, members: list[Member], m: int) -> Terms:
    """The penalty of some members of a fold with m training windows, in the recipe's precision."""
    dtype = np.dtype(recipe.precision)
    lambdas = np.array([member.lam for member in members])
    by_group = np.array([0.0, *recipe.multipliers, 1.0])
    by_weight = (lambdas / m)[:, None] * by_group[recipe.network.groups]
    gradient, decay, threshold, forecast = shares(recipe.penalty, recipe.ratio)

    def part(share: float) -> np.ndarray:
        return (share * by_weight if share else by_weight[:, :0]).astype(dtype)

    return Terms(part(gradient), part(decay), part(threshold), (forecast * lambdas).astype(dtype))


def refuse_overshoot(recipe: Recipe, lambdas: Sequence[float], m: int) -> None:
    """Refuse a decay that takes a whole weight or more in one step: it does not shrink.

    Raises:
        ValueError: η λ c / m ≥ 1 for the largest λ and multiplier, m being the smallest fold's windows.
    """
    if recipe.penalty != "decoupled":
        return
    largest, multiplier = max(lambdas), max(recipe.multipliers)
    taken = recipe.learning_rate * largest * multiplier / m
    if taken >= 1:
        raise ValueError(
            f"train.penalty.lambdas: λ = {largest:g} under decoupled decay takes {taken:.3g} of a weight in "
            f"a step (learning rate {recipe.learning_rate:g} × multiplier {multiplier:g} × λ / {m} windows); "
            "it must be less than 1; choose a smaller λ or learning rate"
        )

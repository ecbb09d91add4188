"""What was minimised, in a sentence: λ means nothing without its loss."""

from __future__ import annotations

from stages.artifacts.fits import Fit
from stages.artifacts.windows import Layout
from stages.losses import LOSSES

NAMES = {
    "l2": "L2",
    "decoupled": "decoupled weight decay",
    "l1": "L1",
    "elastic_net": "the elastic net",
    "predictions": "the penalty on predictions",
}
ERRORS = {"squared": "1/(2m) Σ ‖y − ŷ‖²", "absolute": "1/m Σ |y − ŷ|"}
MEASURES = {"mse": "mean squared error", "mae": "mean absolute error"}
_LOSSES = {
    "l2": "The loss is L(θ) = {error} + λ/(2m) Σ {c}w²",
    "decoupled": "The loss is L(θ) = {error}, and besides its gradient's change each step subtracts "
    "learning rate · λ/m · {c}w from a weight w",
    "l1": "The loss is L(θ) = {error} + λ/m Σ {c}|w|",
    "elastic_net": "The loss is L(θ) = {error} + λ/m Σ {c}[ρ|w| + (1 − ρ)/2 w²] with ρ = {ratio:g}",
    "predictions": "The loss is L(θ) = {error} + λ/(2m) Σ ‖ŷ‖²",
}


def name(fit: Fit) -> str:
    """The penalty within a sentence."""
    return NAMES[fit.config["penalty"]]


def trained(fit: Fit) -> str:
    """The measure of the loss that was minimised, which the curves show."""
    return LOSSES[fit.config["loss"]].measure


def sentence(fit: Fit) -> str:
    """The loss with its penalty, as `train/engines/penalty.py` defines it, and what its letters are."""
    kind, ratio = fit.config["penalty"], fit.config["ratio"] or 0.0
    weighed = kind != "predictions" and any(c != 1 for c in fit.config["multipliers"])
    text = _LOSSES[kind].format(
        error=ERRORS[fit.config["loss"]], c="c " if weighed else "", ratio=ratio
    )
    text += f", over the m training windows of a fold ({fit.m[-1]} in the final fit)"
    if kind == "predictions":
        return text + "; no weight is penalised."
    if weighed:
        factors = " / ".join(f"{c:g}" for c in fit.config["multipliers"])
        text += f" and the weights w, with c = {factors} for input / recurrent / head weights"
    else:
        text += " and the weights w"
    return text + ", never the biases."


def units(layout: Layout) -> str:
    """A blank and a sentence, where validation and test errors are in different units; else empty."""
    low, high = layout.scaler_range
    of = ["differences"] if layout.difference["order"] else []
    of += [f"{layout.transform} of the levels"] if layout.transform != "none" else []
    if layout.scaler == "standard" and not of:
        return ""
    learnt = f"window.scaler: {layout.scaler}"
    learnt += f" to [{low:g}, {high:g}]" if (low, high) != (0, 1) else ""
    learnt += f", of {' of '.join(of)}" if of else ""
    return (
        f" Validation and training errors are in the units that networks learn in ({learnt}), test errors in "
        "standard deviations of each series in the training part: do not compare the one with the other."
    )

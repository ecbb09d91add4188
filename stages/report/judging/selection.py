"""Choose λ from validation losses alone.

The loss of a λ is unpenalised, averaged over seeds for each window, over windows within a fold, and
over folds weighted by their windows. Its standard error is that of the *paired* difference to the
lowest loss: how hard a window is cancels, and so does how hard a fold is.

    se² = Σ_k (N_k / N)² se_k²,   se_k: ewc_se over the origins of fold k (intervals.py)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stages.artifacts.fits import Fit
from stages.artifacts.windows import Windows
from stages.report.judging.intervals import Array, by_origin, ewc_se


@dataclass(frozen=True)
class LambdaPath:
    """Validation losses of one cell along its grid of Λ values, with S seeds and K folds.

    Attributes:
        lambdas: (Λ,) ascending.
        loss: (Λ,) in scaled units; not finite where a member diverged.
        difference: (Λ,) loss minus the lowest loss.
        se: (Λ,) standard error of that paired difference (0 at the minimum itself).
        by_seed: (Λ, S) the path of each seed.
        by_fold: (K, Λ) the path of each fold.
        minimum, one_standard_error: index of the λ that each rule chooses.
    """

    lambdas: tuple[float, ...]
    loss: Array
    difference: Array
    se: Array
    by_seed: Array
    by_fold: Array
    minimum: int
    one_standard_error: int

    @property
    def seed_spread(self) -> Array:
        """(Λ,) standard deviation over seeds of the path's value; NaN with one seed."""
        return _spread(self.by_seed, axis=1)

    @property
    def fold_spread(self) -> Array:
        """(Λ,) standard deviation over folds: mostly how hard they are; NaN with one fold."""
        return _spread(self.by_fold, axis=0)

    def chosen(self, rule: str) -> int:
        """Index of the λ that `rule` chooses."""
        return {"minimum": self.minimum, "one_standard_error": self.one_standard_error}[rule]


def lambda_path(
    lambdas: Sequence[float], losses: Sequence[Array], origins: Sequence[Array], horizon: int
) -> LambdaPath:
    """The path of one cell and the choice of both rules.

    Args:
        lambdas: (Λ,) ascending.
        losses: for each fold (Λ, S, N_k), the loss of each validation window.
        origins: for each fold (N_k,), the origin of each window in steps.
        horizon: H, the number of origins over which losses certainly depend on each other.

    Raises:
        ValueError: no fold has a validation window, or every λ has a member that diverged.
    """
    if not any(fold.shape[-1] for fold in losses):
        raise ValueError("no fold has a validation window; enlarge window.split.validation")
    kept = [(fold, times) for fold, times in zip(losses, origins, strict=True) if fold.shape[-1]]
    share = np.array([fold.shape[-1] for fold, _ in kept], float)
    share /= share.sum()
    by_fold_seed = np.stack([fold.mean(axis=-1) for fold, _ in kept])  # (K, Λ, S)
    by_seed = np.tensordot(share, by_fold_seed, 1)  # (Λ, S)
    loss = by_seed.mean(axis=-1)
    if not np.isfinite(loss).any():
        raise ValueError(
            "no λ has a finite validation loss: every one has a member that diverged; "
            "lower train.learning_rate or set train.clip_norm"
        )
    minimum = int(np.argmin(np.where(np.isfinite(loss), loss, np.inf)))
    difference = loss - loss[minimum]
    se = _paired_se(kept, share, minimum, horizon)
    within = (difference <= se) & (np.arange(loss.size) >= minimum)  # NaN compares as False
    within[minimum] = True
    return LambdaPath(
        lambdas=tuple(float(lam) for lam in lambdas),
        loss=loss,
        difference=difference,
        se=se,
        by_seed=by_seed,
        by_fold=by_fold_seed.mean(axis=-1),
        minimum=minimum,
        one_standard_error=_smallest_alike(loss, int(np.flatnonzero(within)[-1]), minimum),
    )


def _smallest_alike(loss: Array, index: int, minimum: int) -> int:
    """The smallest λ from the minimum on with exactly the loss at `index`.

    At a tie nothing speaks for more penalty.
    """
    return minimum + int(np.flatnonzero(loss[minimum : index + 1] == loss[index])[0])


def path_of(fit: Fit, development: Windows, measure: str) -> LambdaPath:
    """The path of a cell by one measure of its validation windows.

    Raises:
        ValueError: as `lambda_path`.
    """
    losses = fit.window_losses[measure]
    folds = [fold for fold in development.folds if fold.name in losses]
    return lambda_path(
        fit.lambdas,
        [np.asarray(losses[fold.name]) for fold in folds],
        [development.group_origin(fold.validation)[1] for fold in folds],
        development.validation_overlap,
    )


def _paired_se(
    folds: Sequence[tuple[Array, Array]], share: Array, minimum: int, horizon: int
) -> Array:
    """Standard error (Λ,) of the paired difference to the λ at index `minimum`."""
    variance = np.zeros(folds[0][0].shape[0])
    for (fold, times), weight in zip(folds, share, strict=True):
        window = fold.mean(axis=1)  # (Λ, N_k), over seeds
        with np.errstate(invalid="ignore"):  # a diverged member: inf - inf is NaN, as it should be
            paired, _ = by_origin(window - window[minimum], times)
            variance += (weight * ewc_se(paired, horizon)) ** 2
    return np.sqrt(variance)


def _spread(values: Array, axis: int) -> Array:
    """Standard deviation (ddof 1) along an axis; NaN where there is one value or one is not finite."""
    mean = values.mean(axis=axis, keepdims=True)
    with np.errstate(invalid="ignore"):  # a member that diverged
        total = np.square(values - mean).sum(axis=axis)
    count = values.shape[axis]
    return np.asarray(np.sqrt(total / (count - 1))) if count > 1 else np.full(total.shape, np.nan)


def edge(path: LambdaPath, rule: str) -> tuple[str, tuple[float, ...]] | None:
    """Where the choice lies at the grid's edge, and the values that the grid lacks there.

    λ = 0 is not an edge: there is nothing below it, and a positive minimum above it is bracketed.
    """
    grid, chosen = path.lambdas, path.chosen(rule)
    added: tuple[float, ...]
    if len(grid) == 1:
        added = (0.0, _round(grid[0] / 10), _round(grid[0] * 10))
        return None if grid[0] == 0 else (f"the grid has the one value {grid[0]:g}", added)
    if len(grid) - 1 in (path.minimum, chosen):
        which = "lowest loss" if path.minimum == len(grid) - 1 else "chosen λ"
        step = _ratio(grid[-2], grid[-1])
        added = (_round(grid[-1] * step), _round(grid[-1] * step**2))
        return f"the {which} lies at the upper edge of the grid, λ = {grid[-1]:g}", added
    if path.minimum == 0 and grid[0] > 0:
        added = (0.0, _round(grid[0] / _ratio(grid[0], grid[1])))
        return f"the lowest loss lies at the lower edge of the grid, λ = {grid[0]:g}", added
    return None


def edge_warning(path: LambdaPath, rule: str) -> str | None:
    """Which values the grid lacks, if the choice lies at its edge."""
    if (at_edge := edge(path, rule)) is None:
        return None
    sentence, added = at_edge
    *first, last = (f"{lam:g}" for lam in added)
    return f"{sentence}; add {', '.join(first)} and {last} to `train.penalty.lambdas`"


def finer(path: LambdaPath) -> tuple[float, ...]:
    """New values on each side of the minimum, at thirds of the way on a log scale to its neighbours.

    λ = 0 is infinitely far on that scale: a tenth of the smallest positive value is used instead.
    Empty where the grid has no positive value, or no room for three digits.
    """
    grid, at = path.lambdas, path.minimum
    positive = [lam for lam in grid if lam > 0]
    points = [positive[0] / 10, *positive] if positive else []
    middle = points.index(grid[at]) if grid[at] > 0 else 0
    between = pairwise(points)
    sides = [pair for k, pair in enumerate(between) if k in (middle - 1, middle)]
    values = [_round(low * (high / low) ** (k / 3), 3) for low, high in sides for k in (1, 2)]
    return tuple(sorted(set(values) - set(grid)))


def _ratio(low: float, high: float) -> float:
    return high / low if low > 0 else 10.0


def _round(lam: float, digits: int = 2) -> float:
    return float(f"{lam:.{digits}g}")

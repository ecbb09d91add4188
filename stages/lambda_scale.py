"""How λ is drawn on the page, in MLflow and by `dvc plots`: its position on a log axis, and its colour.

The colours are matplotlib's plasma, which is perceptually even, as constants: MLflow's runs get them without
an import of matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

ZERO_COLOR = "#2b2b2b"  # ink, which is no shade of COLORS: λ = 0 is the absence of a penalty
COLORS = (
    "#e87059", "#e06363", "#d7566c", "#ce4b75", "#c43e7f", "#b83289", "#ac2694", "#9e199d",
    "#8f0da4", "#8004a8", "#6f00a8", "#5e01a6", "#4c02a1", "#3a049a", "#260591", "#0d0887",
)  # fmt: skip


def zero_step(lambdas: Sequence[float]) -> float:
    """How far below the lowest λ > 0 a log axis shows λ = 0, as a factor: a step of the grid, at least 3."""
    positive = sorted(lam for lam in lambdas if lam > 0)
    return max(3.0, positive[1] / positive[0] if len(positive) > 1 else 10.0)


def on_axis(lambdas: Sequence[float]) -> npt.NDArray[np.float64]:
    """(Λ,) where a log axis shows each λ; 1 where all are 0."""
    grid = np.array(lambdas, float)
    lowest = grid[grid > 0].min(initial=math.inf)
    zero = lowest / zero_step(lambdas) if np.isfinite(lowest) else 1.0
    return np.where(grid > 0, grid, zero)


def color(lam: float, lambdas: Sequence[float]) -> str:
    """The colour of a λ among those of its grid: even steps of log λ, and ink for 0."""
    if lam == 0:
        return ZERO_COLOR
    positive = [one for one in lambdas if one > 0]
    low, high = math.log(min(positive)), math.log(max(positive))
    share = (math.log(lam) - low) / (high - low) if high > low else 1.0
    return COLORS[round(share * (len(COLORS) - 1))]

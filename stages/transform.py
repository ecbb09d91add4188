"""What networks learn instead of a target's level: its logarithm or its root, of values of 0 and more."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Transform(NamedTuple):
    """A row of TRANSFORMS: an increasing function of values of 0 and more, 0 at 0, and its inverse."""

    forward: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[np.ndarray], np.ndarray]


TRANSFORMS: dict[str, Transform | None] = {
    "none": None,
    "log1p": Transform(np.log1p, np.expm1),
    "sqrt": Transform(np.sqrt, np.square),
}


def transformed(name: str, levels: np.ndarray) -> np.ndarray:
    """Levels in the data's units, 0 or more → transformed; a gap stays a gap."""
    transform = TRANSFORMS[name]
    return levels if transform is None else transform.forward(levels)


def restored(name: str, values: np.ndarray) -> np.ndarray:
    """Transformed values → levels in the data's units; what lies below the transform's range means 0."""
    transform = TRANSFORMS[name]
    if transform is None:
        return values
    with np.errstate(over="ignore"):  # of a network that diverged
        return transform.inverse(np.maximum(values, 0.0) + 0.0)  # 0 without a sign

"""When values vary: the one rule of every scaler and yardstick."""

from __future__ import annotations

import numpy as np

# A spread below this share of the largest value is rounding, not variation. It is relative: a series in
# another unit is judged alike.
FLAT = 1e-8


def varies(width: float, size: float) -> bool:
    """Whether a spread `width` is one beside values as large as `size`, both in the same unit."""
    return bool(width > FLAT * size)


def largest(values: np.ndarray) -> float:
    """max |values|; 0 where there are none."""
    return float(np.abs(values).max()) if values.size else 0.0

"""When values vary: the one rule of every scaler and yardstick."""

from __future__ import annotations

import numpy as np

# A spread below this share of the largest value is rounding, not variation. It is relative: a series in
# another unit is judged alike.
FLAT = 1e-8


def varies(width: float, size: float) -> bool:
    """Whether a spread `width` of values as large as `size` is more than rounding, both in the same unit."""
    return bool(width > FLAT * size)


def largest(values: np.ndarray) -> float:
    """max |values|; 0 where there are none."""
    return float(np.abs(values).max()) if values.size else 0.0


def unit(size: float) -> float:
    """A power of two: divided by it, values up to `size` have squares that neither overflow nor vanish.

    It is 1 for sizes from 2^-16 to 2^16, and a division by it is exact: ordinary data keep their digits.
    It neither overflows nor vanishes itself.
    """
    if not 0 < size < np.inf:
        return 1.0
    power = min(31, max(-33, round(float(np.log2(size)) / 32)))
    return float(2.0 ** (32 * power))


def deviation(values: np.ndarray) -> float:
    """Standard deviation (1/N) of values of any size; 0 where there are none."""
    if not values.size:
        return 0.0
    divisor = unit(largest(values))
    return float((values / divisor).std() * divisor)

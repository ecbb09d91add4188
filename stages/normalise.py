"""How a window's target channels are normalised before a network sees them: (value − shift) / spread."""

from __future__ import annotations

from typing import NamedTuple

ZERO, LAST, MEAN = range(3)
EPSILON = 1e-5  # added to a window's variance, as RevIN does (Kim et al. 2022)


class Normalise(NamedTuple):
    """A row of NORMALISE, of one channel of one window.

    Attributes:
        shift: ZERO, or the LAST or the MEAN of the values that the window sees.
        deviation: whether the spread is √(their variance + EPSILON); else it is 1.
    """

    shift: int
    deviation: bool


NORMALISE = {
    "none": Normalise(ZERO, False),
    "last": Normalise(LAST, False),
    "mean": Normalise(MEAN, False),
    "instance": Normalise(MEAN, True),
}

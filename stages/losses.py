"""The data's loss: what the error of a forecast costs, and its slope.

    L(θ) = 1/m Σ_i Σ_k ℓ(e_ik) + penalty         m training windows, k over the outputs of a window

    squared    ℓ = ½ e²    reported as the mean of e², the MSE
    absolute   ℓ = |e|     reported as the mean of |e|, the MAE

e is ŷ − y in scaled units, a window's normalisation undone: its spread times the difference that the
network sees. So λ means the same under every normalisation. When y is rescaled by c, λ keeps its meaning
under squared, and becomes λ/c under absolute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Value = Any  # a number of a compiled kernel, or a torch tensor


class Loss(NamedTuple):
    """A row of LOSSES.

    Attributes:
        measure: the name of the mean over a window's outputs of what is reported.
        value: what is reported of an error e.
        slope: dℓ/de of what is minimised; at a kink the middle of the slopes on its sides.
    """

    measure: str
    value: Callable[[Value], Value]
    slope: Callable[[Value], Value]


LOSSES = {
    "squared": Loss("mse", lambda e: e * e, lambda e: e),
    "absolute": Loss("mae", lambda e: abs(e), lambda e: (e > 0) * 1.0 - (e < 0) * 1.0),
}
BY_MEASURE = {loss.measure: loss for loss in LOSSES.values()}
MEASURES = tuple(loss.measure for loss in LOSSES.values())

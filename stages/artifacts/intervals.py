"""Prediction intervals: how far the truth lies from a forecaster's forecasts, by horizon step.

data/scores/intervals.safetensors holds them for each forecaster that is one object: a cell's network or the
ensemble of its seeds, at the λ's whose forecasts are kept; its mean with ridge; a baseline. They are there
twice: from the residuals on validation windows, for the intervals of the test part, which are scored; and
from those on validation and test windows, for what comes next. Equations: stages/forecast/calibration.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts import container
from stages.transform import restored, transformed

FILE = "intervals.safetensors"
MIDDLE = 0.5
_ARRAYS = ("taus", "quantiles", "size", "outside")


def tails(level: float) -> tuple[float, float]:
    """Probabilities of the lower and the upper bound of a level in per cent."""
    low = round((50 - level / 2) / 100, 10)
    return low, round(1 - low, 10)


def bound_names(level: float) -> tuple[str, str]:
    """The columns of a level's bounds."""
    return f"y_hat-lo-{level:g}", f"y_hat-hi-{level:g}"


@dataclass(frozen=True)
class Intervals:
    """A forecaster's residuals as quantiles. n series, Q probabilities, H steps.

    Attributes:
        taus: (Q,) ascending. quantiles: (Q, H) of residuals divided by the size of their series, widened.
        size: (n,) of each series, in transformed units; NaN where it has no residuals.
        outside: (Q,) whether there are too few residuals for that probability: their outermost is taken.
        transform: of `window.transform`. levels: in per cent, of which intervals are given.
        typical: size by the scale of a series' scaler, for series without residuals.
        windows: residuals of a step. horizons: how many of them are independent, origins over H.
    """

    taus: np.ndarray
    quantiles: np.ndarray
    size: np.ndarray
    outside: np.ndarray
    transform: str
    levels: tuple[float, ...]
    typical: float
    windows: int
    horizons: float

    def at(self, tau: float, y_hat: np.ndarray, size: np.ndarray) -> np.ndarray:
        """The bound (N, H) at one of `taus`, of forecasts (N, H) of series of these sizes (N,)."""
        row = int(np.flatnonzero(self.taus == tau)[0])
        bound = level(self.transform, y_hat) + size[:, None] * self.quantiles[row]
        return restored(self.transform, bound)

    @property
    def bounds(self) -> dict[str, float]:
        """Column of each bound → its probability, by level the lower one and the upper one."""
        pairs = [zip(bound_names(one), tails(one), strict=True) for one in self.levels]
        return {name: tau for pair in pairs for name, tau in pair}

    def sizes(self, size: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Sizes of series; where one is NaN, that of the other series by the series' scale (n,)."""
        return np.where(np.isfinite(size), size, self.typical * scale)

    def extrapolated(self) -> tuple[float, ...]:
        """The levels for which there are too few residuals."""
        outside = set(self.taus[self.outside].tolist())
        return tuple(level for level in self.levels if outside & set(tails(level)))

    def parts(self, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays of a container, each with the name before its own, and what goes into its header."""
        arrays = {f"{name}/{key}": np.asarray(getattr(self, key)) for key in _ARRAYS}
        rest = {key: value for key, value in vars(self).items() if key not in _ARRAYS}
        return arrays, rest

    @classmethod
    def of(cls, name: str, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> Intervals:
        """From the parts of a container."""
        values: dict[str, Any] = {key: np.array(arrays[f"{name}/{key}"]) for key in _ARRAYS}
        return cls(**{**rest, **values, "levels": tuple(rest["levels"])})


def level(transform: str, y_hat: np.ndarray) -> np.ndarray:
    """Forecasts in transformed units; those of a baseline may lie below 0, where a transform takes 0."""
    return transformed(transform, y_hat if transform == "none" else np.maximum(y_hat, 0.0))


# A network or a mean with ridge and its λ; a baseline and None.
Name = tuple[str, float | None]
# From validation windows; from those and the test part's.
Both = tuple[Intervals, Intervals]


def save(folder: Path | str, intervals: Mapping[Name, Both]) -> None:
    """Write FILE."""
    arrays: dict[str, np.ndarray] = {}
    listed = []
    for index, (name, both) in enumerate(intervals.items()):
        parts = [one.parts(f"{index}/{part}") for part, one in enumerate(both)]
        for named, _ in parts:
            arrays |= named
        listed.append({"name": list(name), "parts": [rest for _, rest in parts]})
    container.save(Path(folder) / FILE, arrays, {"intervals": listed})


def load(folder: Path | str) -> dict[Name, Both]:
    """What `save` wrote.

    Raises:
        FileNotFoundError: the folder holds no scores.
    """
    arrays, meta = container.load(Path(folder) / FILE)
    result = {}
    for index, entry in enumerate(meta["intervals"]):
        first, second = (
            Intervals.of(f"{index}/{part}", arrays, rest)
            for part, rest in enumerate(entry["parts"])
        )
        name, lam = entry["name"]
        result[name, lam] = (first, second)
    return result

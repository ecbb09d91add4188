"""data/report/chosen/model.safetensors: the chosen networks, with all that a forecast needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from stages.artifacts import container
from stages.artifacts.intervals import Intervals
from stages.artifacts.linear_map import RIDGE, LinearMap, mean_name
from stages.artifacts.windows import Layout

_ARRAYS = ("weights", "center", "scale")
INTERVALS = "intervals"


@dataclass(frozen=True)
class Chosen:
    """All seeds of one cell and λ, and ridge where validation prefers the mean with it.

    Attributes:
        weights: (S, n) float32 of the final fold. center, scale: (G, F) float64 of its scaler.
        cell, lam, m: of the networks; m counts the training windows of the final fold.
        measure: what it was chosen by (mse, mae). validation_loss: of the choice by that measure, in scaled
            units; None where it is not finite.
        config: the architecture and the training settings (`Fit.config`).
        layout: how windows are cut.
        dates: how dates in the study's file were read, for tables that write them the same way.
        ridge: its final fit; None where the networks forecast without it.
        intervals: of its forecasts, from validation and test windows; None where the study has none.
    """

    weights: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    cell: str
    lam: float
    m: int
    measure: str
    validation_loss: float | None
    config: dict[str, Any]
    layout: Layout
    dates: str
    ridge: LinearMap | None = None
    intervals: Intervals | None = None

    @property
    def name(self) -> str:
        """The forecaster's name in the study."""
        return self.cell if self.ridge is None else mean_name(self.cell)

    @property
    def bounds(self) -> list[str]:
        """The columns of the bounds of its forecasts, by level the lower one and the upper one."""
        return [] if self.intervals is None else list(self.intervals.bounds)

    @property
    def lag(self) -> int:
        """The lag of the difference; 0: none."""
        return self.layout.difference["lag"] if self.layout.difference["order"] else 0

    @property
    def steps(self) -> int:
        """How many steps a forecast looks back."""
        return self.layout.lookback + self.lag

    def save(self, path: Path | str) -> None:
        parts = {f.name: getattr(self, f.name) for f in fields(Chosen)}
        apart = (*_ARRAYS, RIDGE, INTERVALS)
        meta = {name: value for name, value in parts.items() if name not in apart}
        arrays = {name: np.asarray(parts[name]) for name in _ARRAYS}
        if self.ridge is not None:
            arrays |= {f"{RIDGE}/{name}": array for name, array in vars(self.ridge).items()}
        if self.intervals is not None:
            named, meta[INTERVALS] = self.intervals.parts(INTERVALS)
            arrays |= named
        container.save(path, arrays, meta | {"layout": asdict(self.layout)})

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """From `model.safetensors`.

        Raises:
            FileNotFoundError: there is none. ValueError: it is damaged, or not a chosen model.
        """
        arrays, meta = container.load(path)
        needed = {f.name for f in fields(Chosen)} - {RIDGE, INTERVALS}
        missing = sorted(needed - set(arrays) - set(meta))
        if missing:
            raise ValueError(
                f"{path} is not a chosen model (lacks {', '.join(missing)}); make it again (dvc repro report)"
            )
        values = meta | {name: np.array(arrays[name]) for name in _ARRAYS}
        parts = {f.name: arrays.get(f"{RIDGE}/{f.name}") for f in fields(LinearMap)}
        ridge = {name: np.array(array) for name, array in parts.items() if array is not None}
        values[RIDGE] = LinearMap(**ridge) if ridge else None
        if INTERVALS in meta:
            values[INTERVALS] = Intervals.of(INTERVALS, arrays, meta[INTERVALS])
        return cls(**values | {"layout": Layout.of(meta["layout"])})

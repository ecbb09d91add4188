"""data/report/chosen/model.safetensors: the chosen cell at its chosen λ, with all that a forecast needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from stages.artifacts import container
from stages.artifacts.windows import Layout

_ARRAYS = ("weights", "center", "scale")


@dataclass(frozen=True)
class Chosen:
    """All seeds of one cell and λ.

    Attributes:
        weights: (S, n) float32 of the final fold. center, scale: (G, F) float64 of its scaler.
        cell, lam, m: of the networks; m counts the training windows of the final fold.
        measure: what it was chosen by (mse, mae). validation_loss: of the choice by that measure, in scaled
            units; None where it is not finite.
        config: the architecture and the training settings (`Fit.config`).
        layout: how windows are cut.
        dates: how dates in the study's file were read, for tables that write them the same way.
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

    @property
    def lag(self) -> int:
        """The lag of the difference; 0: none."""
        return self.layout.difference["lag"] if self.layout.difference["order"] else 0

    @property
    def steps(self) -> int:
        """How many steps a forecast looks back."""
        return self.layout.lookback + self.lag

    def save(self, path: Path | str) -> None:
        meta = {f.name: getattr(self, f.name) for f in fields(Chosen) if f.name not in _ARRAYS}
        arrays = {name: np.asarray(getattr(self, name)) for name in _ARRAYS}
        container.save(path, arrays, meta | {"layout": asdict(self.layout)})

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """From `model.safetensors`.

        Raises:
            FileNotFoundError: there is none. ValueError: it is damaged, or not a chosen model.
        """
        arrays, meta = container.load(path)
        missing = sorted({f.name for f in fields(Chosen)} - set(arrays) - set(meta))
        if missing:
            raise ValueError(
                f"{path} is not a chosen model (lacks {', '.join(missing)}); make it again (dvc repro report)"
            )
        values = meta | {name: np.array(arrays[name]) for name in _ARRAYS}
        return cls(**values | {"layout": Layout.of(meta["layout"])})

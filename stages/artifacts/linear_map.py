"""A linear forecast of windows: what closed-form ridge comes to at one λ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.artifacts import container

RIDGE = "ridge"  # the baseline that networks are averaged with
LINEAR = f"{RIDGE}.safetensors"  # its final fit in data/scores


def mean_name(cell: str) -> str:
    """The forecaster that is the mean of a cell's forecasts and ridge's."""
    return f"{cell}+{RIDGE}"


@dataclass(frozen=True)
class LinearMap:
    """ŷ = (x − centre) W + level, of windows that are scaled and normalised as for a network.

    Attributes:
        weights: W (P, Q), x being (N, P) and ŷ (N, Q). centre: (G, P) and level: (G, Q/G), for outputs
            g, g + G, … of each weighting of windows; G = 1 where all windows weigh alike.
    """

    weights: np.ndarray
    centre: np.ndarray
    level: np.ndarray

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(N, P) → (N, Q)."""
        groups = len(self.centre)
        each = [
            (x - centre) @ self.weights[:, g::groups] + level
            for g, (centre, level) in enumerate(zip(self.centre, self.level, strict=True))
        ]
        return np.stack(each, -1).reshape(len(x), -1)

    def save(self, path: Path) -> None:
        container.save(path, vars(self), {})

    @classmethod
    def load(cls, path: Path) -> LinearMap:
        """Arrays are memory maps.

        Raises:
            FileNotFoundError: there is none.
        """
        return cls(**container.load(path)[0])

"""What a baseline may look at: the levels of the whole time line, and where its fit must end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stages.artifacts.windows import Fold, Windows

Forecast = Callable[[np.ndarray], np.ndarray]  # test rows (N,) -> the data's units (N, H, C)


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline: lam is its λ (NaN if it has none), forecast reads test rows."""

    name: str
    lam: float
    forecast: Forecast


@dataclass(frozen=True)
class Past:
    """The data as baselines see them: one time line, cut by no file."""

    development: Windows
    test: Windows
    season: int | None

    @property
    def final(self) -> Fold:
        """The fold whose networks are tested."""
        return self.development.folds[-1]

    @cached_property
    def fit_end(self) -> int:
        """Steps that a baseline is fitted on: what the final fold's networks were trained on."""
        w = self.development
        _, origins = w.group_origin(self.final.train)
        last = int(origins.max()) + w.layout.horizon + 1
        return w.values.shape[1] if last > w.train_end else w.train_end

    @cached_property
    def levels(self) -> np.ndarray:
        """(n, T) levels of every channel over development and test, NaN at gaps not filled."""
        known = self.development.levels.shape[1]
        tail = self.test.levels[:, known - self.test.offset :]
        whole = np.concatenate([self.development.levels, tail], 1)  # (G, T, C)
        return whole.transpose(0, 2, 1).reshape(-1, whole.shape[1])

    def origins(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Index into levels (N, C) and origin on the whole time line (N,) of test rows."""
        _, t = self.test.group_origin(rows)
        return self.test.series_of(rows), t + self.test.offset


def fill(lines: np.ndarray, every: int = 1) -> np.ndarray:
    """Each NaN of lines (n, T) becomes the value `every`, 2 `every`, … steps before, if there is one."""
    n, length = lines.shape
    spare = -length % every
    padded = np.concatenate([lines, np.full((n, spare), np.nan)], 1)
    cycles = padded.reshape(n, -1, every)  # (n, cycles, phase)
    index = np.where(np.isfinite(cycles), np.arange(cycles.shape[1])[:, None], 0)
    index = np.maximum.accumulate(index, 1)
    return np.take_along_axis(cycles, index, 1).reshape(n, -1)[:, :length]

"""The levels of all series, each on a span of one time line across both files of windows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stages.artifacts.windows import Windows


@dataclass(frozen=True)
class Lines:
    """The levels of n series one after another.

    levels: (V,) in the data's units, NaN at gaps. starts, lengths: (n,) where each lies in them. first: (n,)
    the step of the whole time line at which it begins.
    """

    levels: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, lines: list[np.ndarray], first: np.ndarray) -> Lines:
        lengths = np.array([len(line) for line in lines])
        return cls(np.concatenate(lines), np.cumsum(lengths) - lengths, lengths, np.asarray(first))

    @classmethod
    def joined(cls, development: Windows, test: Windows) -> Lines:
        """Every channel of every group over both files."""
        w, lines = development, []
        begins = test.first + test.offset  # of each group's rows there, on the whole time line
        for known, late, begin in zip(w.lines(), test.lines(), begins.tolist(), strict=True):
            tail = test.levels[late][max(0, len(w.time) - begin) :]
            lines += list(np.concatenate([w.levels[known], tail]).T)
        return cls.of(lines, np.repeat(w.first, w.levels.shape[1]))

    def __getitem__(self, series: int) -> np.ndarray:
        """(T,) the levels of one series."""
        start = self.starts[series]
        return self.levels[start : start + self.lengths[series]]

    def __len__(self) -> int:
        return len(self.first)

    def at(self, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Levels of series at steps of the whole time line (arrays of one shape); NaN outside their spans."""
        local = steps - self.first[series]
        inside = (local >= 0) & (local < self.lengths[series])
        levels = self.levels[np.where(inside, self.starts[series] + local, 0)]
        return np.where(inside, levels, np.nan)

    def before(self, step: int) -> Lines:
        """The same lines as far as they were known before a step of the whole time line; no copy."""
        return replace(self, lengths=np.clip(step - self.first, 0, self.lengths))

    def filled(self, every: int = 1) -> Lines:
        """Each gap takes the value `every`, 2 `every`, … steps before it, if there is one."""
        lines = [fill(self[series], every) for series in range(len(self))]
        return Lines.of(lines, self.first)


def fill(line: np.ndarray, every: int = 1) -> np.ndarray:
    """Each NaN of a line (T,) becomes the value `every`, 2 `every`, … steps before, if there is one."""
    cycles = np.concatenate([line, np.full(-len(line) % every, np.nan)]).reshape(-1, every)
    index = np.where(np.isfinite(cycles), np.arange(len(cycles))[:, None], 0)
    index = np.maximum.accumulate(index, 0)  # (cycles, phase)
    return np.take_along_axis(cycles, index, 0).ravel()[: len(line)]

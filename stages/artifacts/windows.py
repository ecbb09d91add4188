"""What `window` hands on: values, and the rows of windows in them; no window is copied.

Letters: V values, T time steps, G groups, C target channels and F input features of a group, N windows, L
lookback, H horizon. With independent channels each series is a group (C = 1); with joint channels all
series are one group (C of them). The first C features are the targets, then come covariates known up to the
origin, then those that are known over the horizon, then the calendar. Groups follow
one another in the same arrays, each from its first to its last step: steps before a series begins or after it
ends are not stored. A window is the row of its origin in these arrays; it sees rows r−L+1 … r and forecasts
r+1 … r+H; of the features that are known over the horizon it sees these rows too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts import container
from stages.artifacts.calendar import Calendar


@dataclass(frozen=True)
class Layout:
    """How windows are cut and what they consist of: only what can change a number.

    covariates: those known up to the origin, then those of `future`, known over the horizon. cycles: of the
    calendar, two features each. known: features (the last ones) that are known over the horizon.
    """

    lookback: int
    horizon: int
    normalise: str
    channels: str
    series: tuple[str, ...]
    covariates: tuple[str, ...]
    difference: Mapping[str, int]  # order (0 or 1) and lag
    fill: int  # steps over which a gap takes the value before it; 0: gaps stay
    scaler: str
    calendar: Calendar
    scaler_range: tuple[float, float] = (0.0, 1.0)  # of minmax
    transform: str = "none"  # of target levels, before the difference
    future: tuple[str, ...] = ()
    cycles: tuple[str, ...] = ()
    known: int = 0

    @property
    def cyclic(self) -> int:
        """Features of the calendar: the sine and the cosine of each cycle."""
        return 2 * len(self.cycles)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Layout:
        """From what `asdict` gives, read back from JSON."""
        lists = ("series", "covariates", "scaler_range", "future", "cycles")
        values = dict(stored) | {name: tuple(stored[name]) for name in lists if name in stored}
        return cls(**values | {"calendar": Calendar(**stored["calendar"])})


@dataclass(frozen=True)
class Fold:
    """One rolling-origin split; `final` has no validation part.

    train, validation: int64 rows, ascending. center, scale (G, F): fitted on this fold's training part; NaN
    for a group that the fold does not admit, which has no rows in it. A covariate that does not vary there
    has an infinite scale: the network sees 0.
    """

    name: str
    train: np.ndarray
    validation: np.ndarray
    center: np.ndarray
    scale: np.ndarray

    @property
    def m(self) -> int:
        """Rows of the minimised sum."""
        return len(self.train)


@dataclass(frozen=True)
class Windows:
    """The development part, or the test part with the context that its first windows see.

    Attributes:
        values: (V, F) model scale (gaps filled, transformed, differenced); NaN where unusable.
        levels: (V, C) in the data's units, filled. observed: (V, C) whether a level is in the file.
        starts: (G + 1,) rows at which groups begin; group g has rows starts[g] … starts[g + 1] − 1.
        first: (G,) the step of the time line at which each group begins.
        time: (T,) the time line: microseconds since 1970, or whole numbers.
        folds: of the development part; empty for the test part.
        rows: test windows; empty for the development part.
        center, scale: (G, F) of the split's training part, in whose units scaled errors are; NaN where it
            does not admit the group.
        train_end: steps of the split's training part on the whole time line.
        offset: position of step 0 on the whole time line.
        left_out: name → reason, of series of the file that no fold takes.
    """

    layout: Layout
    values: np.ndarray
    levels: np.ndarray
    observed: np.ndarray
    starts: np.ndarray
    first: np.ndarray
    time: np.ndarray
    folds: tuple[Fold, ...]
    rows: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    train_end: int
    offset: int
    left_out: Mapping[str, str] = field(default_factory=dict)

    _ARRAYS = (
        "values", "levels", "observed", "starts", "first", "time", "rows", "center", "scale",
    )  # fmt: skip

    def save(self, path: Path) -> None:
        arrays = {name: getattr(self, name) for name in self._ARRAYS}
        for fold in self.folds:
            for part in fields(Fold)[1:]:
                arrays[f"{fold.name}/{part.name}"] = getattr(fold, part.name)
        meta = {
            "layout": asdict(self.layout),
            "folds": [fold.name for fold in self.folds],
            "train_end": self.train_end,
            "offset": self.offset,
            "left_out": dict(self.left_out),
        }
        container.save(path, arrays, meta)

    @classmethod
    def load(cls, path: Path) -> Windows:
        """Arrays are memory maps."""
        arrays, meta = container.load(path)
        names = [part.name for part in fields(Fold)[1:]]
        folds = tuple(Fold(f, **{n: arrays[f"{f}/{n}"] for n in names}) for f in meta["folds"])
        return cls(
            Layout.of(meta["layout"]), **{name: arrays[name] for name in cls._ARRAYS}, folds=folds,
            train_end=meta["train_end"], offset=meta["offset"], left_out=meta["left_out"],
        )  # fmt: skip

    def group_origin(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) groups of rows, and (N,) their origins as steps of this file's time line."""
        rows = np.asarray(rows, np.int64)
        group = np.searchsorted(self.starts, rows, side="right") - 1
        return group, np.asarray(self.first)[group] + rows - np.asarray(self.starts)[group]

    def lines(self) -> list[slice]:
        """The rows of each group."""
        ends = self.starts.tolist()
        return [slice(begin, end) for begin, end in pairwise(ends)]

    def series_of(self, rows: np.ndarray) -> np.ndarray:
        """(N, C) index into layout.series of each row's channels."""
        channels = self.levels.shape[1]
        return self.group_origin(rows)[0][:, None] * channels + np.arange(channels)

    def touched(self, fold: Fold) -> dict[int, slice]:
        """Group → its leading rows that a fold's windows touch, targets included."""
        last = np.full(len(self.first), -1, np.int64)
        for rows in (fold.train, fold.validation):  # ascending
            ends = np.searchsorted(rows, self.starts)
            groups = np.flatnonzero(ends[1:] > ends[:-1])
            last[groups] = np.maximum(last[groups], rows[ends[groups + 1] - 1])
        begin, reach = self.starts.tolist(), self.layout.horizon + 1
        return {int(g): slice(begin[g], int(last[g]) + reach) for g in np.flatnonzero(last >= 0)}

    def reach(self, rows: np.ndarray) -> int:
        """Steps of the time line up to the last target of `rows`; 0 where there are none."""
        return int(self.group_origin(rows)[1].max()) + self.layout.horizon + 1 if len(rows) else 0

    def rescale(self, fold: Fold) -> np.ndarray:
        """(G, C): what turns errors in a fold's scaled units into those of the split's training part.

        1 where either has no finite unit for the group: the final fit may admit one that the training part
        does not, and its own unit is the only one then.
        """
        channels = self.levels.shape[1]
        ours = np.asarray(fold.scale[:, :channels], float)
        reported = np.asarray(self.scale[:, :channels], float)
        both = np.isfinite(ours) & np.isfinite(reported)
        return np.divide(ours, reported, out=np.ones_like(ours), where=both)

    @property
    def validation_used_for(self) -> tuple[str, ...]:
        """What the validation part is for: `folds`, where a block reaches into it; `final_fit`, where that is
        trained on it."""
        *folds, final = self.folds
        reach = {
            "folds": max((self.reach(fold.validation) for fold in folds), default=0),
            "final_fit": self.reach(final.train),
        }
        return tuple(name for name, last in reach.items() if last > self.train_end)

    @cached_property
    def validation_spacing(self) -> int:
        """Steps that neighbouring origins of a fold's validation windows lie apart, at least."""
        origins = [np.unique(self.group_origin(fold.validation)[1]) for fold in self.folds]
        apart = np.concatenate([np.diff(steps) for steps in origins])
        return int(apart.min()) if apart.size else 1

    @property
    def validation_overlap(self) -> int:
        """H in origins of validation windows: windows that lie so many origins apart share no target."""
        return -(-self.layout.horizon // self.validation_spacing)

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """(N, H, C) what was observed, in the data's units."""
        steps = np.arange(1, self.layout.horizon + 1)
        return np.asarray(self.levels[np.asarray(rows, np.int64)[:, None] + steps])

    def times(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) times of the origins and (N, H) times of the targets."""
        steps = self.group_origin(rows)[1][:, None] + np.arange(self.layout.horizon + 1)
        stamps = np.asarray(self.time)[steps]
        return stamps[:, 0], stamps[:, 1:]


def unused_validation(used_for: Sequence[str]) -> str:
    """A sentence where no fold's block reaches into the validation part; else empty.

    Args:
        used_for: as `Windows.validation_used_for`.
    """
    if "folds" in used_for:
        return ""
    trained = "the final fit is trained on it" if used_for else "no network is trained on it"
    return f"The validation part is in no fold's block: it chooses no λ, and {trained}."

"""The series as arrays: gaps treated, transformed, differenced, in groups. All of it looks back only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from stages.artifacts.series import COVARIATE, Series
from stages.params import ParameterError
from stages.transform import transformed
from stages.window.cycles import positions, refuse_useless_cycles
from stages.window.params import WindowParams


@dataclass(frozen=True)
class Panel:
    """Groups one after another, each from its first to its last step (see artifacts/windows.py).

    values (V, F) model scale; levels (V, C) filled, in the data's units; observed (V, C) bool: whether a
    level is in the file; scored (V, C) bool: whether a value may be a scored target (of a difference, both
    levels are in the file); starts (G + 1,) and first (G,); time (T,) int64; names of the series; lag of
    the difference (0: none); transform of the levels before it. extras: what each feature after the targets
    is; the last `known` of them are known over the horizon, of which the last `cyclic` are the calendar.
    """

    values: np.ndarray
    levels: np.ndarray
    observed: np.ndarray
    scored: np.ndarray
    starts: np.ndarray
    first: np.ndarray
    time: np.ndarray
    names: tuple[str, ...]
    lag: int
    transform: str
    extras: tuple[str, ...] = ()
    known: int = 0
    cyclic: int = 0

    @property
    def ahead(self) -> np.ndarray:
        """(V, known) the features that are known over the horizon."""
        return self.values[:, self.values.shape[1] - self.known :]

    @property
    def steps(self) -> np.ndarray:
        """(V,) the step of the time line of each row."""
        lengths = np.diff(self.starts)
        return np.arange(len(self.values)) + np.repeat(self.first - self.starts[:-1], lengths)

    @property
    def groups(self) -> np.ndarray:
        """(V,) the group of each row."""
        return np.repeat(np.arange(len(self.first)), np.diff(self.starts))

    def lines(self) -> list[slice]:
        """The rows of each group."""
        ends = self.starts.tolist()
        return [slice(begin, end) for begin, end in pairwise(ends)]

    def part(self, begin: int, end: int) -> Panel:
        """The steps `begin` … `end` − 1 of the time line, which then begins at `begin`."""
        steps = self.steps
        inside = (steps >= begin) & (steps < end)
        lengths = np.bincount(self.groups[inside], minlength=len(self.first))
        first = np.clip(self.first - begin, 0, end - begin)
        return replace(
            self._of_rows(inside), starts=_ends(lengths), first=first, time=self.time[begin:end]
        )

    def of_groups(self, kept: np.ndarray) -> Panel:
        """The groups where `kept` (G,) is true, each a separate series, on the same time line."""
        names = tuple(name for name, keep in zip(self.names, kept, strict=True) if keep)
        starts = _ends(np.diff(self.starts)[kept])
        return replace(
            self._of_rows(kept[self.groups]), starts=starts, first=self.first[kept], names=names
        )

    def _of_rows(self, rows: np.ndarray) -> Panel:
        arrays = ("values", "levels", "observed", "scored")
        return replace(self, **{name: getattr(self, name)[rows] for name in arrays})

    def compact(self) -> Panel:
        """The same groups on a time line of the steps that any of them has."""
        used = np.unique(self.steps)
        if len(used) == len(self.time):
            return self
        return replace(self, first=np.searchsorted(used, self.first), time=self.time[used])


def _ends(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def build_panel(series: Series, params: WindowParams, lag: int) -> Panel:
    """Arrange the series as the parameters say; `lag` is the difference's lag (0: no difference).

    Raises:
        ParameterError: a value is below 0 and window.transform takes none such; there are gaps and
            window.missing is `error`; channels are joint and no step is common to all series; or the calendar
            is asked for what it does not have.
    """
    if params.transform != "none":
        _refuse_negatives(series, params.transform)
    stamps = np.unique(series.frame["ds"].to_numpy().astype("int64"))
    refuse_useless_cycles(params.calendar, series.calendar, stamps)
    panel = arrange(series, params.fill, params.channels, lag, params.transform, params.calendar)
    if params.missing == "error":
        _refuse_gaps(panel, series)
    return panel


def arrange(
    series: Series, fill: int, channels: str, lag: int, transform: str, cycles: Sequence[str] = ()
) -> Panel:
    """The series as arrays, gaps filled from the past over at most `fill` steps, transformed, differenced.

    Raises:
        ParameterError: channels are joint, and no step is common to all series.
    """
    frame, covariates = series.frame, list(series.summary["covariates"])
    codes, names = pd.factorize(frame["unique_id"])
    stamps = frame["ds"].to_numpy().astype("int64")
    columns = frame[["y", *(COVARIATE + name for name in covariates)]].to_numpy(float)
    time, steps = np.unique(stamps, return_inverse=True)
    starts = _ends(np.bincount(codes, minlength=len(names)))
    first = steps[starts[:-1]].astype(np.int64)
    observed = ~np.isnan(columns[:, 0])
    # The last value of each series and column is carried forward over at most `fill` steps.
    groups = pd.DataFrame(columns).groupby(codes)
    filled = groups.ffill(limit=fill).to_numpy() if fill else columns
    level = filled[:, 0]
    model, scored = transformed(transform, level), observed
    if lag:
        model, scored = _difference(model, observed, starts, lag)
    clock = positions(cycles, series.calendar, time)[steps] if cycles else np.zeros((len(steps), 0))
    extras = (*covariates, *(cycle for cycle in cycles for _ in ("sine", "cosine")))
    cyclic = clock.shape[1]
    panel = Panel(
        np.column_stack([model, filled[:, 1:], clock]), level[:, None], observed[:, None], scored[:, None],
        starts, first, time, tuple(map(str, names)), lag, transform, extras, len(series.future) + cyclic,
        cyclic,
    )  # fmt: skip
    return (
        _joined(panel, bool(series.summary["shared_covariates"])) if channels == "joint" else panel
    )


def _difference(
    level: np.ndarray, observed: np.ndarray, starts: np.ndarray, lag: int
) -> tuple[np.ndarray, np.ndarray]:
    """y_t − y_{t−lag} within each series, and whether both were observed."""
    local = np.arange(len(level)) - np.repeat(starts[:-1], np.diff(starts))
    late = np.flatnonzero(local >= lag)
    model, seen = np.full_like(level, np.nan), np.zeros_like(observed)
    model[late] = level[late] - level[late - lag]
    seen[late] = observed[late] & observed[late - lag]
    return model, seen


def _joined(panel: Panel, shared: bool) -> Panel:
    """All series as the channels of one group, over the steps that they have in common.

    `shared`: they have one set of covariates. The calendar is always one.
    """
    last = panel.first + np.diff(panel.starts)
    begin, end = int(panel.first.max()), int(last.min())
    if begin >= end:
        late, early = (panel.names[int(i)] for i in (panel.first.argmax(), last.argmin()))
        raise ParameterError(
            f"window.channels = 'joint' forecasts all series together, but {late!r} begins after {early!r} "
            "has ended; take one out of prepare.targets, or set window.channels to independent"
        )
    common = panel.part(begin, end)
    series = len(panel.names)
    values = common.values.reshape(series, end - begin, -1)
    sources = values[:1] if shared else values
    kinds = [
        0,
        len(panel.extras) - panel.known,
        len(panel.extras) - panel.cyclic,
        len(panel.extras),
    ]
    blocks, extras = [values[:, :, :1]], []
    for (a, b), block in zip(pairwise(kinds), (sources, sources, values[:1]), strict=True):
        blocks.append(block[:, :, 1 + a : 1 + b])
        extras.append(panel.extras[a:b] * len(block))

    def as_channels(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array.reshape(series, -1).T)

    return replace(
        common,
        values=np.ascontiguousarray(
            np.concatenate([one for block in blocks for one in block], axis=1)
        ),
        extras=tuple(name for part in extras for name in part),
        known=sum(map(len, extras[1:])),
        levels=as_channels(common.levels),
        observed=as_channels(common.observed),
        scored=as_channels(common.scored),
        starts=np.array([0, end - begin]),
        first=np.array([0]),
    )


def _refuse_negatives(series: Series, transform: str) -> None:
    """Name the first value below 0."""
    below = series.frame[series.frame["y"] < 0]
    if len(below):
        name, stamps = below["unique_id"].iloc[0], below["ds"].to_numpy().astype("int64")
        time, value = series.calendar.text(int(stamps[0])), below["y"].iloc[0]
        raise ParameterError(
            f"window.transform = {transform!r} takes values of 0 and more, but y of series {str(name)!r} is "
            f"{value:g} at {time} (of {len(below)} values below 0); correct them, set window.transform to "
            "none, or take the series out of prepare.targets"
        )


def _refuse_gaps(panel: Panel, series: Series) -> None:
    """Name the first series or covariate with a gap; the first steps of a difference do not count."""
    holes = np.isnan(panel.values)
    joint = len(panel.names) > len(panel.first)
    for group, rows in enumerate(panel.lines()):
        for feature in range(holes.shape[1]):
            target = feature < panel.levels.shape[1]
            lost = np.isnan(panel.levels[rows, feature]) if target else holes[rows, feature]
            if not lost.any():
                continue
            step = int(panel.first[group]) + int(lost.argmax())
            name = panel.names[feature if joint and target else group]
            what = "y" if target else panel.extras[feature - panel.levels.shape[1]]
            whose = f" of series {name!r}" if target or not joint else ""
            raise ParameterError(
                f"window.missing = 'error', but {what}{whose} has {int(lost.sum())} gaps, the first at "
                f"{series.calendar.text(int(panel.time[step]))}; set window.missing to forward (filled from "
                "the past over at most window.fill_limit steps) or drop (windows that touch a gap are left "
                "out)"
            )

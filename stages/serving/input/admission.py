"""Which series of a table can be forecast: the study's rules, applied to each series."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from stages.artifacts.series import COVARIATE, Series
from stages.artifacts.windows import Layout
from stages.serving.input.horizon import horizons
from stages.serving.input.ids import Known
from stages.serving.input.lives import Life, Lives
from stages.serving.input.scales import scales
from stages.serving.input.table import column_of
from stages.serving.input.times import later
from stages.serving.input.value_cells import TableError
from stages.window.panel import Panel, arrange

TOGETHER = "the model forecasts all series together"


@dataclass(frozen=True)
class Admitted:
    """The series that are forecast, in the order of the panel's names.

    center, scale (G, F). known (G, H, k): what is known over the horizon, see `horizons`. ended: series →
    steps it ends before the latest one. rows: unseen series → rows that its scale comes from. refused: every
    other series of the table → why.
    """

    panel: Panel
    center: np.ndarray
    scale: np.ndarray
    known: np.ndarray
    ended: dict[str, int]
    rows: dict[str, int]
    refused: dict[str, str]


def admit(
    lives: Lives, layout: Layout, steps: int, lag: int, center: np.ndarray, scale: np.ndarray
) -> Admitted:
    """Apply the study's rules.

    Args:
        steps: the steps that a forecast looks back on. lag: of the difference, 0 for none.
        center, scale: as stored with the model.

    Raises:
        TableError: nothing can be forecast; with joint channels also if one of their series cannot.
    """
    refused, ended, names_known = dict(lives.refused), {}, Known(layout.series)
    after = {
        last: later(layout.calendar, lives.union, last, lives.latest, layout.horizon + 1)
        for last in {life.last for life in lives.by_name.values()}
    }
    joint = layout.channels == "joint"
    for name, life in lives.by_name.items():
        ended[name] = after[life.last]
        if why := _unknown(name, names_known, layout):
            refused[name] = why
        elif ended[name] > layout.horizon and not joint:
            refused[name] = _closed(lives, name, layout)
        elif why := _negative(life, layout):
            refused[name] = why
    names = [name for name in lives.by_name if name not in refused]
    if joint:
        _need_all(names, lives, refused, ended, layout)
        names = list(layout.series)
    if not names:
        raise TableError(none_left(refused))
    shared = joint and center.shape[1] - layout.cyclic == len(layout.series) + len(
        layout.covariates
    )
    panel = _panel(lives, names, layout, lag, shared)
    panel = _refuse(panel, _gaps(panel, lives, layout, steps), refused, joint)
    known, lacks = horizons(panel, lives, layout)
    panel = _refuse(panel, lacks, refused, joint)
    known = known[[group not in lacks for group in range(len(known))]]
    scaled = scales(panel, layout, center, scale)
    rows = {panel.names[group]: count for group, count in scaled.rows.items()}
    admitted = np.array([group not in scaled.refused for group in range(len(panel.first))])
    panel = _refuse(panel, scaled.refused, refused, joint)
    chosen = scaled.center[admitted], scaled.scale[admitted], known[admitted]
    return Admitted(panel, *chosen, ended, rows, refused)


def _unknown(name: str, known: Known, layout: Layout) -> str | None:
    """Why a name that the model does not know is not a new series; joint channels know no others."""
    if layout.channels == "joint" and name not in known.names:
        return f"the model forecasts {', '.join(layout.series)} together and no other series"
    return known.misspelt(name)


def _negative(life: Life, layout: Layout) -> str | None:
    """The first value below 0, which the study's transform does not take."""
    below = np.flatnonzero(life.values[:, 0] < 0)
    if layout.transform == "none" or not len(below):
        return None
    time, value = layout.calendar.text(int(life.stamps[below[0]])), life.values[below[0], 0]
    return (
        f"y at {time} is {value:g}, and the model (window.transform = {layout.transform!r}) takes values of "
        "0 and more; correct the row"
    )


def _closed(lives: Lives, name: str, layout: Layout) -> str:
    latest = next(other for other, life in lives.by_name.items() if life.last == lives.latest)
    text = layout.calendar.text
    return (
        f"it ends at {text(lives.by_name[name].last)}, more than {layout.horizon} steps before "
        f"{text(lives.latest)}, where {latest!r} ends: its forecast would lie in the past"
    )


def _need_all(
    names: list[str], lives: Lives, refused: dict[str, str], ended: dict[str, int], layout: Layout
) -> None:
    """Joint channels need each series, up to the same step."""
    for name in layout.series:
        if name in refused:
            raise TableError(f"series {name!r}: {refused[name]}; {TOGETHER}")
        if name not in names:
            raise TableError(f"series {name!r} is missing; {TOGETHER}")
    latest = max(lives.by_name[name].last for name in layout.series)
    for name in layout.series:
        last = lives.by_name[name].last
        if last != latest:
            end, others = layout.calendar.text(last), layout.calendar.text(latest)
            raise TableError(
                f"series {name!r} ends at {end}, others at {others}; {TOGETHER}, up to the same last step: "
                f"fill in what is missing, or leave out the rows after {end}"
            )
        ended[name] = 0


def none_left(refused: dict[str, str]) -> str:
    """The sentence of a table none of whose series can be forecast."""
    reasons = [f"{name!r}: {reason}" for name, reason in refused.items()]
    if len(reasons) == 1:
        return f"series {reasons[0]}"
    rest = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return f"no series can be forecast: {'; '.join(reasons[:3])}{rest}"


def _panel(lives: Lives, names: list[str], layout: Layout, lag: int, shared: bool) -> Panel:
    """The series as arrays, filled, transformed and differenced as the study's are.

    Args:
        shared: whether joint channels have one set of covariates for all series.
    """
    chosen = [lives.by_name[name] for name in names]
    columns = ["y", *(COVARIATE + name for name in layout.covariates)]
    frame = pd.DataFrame(np.concatenate([life.values for life in chosen]), columns=columns)
    frame["ds"] = np.concatenate([life.stamps for life in chosen])
    lengths = [len(life.stamps) for life in chosen]
    frame["unique_id"] = np.repeat(np.array(names, dtype=object), lengths)
    summary = {"covariates": list(layout.covariates), "shared_covariates": shared}
    summary |= {"future": list(layout.future), "calendar": asdict(layout.calendar)}
    study = Series(frame, summary)
    return arrange(study, layout.fill, layout.channels, lag, layout.transform, layout.cycles)


def _gaps(panel: Panel, lives: Lives, layout: Layout, steps: int) -> dict[int, str]:
    """Group → why its last steps do not suffice: too few, or a gap; with joint channels, in which series."""
    reasons, joint, channels = {}, layout.channels == "joint", panel.levels.shape[1]
    for group, line in enumerate(panel.lines()):
        name, count = panel.names[group], line.stop - line.start
        if count < steps:
            if joint:
                name = min(panel.names, key=lambda name: len(lives.by_name[name].stamps))
            reason = f"it has {count} steps; a forecast looks back on {steps}: give that many"
        else:
            targets = np.isnan(panel.levels[line.stop - steps : line.stop])
            extras = np.isnan(panel.values[line.stop - layout.lookback : line.stop, channels:])
            part = targets if targets.any() else extras
            if not part.any():
                continue
            row, column = (int(part.any(axis=axis).argmax()) for axis in (1, 0))
            if part is targets:
                what, name = "y", panel.names[column] if joint else name
            else:
                what = column_of(panel.extras[column])
            stamp = int(lives.by_name[name].stamps[row - len(part)])
            reason = _gap(what, stamp, len(part), layout)
        reasons[group] = f"{name!r}: {reason}" if joint else reason
    return reasons


def _gap(what: str, stamp: int, steps: int, layout: Layout) -> str:
    filled = f" (gaps of up to {layout.fill} are filled from the past)" if layout.fill else ""
    return (
        f"{what} at {layout.calendar.text(stamp)} is missing; the last {steps} steps must be there without "
        f"a gap{filled}"
    )


def _refuse(panel: Panel, reasons: dict[int, str], refused: dict[str, str], joint: bool) -> Panel:
    """The panel without the groups that have a reason, which is added to `refused`."""
    if not reasons:
        return panel
    if joint:
        raise TableError(f"series {reasons[0]}; {TOGETHER}")
    refused |= {panel.names[group]: reason for group, reason in reasons.items()}
    if len(reasons) == len(panel.first):
        raise TableError(none_left(refused))
    return panel.of_groups(np.array([group not in reasons for group in range(len(panel.first))]))

"""Where time is cut: train, validation and test, and the blocks that the folds forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.artifacts.series import Series
from stages.params import ParameterError
from stages.window.params import WindowParams


@dataclass(frozen=True)
class Cuts:
    """Steps: the validation part begins at `validation`, the test part at `test`; `blocks` are the edges of
    the folds' validation blocks (folds + 1 of them), which end where the one or the other begins."""

    validation: int
    test: int
    blocks: tuple[int, ...]


def until(series: Series, end: int | str | None) -> Series:
    """The series before `window.split.end`; one that begins later is left out, with the reason.

    Raises:
        ParameterError: the end lies outside the file.
    """
    if end is None:
        return series
    frame = series.frame
    time = np.unique(frame["ds"].to_numpy().astype("int64"))
    if isinstance(end, int) and end > len(time):
        raise ParameterError(
            f"window.split.end = {end} exceeds the {len(time)} steps of the file; lower it, or write null"
        )
    steps = end if isinstance(end, int) else _first("end", end, time, series.calendar)
    kept = frame[frame["ds"].to_numpy().astype("int64") <= time[steps - 1]]
    late = set(frame["unique_id"]) - set(kept["unique_id"])
    reasons = dict.fromkeys(sorted(late), f"it begins after window.split.end = {end!r}")
    left_out = {**series.summary["left_out"], **reasons}
    return replace(
        series, frame=kept.reset_index(drop=True), summary=series.summary | {"left_out": left_out}
    )


def cut(time: np.ndarray, calendar: Calendar, params: WindowParams) -> Cuts:
    """Cut T steps chronologically.

    Raises:
        ParameterError: nothing is left of a part, a date lies outside the series, or the blocks are longer
            than what there is.
    """
    steps, split = len(time), params.split
    test = steps - _length("test", split.test, time, calendar, steps)
    validation = test - _length("validation", split.validation, time[:test], calendar, steps)
    if validation < 2:
        raise ParameterError(
            f"window.split leaves {max(validation, 0)} of {steps} steps for training (validation = "
            f"{split.validation!r}, test = {split.test!r}); make the two parts smaller"
        )
    return Cuts(validation, test, _blocks(validation, test, params))


def _blocks(validation: int, test: int, params: WindowParams) -> tuple[int, ...]:
    """The edges of the folds' blocks."""
    folds, end = params.folds, test if params.folds_end == "test" else validation
    length = test - validation
    if params.fold_steps is not None:
        length = folds * params.fold_steps
    elif length < folds:
        raise ParameterError(
            f"window.folds = {folds} exceeds the {length} steps of the validation part; "
            "use fewer folds or a longer part"
        )
    begin = end - length
    if begin < 2:
        taken, remedy = f"window.fold_steps = {params.fold_steps}", "lower window.fold_steps"
        if params.fold_steps is None:
            taken = "window.fold_steps = null, as long together as the validation part"
            remedy = "set window.fold_steps"
        raise ParameterError(
            f"window.folds = {folds} blocks ({taken}) take {length} of the {end} steps before the "
            f"{params.folds_end} part (window.folds_end), so that {max(begin, 0)} are left for the first "
            f"fold's training part, which needs 2; {remedy}, use fewer window.folds, or make the parts of "
            "window.split smaller"
        )
    return tuple(begin + length * k // folds for k in range(folds + 1))


def _length(
    name: str, part: float | int | str, time: np.ndarray, calendar: Calendar, steps: int
) -> int:
    """Steps of a part that ends where `time` ends."""
    if isinstance(part, int):
        return part
    if isinstance(part, float):
        return max(1, round(part * steps))
    return len(time) - _first(name, part, time, calendar)


def _first(name: str, part: str, time: np.ndarray, calendar: Calendar) -> int:
    """The first step at or after a date, which is neither the first nor after the last."""
    if calendar.time != "datetime":
        raise ParameterError(
            f"window.split.{name} = {part!r} is a date, but the time index holds whole numbers; "
            "write a fraction or a count"
        )
    try:
        moment = pd.Timestamp(datetime.fromisoformat(part))
    except ValueError:
        raise ParameterError(
            f"window.split.{name} = {part!r} is not a date; write 2001-01-01, a fraction or a count"
        ) from None
    if calendar.zone is not None and moment.tzinfo is None:
        moment = moment.tz_localize(calendar.zone)
    if moment.tzinfo is not None:
        moment = moment.tz_convert("UTC").tz_localize(None)
    first = int(np.searchsorted(time, moment.to_datetime64().astype("datetime64[us]").astype(int)))
    if not 0 < first < len(time):
        begin, end = (calendar.text(int(stamp)) for stamp in time[[0, -1]])
        raise ParameterError(
            f"window.split.{name} = {part!r} must lie after {begin} and not after {end}, where the part "
            "before it begins and ends; choose a date between"
        )
    return first

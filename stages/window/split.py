"""Where time is cut: train, validation (in blocks) and test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.params import ParameterError
from stages.window.params import Split


@dataclass(frozen=True)
class Cuts:
    """Steps: validation begins at `validation`, test at `test`; `blocks` are the edges of the validation
    blocks (folds + 1 of them, from `validation` to `test`)."""

    validation: int
    test: int
    blocks: tuple[int, ...]


def cut(time: np.ndarray, calendar: Calendar, split: Split, folds: int) -> Cuts:
    """Cut T steps chronologically.

    Raises:
        ParameterError: nothing is left of a part, or a date lies outside the series.
    """
    steps = len(time)
    test = steps - _length("test", split.test, time, calendar, steps)
    validation = test - _length("validation", split.validation, time[:test], calendar, steps)
    if validation < 2:
        raise ParameterError(
            f"window.split leaves {max(validation, 0)} of {steps} steps for training (validation = "
            f"{split.validation!r}, test = {split.test!r}); make the two parts smaller"
        )
    if test - validation < folds:
        raise ParameterError(
            f"window.folds = {folds} exceeds the {test - validation} steps of the validation part; "
            "use fewer folds or a longer part"
        )
    edges = [validation + (test - validation) * k // folds for k in range(folds + 1)]
    return Cuts(validation, test, tuple(edges))


def _length(
    name: str, part: float | int | str, time: np.ndarray, calendar: Calendar, steps: int
) -> int:
    """Steps of a part that ends where `time` ends."""
    if isinstance(part, int):
        return part
    if isinstance(part, float):
        return max(1, round(part * steps))
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
    return len(time) - first

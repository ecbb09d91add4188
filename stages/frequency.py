"""pandas' names of frequencies, read strictly."""

from __future__ import annotations

import warnings

import pandas as pd

from stages.params import ParameterError

DAY = 86_400_000_000  # microseconds, the unit of all stamps
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def offset(alias: str) -> pd.tseries.offsets.BaseOffset:
    """pandas' offset of an alias such as `h`, `15min`, `D`, `W-SAT`, `MS`.

    Raises:
        ParameterError: there is no such alias, or its step is not a positive number of microseconds.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            step = pd.tseries.frequencies.to_offset(alias)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError, Warning):
        step = None
    if step is None:
        raise ParameterError(
            f"prepare.frequency = {alias!r}: must be `infer`, `rows` or a pandas alias such as 15min, h, D, "
            "W-SAT, MS, QS, YS; change it in params.yaml"
        )
    if step.n <= 0 or (isinstance(step, pd.offsets.Tick) and step.nanos % 1000):
        raise ParameterError(
            f"prepare.frequency = {alias!r}: the step must be positive and of whole microseconds; name the "
            "distance between two rows"
        )
    return step


def fixed_step(alias: str) -> int | None:
    """Microseconds from one step to the next; None where they differ, as months do."""
    step = offset(alias)
    if isinstance(step, pd.offsets.Tick):
        return int(step.nanos) // 1000
    days = {pd.offsets.Day: 1, pd.offsets.Week: 7}.get(type(step))
    return days * DAY * int(step.n) if days else None

"""pandas' names of frequencies, read strictly."""

from __future__ import annotations

import warnings

import pandas as pd

from stages.params import ParameterError

DAY = 86_400_000_000  # microseconds, the unit of all stamps
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Aliases that pandas refuses or soon will, and what to write instead.
RENAMED = {
    "M": "MS (start of the month) or ME (its end)",
    "Q": "QS (start of the quarter) or QE (its end)",
    "Y": "YS (start of the year) or YE (its end)",
    "A": "YS (start of the year) or YE (its end)",
    "H": "h", "T": "min", "S": "s", "d": "D", "w": "W", "b": "B",
}  # fmt: skip
_FAILURES = (ValueError, TypeError, OverflowError, ArithmeticError, Warning)


def _strict(alias: str) -> pd.tseries.offsets.BaseOffset:
    """pandas' offset of an alias; raises one of _FAILURES, for a deprecated alias too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return pd.tseries.frequencies.to_offset(alias)


def refuse_useless(alias: str) -> None:
    """Refuse text that is not an alias, and an alias that is not a step forward in time as data can have it.

    Raises:
        ValueError: the rule and the remedy, for the value of a parameter.
    """
    if (unit := alias.lstrip("0123456789")) in RENAMED:
        raise ValueError(f"is not a pandas alias; write {RENAMED[unit]} for {unit}")
    monday = pd.Timestamp("2000-01-03")
    try:
        step = _strict(alias)
        later = monday + step
    except _FAILURES:
        raise ValueError(
            "must be `infer`, `rows` or a pandas alias such as h, D, B, W-SAT, MS, QS, YS, 15min; write one "
            "of them"
        ) from None
    if step.n < 1 or later <= monday:
        raise ValueError(
            "must be a step forward in time; write a number of 1 or more, or leave it out"
        )
    if later.nanosecond:
        raise ValueError("must be whole microseconds, the unit of all times; write a longer step")
    if later.year > 2100:
        raise ValueError("must be a step of 100 years at most; write a shorter one")


def offset(alias: str) -> pd.tseries.offsets.BaseOffset:
    """pandas' offset of an alias such as `h`, `15min`, `D`, `W-SAT`, `MS`.

    Raises:
        ParameterError: there is no such alias, or its step is not a positive number of microseconds.
    """
    try:
        step = _strict(alias)
    except _FAILURES:
        raise ParameterError(
            f"prepare.frequency = {alias!r}: must be `infer`, `rows` or a pandas alias such as 15min, h, D, "
            "W-SAT, MS, QS, YS; change it in params.yaml"
        ) from None
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

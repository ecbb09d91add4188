"""Which pandas aliases are a frequency that steps forward in time."""

from __future__ import annotations

import warnings

import pandas as pd

EXAMPLES = "h, D, B, W-SAT, MS, QS, YS, 15min"
# What pandas does not take, or not for long, and what is meant by it.
RENAMED = {
    "M": "MS (start of the month) or ME (its end)",
    "Q": "QS (start of the quarter) or QE (its end)",
    "Y": "YS (start of the year) or YE (its end)",
    "A": "YS (start of the year) or YE (its end)",
    "H": "h",
    "T": "min",
    "S": "s",
    "d": "D",
    "w": "W",
    "b": "B",
}


def refuse_useless(alias: str) -> None:
    """Refuse what is no alias, or no step from one time to a later one that the data can have.

    Raises:
        ValueError: the rule and the remedy, for the value of a parameter.
    """
    unit = alias.lstrip("0123456789")
    if unit in RENAMED:
        raise ValueError(f"is not a pandas alias; write {RENAMED[unit]} for {unit}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of aliases that are about to go
            offset = pd.tseries.frequencies.to_offset(alias)
            later = pd.Timestamp("2000-01-03") + offset
    except (ValueError, TypeError, OverflowError, ArithmeticError, Warning):
        raise ValueError(
            f"must be `infer`, `rows` or a pandas alias such as {EXAMPLES}; write one of them"
        ) from None
    if offset.n < 1 or later <= pd.Timestamp("2000-01-03"):
        raise ValueError("must be a step forward in time; write a number of 1 or more, or none")
    if later.nanosecond:
        raise ValueError("must be whole microseconds, which times are kept in; write a longer step")
    if later.year > 2100:
        raise ValueError("must be a step of 100 years at most; write a shorter one")

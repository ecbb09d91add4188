"""Months, quarters, years and weeks without a day: which day of the period their stamp is."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from stages.frequency import DAY, fixed_step, offset
from stages.params import ParameterError
from stages.prepare.steps import moment

FIRST = "the first of each period, since the file names none"


def _period_of(format: str | None) -> str | None:
    """numpy's unit of the period that the format names; None where it names a day, or there is no format."""
    if format is None or re.search("%[djuHI]", format):
        return None
    if "%V" in format:
        return "W"
    return "M" if re.search("%[mbBhq]", format) else "Y"


def stamped(
    stamps: np.ndarray, format: str | None, frequency: str
) -> tuple[np.ndarray, dict[str, str]]:
    """The stamps (n,) of the periods' first days, or of the day in them that prepare.frequency names (`ME`).

    Returns:
        the stamps, and which day they are, in words; no words where the format names the day.

    Raises:
        ParameterError: steps of the frequency are shorter than the periods.
    """
    period = _period_of(format)
    if format is None or period is None:
        return stamps, {}
    if frequency in ("infer", "rows"):
        return stamps, {"day": FIRST}
    step = offset(frequency)
    _long_enough(frequency, period)
    distinct, codes = np.unique(stamps, return_inverse=True)
    days = [step.rollforward(moment(stamp)) for stamp in distinct]
    rolled = pd.DatetimeIndex(days).as_unit("us").asi8
    outside = rolled >= _ends(distinct, period, 3 if "%q" in format else 1)
    if outside.any() or (rolled == distinct).all():
        return stamps, {"day": FIRST}
    named = f"the one of each period that prepare.frequency = {frequency!r} names"
    return rolled[codes], {"day": named}


def _long_enough(frequency: str, period: str) -> None:
    """Refuses steps that are shorter than the file's periods, such as days for months."""
    weeks = (fixed_step(frequency) or 1) % (7 * DAY) == 0
    months = re.match("(B|CB)?[MQY][SE]", offset(frequency).rule_code) is not None
    if not (months or (weeks and period == "W")):
        name = {"W": "weeks", "M": "months or quarters", "Y": "years"}[period]
        alias = {"W": "W-MON", "M": "MS or QS", "Y": "YS"}[period]
        raise ParameterError(
            f"prepare.frequency = {frequency!r}: the file names {name} and no days; use {alias}, or `infer`"
        )


def _ends(stamps: np.ndarray, period: str, count: int) -> np.ndarray:
    """(n,) the first moment after each period."""
    if period == "W":
        return stamps + 7 * DAY
    begins = stamps.astype("datetime64[us]").astype(f"datetime64[{period}]") + count
    return begins.astype("datetime64[us]").astype(np.int64)

"""Months, quarters, years and weeks without a day: which day of the period their stamp is."""

from __future__ import annotations

import re

import numpy as np

from stages.frequency import DAY, fixed_step, offset
from stages.prepare.steps import moment

FIRST = "the first of each period, since the file names none"


def period_of(format: str) -> str | None:
    """numpy's unit of the period that the format names; None where it names a day."""
    if re.search("%[djuHI]", format):
        return None
    if "%V" in format:
        return "W"
    return "M" if re.search("%[mbBhq]", format) else "Y"


def stamped(stamps: np.ndarray, format: str, frequency: str) -> tuple[np.ndarray, dict[str, str]]:
    """The stamps (n,) of the periods' first days, or of the day in them that prepare.frequency names (`ME`).

    Returns:
        the stamps, and which day they are, in words; no words where the format names the day.
    """
    period = period_of(format)
    if period is None:
        return stamps, {}
    if frequency in ("infer", "rows") or (fixed_step(frequency) or 7 * DAY) % (7 * DAY):
        return stamps, {"day": FIRST}
    step = offset(frequency)
    distinct, codes = np.unique(stamps, return_inverse=True)
    rolled = np.array(
        [step.rollforward(moment(stamp)).to_datetime64() for stamp in distinct],
        dtype="datetime64[us]",
    ).astype(np.int64)
    if (rolled >= _ends(distinct, period, 3 if "%q" in format else 1)).any():
        return stamps, {"day": FIRST}
    if (rolled == distinct).all():
        return stamps, {"day": FIRST}
    return rolled[codes], {
        "day": f"the one of each period that prepare.frequency = {frequency!r} names"
    }


def _ends(stamps: np.ndarray, period: str, count: int) -> np.ndarray:
    """(n,) the first moment after each period."""
    if period == "W":
        return stamps + 7 * DAY
    begins = stamps.astype("datetime64[us]").astype(f"datetime64[{period}]") + count
    return begins.astype("datetime64[us]").astype(np.int64)

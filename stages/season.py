"""The season that a frequency tells."""

from __future__ import annotations

import re

# Steps of the cycle that people expect of a frequency: the day for hours and less, the week for days,
# the year for weeks, months and quarters. Yearly data and plain counts tell none.
_STEPS = {
    "s": 86_400, "min": 1_440, "h": 24, "D": 7, "B": 5, "W": 52,
    "SMS": 24, "SME": 24, "MS": 12, "ME": 12, "BMS": 12, "BME": 12,
    "QS": 4, "QE": 4, "BQS": 4, "BQE": 4,
}  # fmt: skip


def infer_season(frequency: str) -> int | None:
    """Steps of one season for a pandas alias such as `MS`, `W-SAT`, `15min`; None where it tells none."""
    match = re.fullmatch(r"(\d*)([A-Za-z]+)(-[A-Za-z]+)?", frequency)
    if match is None or match[2] not in _STEPS:
        return None
    season, rest = divmod(_STEPS[match[2]], int(match[1] or 1))
    return season if rest == 0 and season > 1 else None

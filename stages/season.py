"""The season that a frequency implies, and what is said where it implies none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stages.frequency import DAY, fixed_step
from stages.params import ParameterError

# Steps of the cycle that people expect of a frequency: the day for hours and less, the week for days,
# the year for weeks, months and quarters. Yearly data and plain counts imply none.
_STEPS = {
    "B": 5, "SMS": 24, "SME": 24, "MS": 12, "ME": 12, "BMS": 12, "BME": 12, "CBMS": 12, "CBME": 12,
    "WOM": 12, "LWOM": 12, "QS": 4, "QE": 4, "BQS": 4, "BQE": 4,
}  # fmt: skip


def infer_season(frequency: str) -> int | None:
    """Steps of one season for a pandas alias such as `MS`, `W-SAT`, `15min`; None where it implies none."""
    try:
        fixed = fixed_step(frequency)
    except ParameterError:  # a whole-number step, or `rows`
        return None
    if fixed is not None:
        return _whole(*_cycle(fixed))
    match = re.fullmatch(r"(\d*)([A-Za-z]+)(-\w+)?", frequency)
    if match is None or match[2] not in _STEPS:
        return None
    return _whole(_STEPS[match[2]], int(match[1] or 1))


def unknown_season(needs: Sequence[str], frequency: str) -> str:
    """The sentence that refuses a study in which `needs` need a season and none is known."""
    verb = "needs" if len(needs) == 1 else "need"
    return (
        f"evaluate.season is null, but {' and '.join(needs)} {verb} a season, and the frequency "
        f"{frequency!r} implies none; set evaluate.season to the steps of one cycle (11 for yearly sunspots, "
        "12 for monthly data with a yearly cycle, 1 if there is none)"
    )


def _cycle(step: int) -> tuple[int, int]:
    """The cycle for a step in microseconds, and the step, both in the same unit."""
    if step < DAY:
        return DAY, step
    if step % (7 * DAY) == 0:
        return 52, step // (7 * DAY)
    return 7 * DAY, step


def _whole(cycle: int, step: int) -> int | None:
    season, rest = divmod(cycle, step)
    return season if rest == 0 and season > 1 else None

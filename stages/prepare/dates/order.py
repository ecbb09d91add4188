"""Day before month or month before day: decided where the whole column leaves one answer, else refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.frequency import DAY
from stages.params import ParameterError
from stages.prepare.dates.formats import Reading
from stages.prepare.dates.times import Texts
from stages.prepare.rhythm import share
from stages.prepare.steps import distinct, moment

_FULL, _EMPTY = 0.5, 0.1  # shares of the steps of a regular calendar that have a stamp
_LEAST = 5  # different times that are needed as evidence


@dataclass(frozen=True)
class Order:
    """Evidence, other than the texts, for the order of day and month.

    Attributes:
        rows: (n,) the text of each row, as its number. series: (n,) the series of each row.
        frequency: prepare.frequency.
    """

    rows: np.ndarray
    series: np.ndarray
    frequency: str


def decide(readings: list[Reading], texts: Texts, order: Order) -> tuple[Reading, str]:
    """The one reading that the calendar or the order of the rows supports, and why.

    Raises:
        ParameterError: they support none; names a row, both readings and the remedy.
    """
    times = [distinct(reading.stamps) for reading in readings]
    if all(np.array_equal(readings[0].stamps, other.stamps) for other in readings[1:]):
        return readings[0], "day and month are the same in every row"
    evidence = (_by_frequency, _by_calendar, _by_rows)
    answers = [ask(readings, times, order) for ask in evidence]
    reasons = [(reading, why) for reading, why in answers if reading is not None]
    if len({reading.format for reading, _ in reasons}) == 1:  # contradictions decide nothing
        return reasons[0]
    row = int(np.argmax(readings[0].stamps != readings[1].stamps))
    dates = [f"{moment(r.stamps[row]):%Y-%m-%d} by {r.format}" for r in readings]
    formats = " or ".join(f'"{reading.format}"' for reading in readings)
    raise ParameterError(
        f"prepare.time: the order of day and month is open: {texts.has(row)}, which is "
        f"{' and '.join(dates)}, and no row decides; set prepare.date_format: {formats}"
    )


Chosen = tuple[Reading | None, str]


def _by_frequency(readings: list[Reading], times: list[np.ndarray], order: Order) -> Chosen:
    """Only one reading lies on the steps of prepare.frequency and fills them."""
    if order.frequency in ("infer", "rows"):
        return None, ""
    parts = [share(stamps, order.frequency) for stamps in times]
    for reading, part in zip(readings, parts):
        if sum(parts) == part > 0 or _stands_out(part, parts):
            return reading, f"only this order follows prepare.frequency = {order.frequency!r}"
    return None, ""


def _by_calendar(readings: list[Reading], times: list[np.ndarray], _: Order) -> Chosen:
    """Only one reading is a regular calendar."""
    if len(times[0]) < _LEAST:
        return None, ""
    parts = [regular(stamps) for stamps in times]
    for reading, part in zip(readings, parts):
        if _stands_out(part, parts):
            return reading, "only this order has evenly spaced dates"
    return None, ""


def _by_rows(readings: list[Reading], times: list[np.ndarray], order: Order) -> Chosen:
    """Only one reading has the rows of every series in order of time."""
    if len(times[0]) < _LEAST:
        return None, ""
    in_order = [reading for reading in readings if _in_order(reading.stamps[order.rows], order)]
    if len(in_order) == 1:
        return in_order[0], "only this order has the rows in order of time"
    return None, ""


def _stands_out(part: float, parts: list[float]) -> bool:
    return part >= _FULL and sum(other >= _EMPTY for other in parts) == 1


def regular(stamps: np.ndarray) -> float:
    """The share of steps that have a stamp, where a step is the largest that divides all distances."""
    if len(stamps) < 2:
        return 0.0
    step = int(np.gcd.reduce(np.diff(stamps)))
    parts = [len(stamps) / ((stamps[-1] - stamps[0]) / step + 1)]
    days, times = np.divmod(stamps, DAY)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    of_month = days - months.astype("datetime64[D]").astype(np.int64)
    to_end = (months + 1).astype("datetime64[D]").astype(np.int64) - days
    same_time = (times == times[0]).all()
    if same_time and ((of_month == of_month[0]).all() or (to_end == 1).all()):
        number = months.astype(np.int64)
        parts.append(len(stamps) / ((number[-1] - number[0]) / np.gcd.reduce(np.diff(number)) + 1))
    return float(max(parts))


def _in_order(stamps: np.ndarray, order: Order) -> bool:
    """Whether the stamps of each series rise from row to row, or fall in all of them."""
    by_series = np.argsort(order.series, kind="stable")
    distances = np.diff(stamps[by_series])[np.diff(order.series[by_series]) == 0]
    return len(distances) > 0 and bool((distances > 0).all() or (distances < 0).all())

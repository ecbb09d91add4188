"""The common grid: every series from its first to its last value, a gap where the file has no row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.frequency import DAY, fixed_step
from stages.params import ParameterError
from stages.prepare.dates.times import Times
from stages.prepare.rhythm import rhythm
from stages.prepare.steps import MOST_GAPS, Steps, distinct, first, moment, steps_of, too_many
from stages.zones import to_local

_LEAST = 3  # steps
_LEFT_OUT = 0.25  # largest share of whole numbers that may be missing if they are counts
HOUR = DAY // 24


def regular(rows: pd.DataFrame, times: Times, frequency: str) -> tuple[pd.DataFrame, Calendar]:
    """Every series on the grid from its first to its last value of y.

    Args:
        rows: unique_id, y (NaN where there is no value), and float columns `covariate:NAME`.
        times: the stamp of each row.
        frequency: a pandas alias, `infer`, or `rows`.

    Returns:
        the rows as `Series.frame` has them: sorted by series in order of appearance, then ds; steps without a
        row are NaN; series without any value have no rows. And the calendar.

    Raises:
        ParameterError: two rows of a series at one time, a stamp off the grid, too few steps, or a frequency
            that does not suit the stamps; says which.
    """
    codes, names = pd.factorize(rows["unique_id"])
    alive = life_spans(codes, times.stamps, rows["y"].to_numpy())
    rows, codes, stamps = rows[alive], codes[alive], times.stamps[alive]
    if rows.empty:
        raise ParameterError("no series has a value; name the column of the values in params.yaml")
    order = _order(codes, stamps)
    codes, stamps = codes[order], stamps[order]
    _no_duplicates(codes, stamps, names, times)
    steps, calendar = _steps(stamps, times, frequency)
    numbers = _on_grid(steps, codes, stamps, names, calendar)
    spans = _Spans(codes, numbers)
    _sparse(spans, int(rows["y"].count()), frequency, calendar, stamps)
    return _framed(rows, order, spans, names, steps, calendar), calendar


class _Spans:
    """Where the rows of each series go: from its first to its last step, one series after the other."""

    def __init__(self, codes: np.ndarray, numbers: np.ndarray) -> None:
        begins = np.flatnonzero(np.diff(codes, prepend=-1))
        ends = np.append(begins[1:], len(codes)) - 1
        self.codes = codes[begins]  # (series,)
        self.first = numbers[begins]  # (series,) step
        self.lengths = numbers[ends] - self.first + 1  # (series,)
        self.total = int(self.lengths.sum(dtype=np.float64))
        starts = np.cumsum(self.lengths) - self.lengths
        self.shift = self.first - starts  # (series,) step minus row
        self.rows = numbers - np.repeat(self.shift, ends - begins + 1)  # (n,) row of the result

    def numbers(self) -> np.ndarray:
        """(total,) the step of every row of the result."""
        return np.arange(self.total) + np.repeat(self.shift, self.lengths)


def _order(codes: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    """(n,) the numbers of the rows, sorted by series, then time."""
    to_next, distances = np.diff(codes), np.diff(stamps)
    if ((to_next > 0) | ((to_next == 0) & (distances >= 0))).all():
        return np.arange(len(codes))
    return np.lexsort((stamps, codes))


def life_spans(codes: np.ndarray, stamps: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) bool: rows from the first to the last value of their series; what lies outside is not a gap.

    Args:
        codes: (n,) the series of each row. stamps: (n,) its time. y: (n,) its value, NaN where there is none.
    """
    begins, ends = _ends(codes, stamps, y)
    return (stamps >= begins[codes]) & (stamps <= ends[codes])


def after_life(codes: np.ndarray, stamps: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) bool: rows after the last value of their series, if it has one; arguments as of `life_spans`."""
    begins, ends = _ends(codes, stamps, y)
    return (stamps > ends[codes]) & (begins <= ends)[codes]


def _ends(codes: np.ndarray, stamps: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(series,) the times of the first and the last value; the first after the last where there is none."""
    seen, limits, count = ~np.isnan(y), np.iinfo(np.int64), codes.max(initial=-1) + 1
    begins, ends = np.full(count, limits.max), np.full(count, limits.min)
    np.minimum.at(begins, codes[seen], stamps[seen])
    np.maximum.at(ends, codes[seen], stamps[seen])
    return begins, ends


def _no_duplicates(codes: np.ndarray, stamps: np.ndarray, names: pd.Index, times: Times) -> None:
    row = first((np.diff(codes) == 0) & (np.diff(stamps) == 0))
    if row is None:
        return
    stamp = int(stamps[row])
    time = Calendar("rows", times.kind, times.zone).text(stamp)
    fault = f"{names[codes[row]]} has two rows at {time}"
    wall_clock = times.kind == "datetime" and times.zone is None
    within_days = bool((stamps % DAY != stamps[0] % DAY).any())
    if wall_clock and within_days and moment(stamp).weekday() == 6 and moment(stamp).hour < 4:
        raise ParameterError(
            f"{fault}, most likely because the clock goes back to winter time that night (daylight saving); "
            "set prepare.zone (Europe/Berlin, America/New_York, …), or write the times in UTC or with offsets"
        )
    raise ParameterError(f"{fault}; keep one, or aggregate them")


def _steps(stamps: np.ndarray, times: Times, frequency: str) -> tuple[Steps, Calendar]:
    """The steps of the grid and the calendar.

    Args:
        stamps: (n,) of all rows within life spans, in any order.
    """
    unique = distinct(stamps)
    if len(unique) < _LEAST:
        raise ParameterError(
            f"the number of times at which the file has values is {len(unique)}; at least {_LEAST} are needed"
        )
    if frequency == "rows":
        return Steps(0, None, unique), _calendar_of_rows(unique, times)
    if times.kind == "integer":
        return _whole_numbers(unique, frequency)
    if frequency == "infer":
        seen = rhythm(unique)
        if seen.alias is None:
            raise ParameterError(
                f"prepare.frequency = 'infer': no frequency fits these times ({seen.words})"
                f"{_shifted(unique, times.zone)}; set "
                "prepare.frequency: rows to take the times of the file as the steps, or name a frequency "
                "(h, D, B, W-SAT, MS, …) whose other steps are gaps"
            )
        frequency = seen.alias
    begin, end = int(unique[0]), int(unique[-1])
    if fixed_step(frequency) is None and too_many(frequency, begin, end, MOST_GAPS * len(stamps)):
        raise ParameterError(
            f"prepare.frequency = {frequency!r} has more than {MOST_GAPS} steps for each value of the file "
            f"from {moment(begin)} to {moment(end)}; name a longer one, or set prepare.frequency: rows"
        )
    return steps_of(frequency, begin, end), Calendar(frequency, "datetime", times.zone)


def _shifted(unique: np.ndarray, zone: str | None) -> str:
    """A hint where the time of day shifts by an hour, as midnights of one zone do in another."""
    clock = np.unique(unique % DAY)
    if len(clock) == 2 and (clock[1] - clock[0]) in (HOUR, DAY - HOUR):
        how = "" if zone else "write the times with offsets (Z for UTC) and "
        return f", two times of day an hour apart, as midnights of another zone are; {how}set prepare.zone"
    return ""


def _whole_numbers(unique: np.ndarray, frequency: str) -> tuple[Steps, Calendar]:
    if frequency != "infer":
        raise ParameterError(
            f"prepare.frequency = {frequency!r} needs dates, but the time is whole numbers; use `infer` or "
            "`rows`, set prepare.date_format if they are dates, or use YS if they are years"
        )
    distance = int(np.diff(unique).min())
    return Steps(int(unique[0]), distance), Calendar(str(distance), "integer")


def _calendar_of_rows(unique: np.ndarray, times: Times) -> Calendar:
    if times.kind == "integer":
        steps, counts = np.unique(np.diff(unique), return_counts=True)
        common = counts.max() >= 0.5 * counts.sum()
        return Calendar("rows", "integer", None, str(steps[counts.argmax()]) if common else None)
    pattern = rhythm(unique).pattern
    if times.zone is not None and (pattern is None or " " in pattern):  # opening hours are local
        pattern = rhythm(distinct(to_local(unique, times.zone))).pattern
    return Calendar("rows", "datetime", times.zone, pattern)


def _on_grid(
    steps: Steps, codes: np.ndarray, stamps: np.ndarray, names: pd.Index, calendar: Calendar
) -> np.ndarray:
    """(n,) the step of each row; refuses the first row that is not on a step."""
    numbers = steps.numbers(stamps)
    off = first(numbers < 0)
    if off is None:
        return numbers
    begin = calendar.text(steps.first)
    row = f"{names[codes[off]]} at {calendar.text(int(stamps[off]))}"
    if calendar.time == "integer":
        raise ParameterError(
            f"prepare.time: {row} does not lie on the grid of steps of {calendar.frequency} that begins at "
            f"{begin}; correct the row, or set prepare.frequency: rows"
        )
    seen = rhythm(distinct(stamps))
    fits = seen.alias and seen.alias != calendar.frequency
    remedy = f"{seen.alias!r}, `infer` or `rows`" if fits else "`rows`"
    raise ParameterError(
        f"prepare.time: {row} does not lie on the grid of prepare.frequency = {calendar.frequency!r} that "
        f"begins at {begin}; the times of the file are {seen.words}: correct the row, or use {remedy}"
    )


def _sparse(
    spans: _Spans, values: int, frequency: str, calendar: Calendar, stamps: np.ndarray
) -> None:
    """Refuses a grid that would consist mostly of gaps, unless params.yaml names the frequency."""
    gaps = spans.total - values
    if frequency == "rows":
        return
    if calendar.time == "integer":
        _coded(spans, calendar, distinct(stamps))
    elif gaps > MOST_GAPS * values or (frequency == "infer" and gaps > values):
        keep = "" if frequency != "infer" else f", or {calendar.frequency} if the gaps are meant"
        raise ParameterError(
            f"prepare.frequency = {frequency!r}: steps of {calendar.frequency} would leave {gaps} gaps for "
            f"{values} values (the times are {rhythm(distinct(stamps)).words}); set prepare.frequency: rows "
            f"to take the times of the file as the steps{keep}"
        )


def _coded(spans: _Spans, calendar: Calendar, unique: np.ndarray) -> None:
    """Refuses whole numbers with many missing: codes of dates, as 202052 and then 202101, are not counts."""
    lived = spans.total
    if lived <= MOST_GAPS * len(unique):  # otherwise there are too many in any case
        lived = len(distinct(spans.numbers()))
    if lived - len(unique) <= _LEFT_OUT * lived:
        return
    meaning = "codes of dates (year and week, day and month, …)"
    remedy = "write them as dates (2024-01-31, 2024-W05), or set prepare.date_format"
    if unique[0] >= 20_000 and unique[-1] <= 80_000:
        meaning = "Excel's day numbers"
        remedy = "format the column as dates (2024-01-31) before saving it"
    raise ParameterError(
        f"prepare.time: of the whole numbers from {unique[0]} to {unique[-1]} in steps of "
        f"{calendar.frequency}, {lived - len(unique)} of {lived} are missing. If they are {meaning}, "
        f"{remedy}; if they are counts, add rows without a value for those that are missing, or set "
        "prepare.frequency: rows to leave them out"
    )


def _framed(
    rows: pd.DataFrame,
    order: np.ndarray,
    spans: _Spans,
    names: pd.Index,
    steps: Steps,
    calendar: Calendar,
) -> pd.DataFrame:
    stamps = steps.stamps(spans.numbers())
    ids = pd.Index(names.astype("str")).take(np.repeat(spans.codes, spans.lengths))
    ds = stamps.astype("datetime64[us]") if calendar.time == "datetime" else stamps
    framed = {"unique_id": ids, "ds": ds}
    for name in rows.columns.drop("unique_id"):
        filled = np.full(spans.total, np.nan)
        filled[spans.rows] = rows[name].to_numpy(dtype=np.float64)[order]
        framed[name] = filled
    return pd.DataFrame(framed)

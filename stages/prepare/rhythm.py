"""What the stamps of a file show: a frequency that pandas names, or a pattern that it has no name for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from stages.artifacts.pattern import Monthly, Weekly, on_day
from stages.frequency import DAY, WEEKDAYS
from stages.prepare.steps import MOST_GAPS, steps_of, too_many

_EVERY_DAY = 7
_MOST = 0.9  # least share of the stamps that lie on a pattern
_HALF = 0.5  # least share of a pattern's steps that have a stamp


@dataclass(frozen=True)
class Rhythm:
    """alias: the frequency, if pandas has a name for it. pattern: what the next stamps follow (an alias, or
    `stages.artifacts.pattern`'s text), None where there is none. words: what the stamps show, for a sentence.
    """

    alias: str | None
    pattern: str | None
    words: str


def rhythm(stamps: np.ndarray) -> Rhythm:
    """The rhythm of stamps.

    Args:
        stamps: (n,) int64, rising and without duplicates, µs since 1970 of the wall clock.
    """
    if len(stamps) < 3:
        return Rhythm(None, None, "too few to show a frequency")
    days, times = np.divmod(stamps, DAY)
    if (times != times[0]).any():
        return _within_days(stamps, days, times)
    seen = _monthly(days) or _fixed_days(days) or _listed(stamps)
    if seen is not None:
        full = seen.alias is None or share(stamps, seen.alias) >= _HALF
        return seen if full else _patterned(days, seen.alias)
    return _patterned(days, None)


def _by_alias(alias: str) -> Rhythm:
    return Rhythm(alias, alias, f"steps of {alias!r}")


def share(stamps: np.ndarray, alias: str) -> float:
    """The share of a frequency's steps from the first to the last stamp that have a stamp; 0 where a stamp is
    not on a step.
    """
    first, last = int(stamps[0]), int(stamps[-1])
    if too_many(alias, first, last, MOST_GAPS * len(stamps)):
        return 0.0
    steps = steps_of(alias, first, last).numbers(stamps)
    return 0.0 if (steps < 0).any() else len(stamps) / float(steps[-1] - steps[0] + 1)


def _mode(values: np.ndarray) -> int:
    """The commonest value; the smallest of equally common ones."""
    numbers, counts = np.unique(values, return_counts=True)
    return int(numbers[np.argmax(counts)])


# Days ------------------------------------------------------------------------------------------------------


def _monthly(days: np.ndarray) -> Rhythm | None:
    """One stamp a month, every k months, on a day that has an alias, or always on the same day."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    distances: Any = np.diff(months.astype(np.int64))
    if (distances < 1).any():
        return _half_months(dates, months)
    every = _mode(distances)
    if (distances % every).any():
        return None
    base = _base(days, months)
    if base is not None:
        return _by_alias(_month_alias(base, every, dates[0]))
    if len(set(np.diff(days))) == 1:  # 28 days
        return None
    day = int((days - months.astype("datetime64[D]").astype(np.int64)).max()) + 1
    if (on_day(months, day) != days).any():
        return None
    of = "each month" if every == 1 else f"every {every} months"
    return Rhythm(None, str(Monthly(day, every)), f"day {day} of {of}")


def _base(days: np.ndarray, months: np.ndarray) -> str | None:
    """The family of aliases on whose day of the month all stamps lie."""
    begin, end = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]") - 1
    families = {
        "MS": begin, "ME": end,
        "BMS": np.busday_offset(begin, 0, roll="forward"), "BME": np.busday_offset(end, 0, roll="backward"),
    }  # fmt: skip
    for name, expected in families.items():
        if (expected.astype(np.int64) == days).all():
            return name
    return None


def _month_alias(base: str, every: int, first: np.datetime64) -> str:
    """`MS`, `2MS`, `QS-FEB`, `YE-JUN`, …"""
    month = int(first.astype("datetime64[M]").astype(np.int64) % 12)
    names = [f"{name:%b}".upper() for name in pd.date_range("2001-01-01", periods=12, freq="MS")]
    if every % 12 == 0:
        count = "" if every == 12 else str(every // 12)
        return f"{count}{base.replace('M', 'Y')}-{names[month]}"
    if every == 3:
        quarter = month % 3 if base.endswith("S") or month % 3 != 2 else 11
        return f"{base.replace('M', 'Q')}-{names[quarter]}"
    return base if every == 1 else f"{every}{base}"


def _half_months(dates: np.ndarray, months: np.ndarray) -> Rhythm | None:
    day = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    last = (dates + 1).astype("datetime64[M]") != months
    for alias, other in (("SMS", day == 1), ("SME", last)):
        if ((day == 15) | other).all():
            return _by_alias(alias)
    return None


def _fixed_days(days: np.ndarray) -> Rhythm | None:
    """Every day, business day, week or k days."""
    distances = np.diff(days)
    every = _mode(distances)
    weekdays = np.unique((days + 3) % 7)  # 1970-01-01 was a Thursday
    span = int(days[-1] - days[0]) + 1
    if every == 1 and len(weekdays) < _EVERY_DAY and (distances > 1).any():
        if (weekdays < 5).all() and _count(days, np.arange(7) < 5) == len(days):
            return Rhythm("B", "B", "business days, Mon to Fri")
        if span >= 14:
            return None
    if (distances % every).any():
        return None
    alias = f"{every}D" if every > 1 else "D"
    if every % 7 == 0:
        count = "" if every == 7 else str(every // 7)
        alias = f"{count}W-{WEEKDAYS[weekdays[0]].upper()}"
    return _by_alias(alias)


def _listed(stamps: np.ndarray) -> Rhythm | None:
    """What pandas itself infers, such as the third Friday of a month, from stamps without gaps."""
    if len(stamps) > 10_000:
        return None
    with pd.option_context("future.infer_freq_returns_offset", True):
        step: Any = pd.infer_freq(pd.DatetimeIndex(stamps.astype("datetime64[us]")))
    return None if step is None else _by_alias(step.freqstr)


def _patterned(days: np.ndarray, alias: str | None) -> Rhythm:
    """A pattern of weekdays, or none; the alias stays, even if most of its steps are gaps."""
    counts, common = _weekdays(days)
    expected, held = _count(days, common), int(counts[common].sum())
    if len(days) < 4 or held < _MOST * len(days) or held < _HALF * expected:
        return Rhythm(alias, None, _distances(days * DAY))
    names = tuple(compress(WEEKDAYS, common))
    pattern = "B" if names == WEEKDAYS[:5] else str(Weekly(names))
    pattern = "D" if len(names) == _EVERY_DAY else pattern
    missing = f", {expected - held} of {expected} such days left out" if held < expected else ""
    return Rhythm(alias, pattern, ", ".join(names) + missing)


def _weekdays(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(7,) from Monday: how many of the days fall on it, and whether these are at least half of its dates.

    A weekday that does not occur from the first to the last day counts as common: nothing contradicts it.
    """
    counts = np.bincount((days + 3) % 7, minlength=7)
    dates = np.array([_count(days, np.arange(7) == weekday) for weekday in range(7)])
    return counts, counts >= _HALF * dates


def _count(days: np.ndarray, weekdays: np.ndarray) -> int:
    """How many days from the first to the last are such weekdays ((7,) bool, from Monday)."""
    if not weekdays.any():  # numpy refuses a week without days
        return 0
    begin, end = np.datetime64(int(days[0]), "D"), np.datetime64(int(days[-1]) + 1, "D")
    return int(np.busday_count(begin, end, weekmask=weekdays.tolist()))


# Times of the day ------------------------------------------------------------------------------------------


def _within_days(stamps: np.ndarray, days: np.ndarray, times: np.ndarray) -> Rhythm:
    """A fixed distance, or the opening hours of some days of the week."""
    distances = np.diff(stamps)
    every = _mode(distances)
    alias = None
    if not (distances % every).any():
        alias = to_offset(pd.Timedelta(every, unit="us")).freqstr
        if share(stamps, alias) >= _HALF:
            return _by_alias(alias)
    week = _opening_hours(days, times, every)
    words = f"{week} with closed hours between" if week else _distances(stamps)
    return Rhythm(alias, str(week) if week else None, words)


def _opening_hours(days: np.ndarray, times: np.ndarray, every: int) -> Weekly | None:
    clock, often = np.unique(times, return_counts=True)
    clock = clock[often >= often.max() / 2]
    if len(clock) < 2 or (np.diff(clock) != every).any() or (clock % 1_000_000).any():
        return None
    unique = np.unique(days)
    _, common = _weekdays(unique)
    held = (common[(days + 3) % 7] & np.isin(times, clock)).sum()
    expected = _count(unique, common) * len(clock)
    if held < _MOST * len(days) or held < _HALF * expected or every % 1_000_000:
        return None
    first, last = (int(clock[i]) // 1_000_000 for i in (0, -1))
    return Weekly(tuple(compress(WEEKDAYS, common)), first, last, every // 1_000_000)


def _distances(stamps: np.ndarray) -> str:
    distances = np.diff(stamps)
    every = _mode(distances)
    part = 100 * float((distances == every).mean())
    text = str(pd.Timedelta(microseconds=every)).removesuffix(" 00:00:00").removeprefix("0 days ")
    return f"irregular, most often {text} apart ({part:.0f} % of the distances)"

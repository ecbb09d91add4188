"""Patterns of stamps that are not a frequency: days of the week with their hours, a day of the month."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from stages.frequency import DAY, WEEKDAYS

Stamps = np.ndarray  # (n,) int64, microseconds since 1970


@dataclass(frozen=True)
class Weekly:
    """Some days of the week, at one time of the day or at equal distances between two of them.

    Attributes:
        days: `Mon`, `Tue`, …, in the week's order.
        first, last, step: seconds since midnight and between two times; None: the time of the last stamp.
    """

    days: tuple[str, ...]
    first: int | None = None
    last: int | None = None
    step: int | None = None

    def __str__(self) -> str:
        if self.first is None or self.last is None:
            return " ".join(self.days)
        return f"{' '.join(self.days)} {_clock(self.first)}-{_clock(self.last)} every {self.step} s"

    @property
    def mask(self) -> list[bool]:
        return [day in self.days for day in WEEKDAYS]

    @property
    def times(self) -> np.ndarray:
        """(k,) int64: microseconds since midnight of a day's stamps; empty: one stamp, time unknown here."""
        if self.first is None or self.last is None or self.step is None:
            return np.array([], dtype=np.int64)
        return np.arange(self.first, self.last + 1, self.step, dtype=np.int64) * 1_000_000

    @property
    def season(self) -> int | None:
        """One day where it has several stamps, one week where it has several days, else the year."""
        if len(self.times) > 1:
            return len(self.times)
        return len(self.days) if len(self.days) > 1 else 52

    def following(self, last: int, count: int) -> Stamps:
        day, time = divmod(last, DAY)
        times = self.times if len(self.times) else np.array([time])
        begin = np.busday_offset(np.datetime64(day, "D"), 0, roll="forward", weekmask=self.mask)
        needed = np.arange(count // len(times) + 2)
        days = np.busday_offset(begin, needed, weekmask=self.mask).astype(np.int64)
        stamps = (days[:, None] * DAY + times[None, :]).ravel()
        return stamps[stamps > last][:count]


@dataclass(frozen=True)
class Monthly:
    """One day of every so many months; the last day where a month is shorter."""

    day: int
    months: int

    def __str__(self) -> str:
        return f"day {self.day} every {self.months} months"

    @property
    def season(self) -> int | None:
        season, rest = divmod(12, self.months)
        return season if rest == 0 and season > 1 else None

    def following(self, last: int, count: int) -> Stamps:
        moment = np.datetime64(last, "us")
        month = moment.astype("datetime64[M]") + self.months * np.arange(1, count + 1)
        return on_day(month, self.day) * DAY + last % DAY


def on_day(months: np.ndarray, day: int) -> np.ndarray:
    """(n,) int64: days since 1970 of the day in each month (datetime64[M]), or of the month's last day."""
    begin = months.astype("datetime64[D]").astype(np.int64)
    end = (months + 1).astype("datetime64[D]").astype(np.int64) - 1
    return np.minimum(begin + day - 1, end)


def parse(text: str) -> Weekly | Monthly | None:
    """The pattern that `str` wrote; None where the text is a frequency."""
    match = re.fullmatch(r"day (\d+) every (\d+) months", text)
    if match:
        return Monthly(int(match[1]), int(match[2]))
    days = "(?:" + "|".join(WEEKDAYS) + ")"
    match = re.fullmatch(rf"({days}(?: {days})*)(?: (\S+)-(\S+) every (\d+) s)?", text)
    if match is None:
        return None
    named = tuple(match[1].split())
    if match[2] is None:
        return Weekly(named)
    return Weekly(named, _seconds(match[2]), _seconds(match[3]), int(match[4]))


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _seconds(clock: str) -> int:
    hour, minute, second = (int(part) for part in clock.split(":"))
    return (hour * 60 + minute) * 60 + second

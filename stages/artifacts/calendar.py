"""The calendar of a study: how its time steps follow one another, and which come next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts import pattern as patterns
from stages.frequency import DAY, fixed_step, offset
from stages.season import infer_season
from stages.zones import to_local, to_utc, zone_named


@dataclass(frozen=True)
class Calendar:
    """How the steps of all series are laid out in time.

    A stamp is an int64: microseconds since 1970, or the whole number itself. Every method also takes
    datetime64 and pandas' types.

    Attributes:
        frequency: a pandas alias (`D`, `MS`, `15min`, …); `rows` where the stamps of the file are the steps;
            the step of whole numbers as text (`1`) where time is `integer` and regular.
        time: `datetime` (microseconds since 1970) or `integer`.
        zone: where steps are shorter than a day and the file's times have a zone or offset: its name
            (`Europe/Berlin`, `+02:00`), the times being UTC. None: times are the wall clock of the file.
        pattern: of `rows`, the rule of the next stamps: see `following`. None: the next steps are numbered.
    """

    frequency: str
    time: str
    zone: str | None = None
    pattern: str | None = None

    @property
    def numbered(self) -> bool:
        """Whether the next steps have numbers instead of stamps, since the file's stamps show no pattern."""
        return self.frequency == "rows" and self.pattern is None

    @property
    def _rule(self) -> str | None:
        return self.pattern if self.frequency == "rows" else self.frequency

    def following(self, last: Any, count: int) -> np.ndarray:
        """(count,) int64: the stamps after `last`, which is a stamp of the calendar.

        They go by the frequency, or for `rows` by the pattern: a pandas alias, a whole-number step, days of
        the week (`Mon Tue Wed Thu Fri Sat`, also with the hours of a day) or a day of the month (`day 15
        every 1 months`). Without a pattern they are the numbers 1 … count of the steps after `last`.
        """
        begin = int(self.integers(last))
        rule = self._rule
        if rule is None:
            return np.arange(1, count + 1, dtype=np.int64)
        if self.time == "integer":
            return begin + int(rule) * np.arange(1, count + 1, dtype=np.int64)
        pattern = patterns.parse(rule)
        if pattern is None:
            return _by_alias(rule, begin, count)
        if self.zone is None:
            return pattern.following(begin, count)
        local = int(to_local(np.array([begin]), self.zone)[0])
        return to_utc(pattern.following(local, count), self.zone)

    def following_index(self, last: Any, count: int) -> pd.Index:
        """The same as a pandas index: local times, whole numbers, or the numbers of the steps."""
        stamps = self.following(last, count)
        return pd.Index(stamps) if self.numbered else self.stamps(stamps)

    def season(self) -> int | None:
        """Steps of one season that the frequency or the pattern implies; None where it implies none."""
        rule = self._rule
        if rule is None or self.time == "integer":
            return None
        pattern = patterns.parse(rule)
        return infer_season(rule) if pattern is None else pattern.season

    def integers(self, values: Any) -> np.ndarray:
        """int64 of the values' shape: a pandas Timestamp with a zone counts from 1970 in UTC."""
        if self.time == "integer":
            return np.asarray(values).astype(np.int64)
        if isinstance(values, pd.Series):
            values = pd.DatetimeIndex(values) if values.dtype.kind == "M" else values.to_numpy()
        if isinstance(values, pd.Timestamp | pd.DatetimeIndex):
            values = values if values.tz is None else values.tz_convert(None)
            values = values.to_numpy()
        array = np.asarray(values)
        moments = array if array.dtype.kind == "M" else array.astype(np.int64)
        return moments.astype("datetime64[us]").astype(np.int64)

    def stamps(self, values: Any) -> pd.Index:
        """The stamps as people read them: a DatetimeIndex (in the zone, if there is one) or whole numbers."""
        whole = np.atleast_1d(self.integers(values))
        if self.time == "integer":
            return pd.Index(whole)
        index = pd.DatetimeIndex(whole.astype("datetime64[us]"))
        if self.zone is None:
            return index
        return index.tz_localize("UTC").tz_convert(zone_named(self.zone))

    def text(self, value: Any) -> str:
        """One stamp: `2020-01-31`, `2020-01-31 13:00`, `2020-01-31 13:00+02:00`, `17`.

        Midnight is left out where steps are days or longer.
        """
        moment = self.stamps(value)[0]
        if self.time == "integer":
            return str(moment)
        text = moment.isoformat(sep=" ")
        if moment.second == 0 and moment.microsecond == 0:
            text = text[:16] + text[19:]
        return text if self._within_days else text.removesuffix(" 00:00")

    @property
    def _within_days(self) -> bool:
        """Whether steps are known to be shorter than a day."""
        rule = self._rule
        if self.zone is not None or rule is None:
            return self.zone is not None
        pattern = patterns.parse(rule)
        if pattern is not None:
            return isinstance(pattern, patterns.Weekly) and len(pattern.times) > 1
        return (fixed_step(rule) or DAY) < DAY


def _by_alias(alias: str, last: int, count: int) -> np.ndarray:
    step = fixed_step(alias)
    if step is not None and (step < DAY or offset(alias).is_on_offset(_moment(last))):
        return last + step * np.arange(1, count + 1, dtype=np.int64)
    steps = pd.date_range(_moment(last), periods=count + 1, freq=offset(alias), unit="us")
    stamps = steps.to_numpy().astype("datetime64[us]").astype(np.int64)
    return stamps[stamps > last][:count]


def _moment(stamp: int) -> pd.Timestamp:
    return pd.Timestamp(np.datetime64(stamp, "us"))

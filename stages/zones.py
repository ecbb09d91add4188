"""Time zones: by name (`Europe/Berlin`) or by offset (`+02:00`); stamps between UTC and the wall clock."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo

import numpy as np
import pandas as pd

from stages.params import ParameterError, nearest


def zone_named(name: str) -> dt.tzinfo:
    """The zone of a name or an offset.

    Raises:
        ParameterError: no zone has this name.
    """
    match = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})?", name)
    if match and int(match[2]) < 24 and int(match[3] or 0) < 60:
        distance = dt.timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return dt.timezone(distance if match[1] == "+" else -distance)
    if name in ("Z", "UTC", "GMT"):
        return dt.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        known = sorted(zoneinfo.available_timezones())
        hint = nearest(name, known).split("known: ")[0]
        raise ParameterError(
            f"prepare.zone = {name!r} is not a time zone; {hint}name one such as Europe/Berlin, "
            "America/New_York or UTC, or an offset such as +02:00"
        ) from None


def offset_named(minutes: int) -> str:
    """`UTC`, `+02:00`, `-03:30`."""
    if minutes == 0:
        return "UTC"
    hour, minute = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hour:02d}:{minute:02d}"


def to_local(stamps: np.ndarray, zone: str) -> np.ndarray:
    """(n,) int64: UTC microseconds → those of the wall clock."""
    index = _index(stamps).tz_localize("UTC").tz_convert(zone_named(zone))
    return index.tz_localize(None).asi8


def to_utc(stamps: np.ndarray, zone: str, later: bool = False) -> np.ndarray:
    """(n,) int64: microseconds of the wall clock → UTC.

    A time that the clock shows twice is the first of the two, or the later one where `later`; one that the
    clock leaps over becomes the first that follows.
    """
    ambiguous = np.full(len(stamps), not later)
    index = _index(stamps).tz_localize(
        zone_named(zone), ambiguous=ambiguous, nonexistent="shift_forward"
    )
    return index.tz_convert(None).asi8


def skipped(stamps: np.ndarray, zone: str) -> np.ndarray:
    """(n,) bool: times that the clock of the zone leaps over."""
    return to_local(to_utc(stamps, zone), zone) != stamps


def _index(stamps: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.asarray(stamps, dtype=np.int64).astype("datetime64[us]"))

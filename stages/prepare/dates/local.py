"""Moments with and without zones → stamps: the wall clock for days and longer, UTC for anything finer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stages.frequency import DAY
from stages.params import ParameterError
from stages.prepare.dates.times import Moments, Times
from stages.prepare.steps import first, moment
from stages.zones import offset_named, skipped, to_local, to_utc, zone_named

_FIRST, _LAST = (
    int(np.datetime64(day, "us").astype(np.int64)) for day in ("0001-01-02", "9999-12-30")
)


def times_of(
    moments: Moments, zone: str | None, series: np.ndarray, name: Callable[[int], str]
) -> Times:
    """The stamps of the rows.

    Where all rows have one local time of day, the steps are days or longer: the stamp is the local date, so
    that midnights stay on their day while the clock changes. Else the stamp is UTC, if that is known.

    Args:
        zone: prepare.zone, of a wall clock; times with a zone or offset are converted to it.
        series: (n,) the series of each row, for hours that the clock shows twice.
    """
    if zone is not None:
        zone_named(zone)
    stamps, words = moments.stamps, dict(moments.description)
    # The calendar that dates are counted in has years 1 to 9999; a day at either end is left for zones.
    if (row := first((stamps < _FIRST) | (stamps > _LAST))) is not None:
        raise ParameterError(
            f"prepare.time: {name(row)} is about the year {1970 + stamps[row] / DAY / 365.2425:.0f}; dates "
            "must lie in the years 1 to 9999: correct the row, or prepare.date_format"
        )
    if moments.offset is None and moments.zone is None:
        return _wall_clock(moments, zone, series, name)
    local_zone = zone or moments.zone
    offsets: dict[str, str] = {}
    if local_zone is None:
        assert moments.offset is not None
        local = stamps + moments.offset * 60_000_000
        local_zone = offset_named(int(moments.offset[np.argmax(stamps)]))
        if (moments.offset != moments.offset[0]).any():
            kinds = ", ".join(offset_named(int(minutes)) for minutes in np.unique(moments.offset))
            last = f"forecasts have the last one, {local_zone} (or prepare.zone)"
            offsets = {"offsets": f"{kinds}; {last}"}
    else:
        local = to_local(stamps, local_zone)
    name_of_zone = f"{local_zone} (prepare.zone)" if zone else local_zone
    if _days(local):
        words |= {"zone": f"{name_of_zone}: days are the local ones"}
        return Times(local, "datetime", None, words | offsets)
    words |= {"zone": name_of_zone if local_zone == "UTC" else f"{name_of_zone}: kept in UTC"}
    return Times(stamps, "datetime", local_zone, words | offsets)


def _days(local: np.ndarray) -> bool:
    return bool((local % DAY == local[0] % DAY).all())


def _wall_clock(
    moments: Moments, zone: str | None, series: np.ndarray, name: Callable[[int], str]
) -> Times:
    stamps, words = moments.stamps, moments.description
    if zone is not None and not _days(stamps):
        words = words | {"zone": f"{zone} (prepare.zone): kept in UTC"}
        return Times(_localised(stamps, zone, series, name), "datetime", zone, words)
    local = {"zone": f"{zone}: days are the local ones"} if zone is not None else {}
    return Times(stamps, "datetime", None, words | local)


def _localised(
    wall: np.ndarray, zone: str, codes: np.ndarray, name: Callable[[int], str]
) -> np.ndarray:
    """(n,) UTC of a wall clock; where it shows a time twice, the order of the series' rows decides."""
    if (row := first(skipped(wall, zone))) is not None:
        raise ParameterError(
            f"prepare.zone = {zone!r}: {name(row)} has {moment(wall[row])}, which the clock of that zone "
            "skips; correct the row or the zone"
        )
    earlier, later = to_utc(wall, zone), to_utc(wall, zone, later=True)
    twice = np.flatnonzero(earlier != later)
    if not len(twice):
        return earlier
    stamps = earlier.copy()
    order = twice[np.lexsort((twice, wall[twice], codes[twice]))]
    same = (np.diff(codes[order]) == 0) & (np.diff(wall[order]) == 0)
    second = np.append(False, same)
    alone = order[~second & ~np.append(same, False)]
    if len(alone):
        row = int(alone.min())
        raise ParameterError(
            f"prepare.zone = {zone!r}: {name(row)} has {moment(wall[row])}, which the clock of that zone "
            "shows twice, but the file has it once; write these times in UTC or with offsets"
        )
    falling = _falling(wall, codes)[codes[order]]
    stamps[order] = np.where(second != falling, later[order], earlier[order])
    return stamps


def _falling(wall: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(series,) bool: whether the rows of the series go back in time."""
    rows = np.argsort(codes, kind="stable")
    begins = np.flatnonzero(np.diff(codes[rows], prepend=-1))
    ends = np.append(begins[1:], len(rows)) - 1
    falling = np.zeros(int(codes.max()) + 1, dtype=bool)
    falling[codes[rows[begins]]] = wall[rows[ends]] < wall[rows[begins]]
    return falling

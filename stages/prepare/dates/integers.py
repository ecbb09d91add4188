"""Whole numbers in the time column: dates without separators, Unix time, years, or counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.frequency import offset
from stages.params import ParameterError
from stages.prepare.dates.formats import Reading, read
from stages.prepare.dates.order import regular
from stages.prepare.dates.recognise import described
from stages.prepare.dates.times import Moments, Texts
from stages.prepare.steps import distinct, first

_COMPACT = {
    6: "%Y%m", 7: "%Y%j", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S",
}  # fmt: skip
_BACKWARDS = ("%d%m%Y", "%m%d%Y")
_YEARS = (1600, 2200)  # of dates without separators; numbers outside are counts
# Unix time: microseconds in one unit as a fraction, and seconds between which it is recognised: 1980 to 2100.
UNIX = {"unix s": (1_000_000, 1), "unix ms": (1000, 1), "unix us": (1, 1), "unix ns": (1, 1000)}
_SINCE, _UNTIL = 315_532_800, 4_102_444_800
_FULL = 0.5


def read_integers(whole: np.ndarray, texts: Texts, frequency: str) -> Moments | None:
    """The times that whole numbers stand for; None where they are counts.

    Args:
        whole: (n,) int64 of distinct texts. texts: as the file has them. frequency: prepare.frequency.

    Raises:
        ParameterError: both are possible, or most are dates and one is not.
    """
    alias = frequency not in ("infer", "rows")
    readings = [reading for reading in (_compact(texts), unix(whole, texts)) if reading]
    if len(readings) == 2:
        parts = [regular(distinct(reading.stamps)) for reading in readings]
        readings = [r for r, part in zip(readings, parts) if part >= _FULL > min(parts)]
        if not readings:
            raise ParameterError(
                f"prepare.time: {texts.has_number(0)}, which can be a date of the format %Y%m%d%H or unix s; "
                'set prepare.date_format: "%Y%m%d%H" or "unix s"'
            )
    if readings:
        if not alias:
            _not_counts(whole, readings[0], texts)
        return readings[0]
    if alias and offset(frequency).rule_code.lstrip("B").startswith("Y"):
        return _years(whole, texts)
    _nearly_dates(whole, texts)
    if alias:
        raise _needs_dates(whole, frequency)
    return None


def _compact(texts: Texts) -> Moments | None:
    """Dates such as 20200131 and 202001, if every number is one."""
    reading = _dates_of_length(texts.array, len(texts.text(0)))
    if reading is None or not reading.valid.all():
        return None
    words = described(reading, "every number is such a date")
    return Moments(reading.stamps, description=words, format=reading.format)


def _dates_of_length(texts: pa.Array, length: int) -> Reading | None:
    if length not in _COMPACT:
        return None
    reading = read(texts, _COMPACT[length], with_time=False)
    return replace(reading, valid=_plausible(reading))


def _plausible(reading: Reading) -> np.ndarray:
    """(n,) bool: such a date exists, in a year that data can be from."""
    return reading.valid & (reading.years >= _YEARS[0]) & (reading.years <= _YEARS[1])


def unix(whole: np.ndarray, texts: Texts, unit_set: str | None = None) -> Moments | None:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970, if all lie between 1980 and 2100."""
    for unit, (micros, per) in UNIX.items():
        each_second = 1_000_000 * per // micros
        low, high = _SINCE * each_second, _UNTIL * each_second
        plausible = low <= whole.min() and whole.max() <= high
        if not plausible if unit_set is None else unit_set != unit:
            continue
        if (row := first(whole % per != 0)) is not None:
            raise ParameterError(
                f"prepare.time: {texts.line(row)} has {whole[row]} nanoseconds; times are kept in "
                "microseconds: round it"
            )
        size = np.abs(whole)
        if size.max() > 2**62 // micros:
            where = texts.line(int(size.argmax()))
            raise ParameterError(f"prepare.date_format = {unit!r}: {where} is too large for a time")
        words = {"dates": f"Unix time in {unit.removeprefix('unix ')}, counted in UTC"}
        return Moments(whole * micros // per, np.zeros(len(whole), np.int64), None, words)
    return None


def _not_counts(whole: np.ndarray, moments: Moments, texts: Texts) -> None:
    """Refuses seven digits without gaps, and ten that are not whole minutes apart: both can be counts."""
    step = int(np.gcd.reduce(np.diff(np.sort(whole)))) if len(whole) > 1 else 0
    format, ambiguous = "%Y%j", len(texts.text(0)) == 7 and regular(distinct(whole)) == 1
    if moments.offset is not None and whole.max() <= _UNTIL:
        format, ambiguous = "unix s", step == 0 or step % 60 != 0
    if ambiguous:
        raise ParameterError(
            f"prepare.time: {texts.has_number(0)}, which can be a count or a time of the format "
            f'{format}; set prepare.date_format: "{format}", or write smaller counts'
        )


def _years(whole: np.ndarray, texts: Texts) -> Moments:
    if (row := first((whole < 1) | (whole > 9999))) is not None:
        raise ParameterError(
            f"prepare.time: {texts.has_number(row)}, which is not a year from 1 to 9999, as the yearly "
            "prepare.frequency needs; correct the row or the frequency"
        )
    days = (whole - 1970).astype("datetime64[Y]").astype("datetime64[us]").astype(np.int64)
    words = {"dates": "%Y", "dates read so because": "prepare.frequency is yearly"}
    return Moments(days, description=words, format="%Y")


def _nearly_dates(whole: np.ndarray, texts: Texts) -> None:
    """Refuses dates with a wrong one among them, which would otherwise be read as counts."""
    common = int(np.bincount(np.asarray(pc.utf8_length(texts.array))).argmax())
    for format in _BACKWARDS if common == 8 else ():
        if _plausible(read(texts.array, format, with_time=False)).all():
            raise ParameterError(
                f"prepare.time: {texts.has_number(0)}, which looks like a date of the format {format}; set "
                f'prepare.date_format: "{format}"'
            )
    dates = _dates_of_length(texts.array, common)
    if dates is None or len(whole) < 3 or dates.valid.mean() <= _FULL:
        return
    if regular(distinct(whole)) < 1:
        raise ParameterError(
            f"prepare.time: {texts.has_number(int(np.argmax(~dates.valid)))}, which is not a date of the "
            f"format {dates.format}, as most of the others are; correct the row"
        )


def _needs_dates(whole: np.ndarray, frequency: str) -> ParameterError:
    hint = "use `infer` or `rows`, or write dates such as 2024-01-31"
    if whole.min() >= 1000 and whole.max() <= 2999:
        hint = "if they are years, use prepare.frequency: YS; else `infer` or `rows`"
    elif whole.min() >= 20_000 and whole.max() <= 80_000:
        hint = "if they are Excel's day numbers, format the column as dates (2024-01-31) before saving it"
    return ParameterError(
        f"prepare.frequency = {frequency!r} needs dates, but the time column has whole numbers such as "
        f"{whole[0]}; {hint}"
    )

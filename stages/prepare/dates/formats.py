"""Formats of dates: strptime's directives as one regular expression, read for a whole column at once.

Nothing here depends on today's date or the machine's language: months have English names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.frequency import DAY
from stages.params import ParameterError

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = {word: i + 1 for i, m in enumerate(MONTHS) for word in (m, m[:3])} | {"sept": 9}
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY = {word: i for i, name in enumerate(WEEK) for word in (name, name[:3])}

DIGITS = r"(?:\d{1,18}|[1-8]\d{18})"  # of a number that an int64 can hold
# Directive, by its letter, and what its text looks like. %q, %G, %V and %u are ISO's; %q is the quarter.
_DIRECTIVES = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{1,2}", "d": r"\d{1,2}", "b": r"[A-Za-z]{3,9}", "j": r"\d{3}",
    "a": r"[A-Za-z]{3,9}", "q": r"[1-4]", "G": r"\d{4}", "V": r"\d{1,2}", "u": r"[1-7]", "H": r"\d{1,2}",
    "I": r"\d{1,2}", "M": r"\d{1,2}", "S": r"\d{1,2}", "f": r"\d{1,9}", "p": r"[AaPp]\.?[Mm]\.?",
    "z": r"Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}",
}  # fmt: skip
_SYNONYMS = {
    "%B": "%b", "%h": "%b", "%A": "%a", "%e": "%d", "%F": "%Y-%m-%d", "%D": "%m/%d/%y",
    "%T": "%H:%M:%S", "%R": "%H:%M",
}  # fmt: skip
_TIME = (
    r"(?:(?:[Tt]|,? +)(?P<H>\d{1,2})(?::(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?"
    r"(?: *(?P<p>[AaPp]\.?[Mm]\.?))?(?: *(?P<z>Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}))?)?"
)
# Times of day without colons, as ISO 8601 has them after a date without hyphens.
_COMPACT_TIME = (
    r"(?:[Tt ](?P<H>\d{2}):?(?P<M>\d{2})?(?::?(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?: *(?P<p>[AaPp]\.?[Mm]\.?))?(?: *(?P<z>Z|z|[+-]\d{2}:?\d{2}|[+-]\d{2}))?)?"
)


@dataclass(frozen=True)
class Reading:
    """Texts read by one format; (n,) arrays.

    Attributes:
        format: the strptime format of the date.
        stamps: int64 microseconds since 1970 of the wall clock that the text shows; 0 where not `valid`.
        offset: int64 minutes that the wall clock is ahead of UTC; 0 where the text has none.
        fits: the text looks like the format. valid: and such a time exists.
        timed, halved, zoned: it has a time of day, AM or PM, an offset.
    """

    format: str
    stamps: np.ndarray
    offset: np.ndarray
    fits: np.ndarray
    valid: np.ndarray
    timed: np.ndarray
    halved: np.ndarray
    zoned: np.ndarray

    @property
    def years(self) -> np.ndarray:
        """(n,) int64."""
        return self.stamps.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970


@lru_cache(maxsize=512)
def expression(format: str, with_time: bool) -> str:
    """The regular expression (RE2 and Python) of a format; a time of day may follow if `with_time`.

    Raises:
        ParameterError: an unknown directive.
    """
    written = re.findall(r"%-?.|[^%]+|%$", format)  # %-d is %d
    format = "".join(_SYNONYMS.get(part, part) for part in (p.replace("%-", "%") for p in written))
    parts = re.findall(r"%.|[^%]+|%$", format)
    numeric = [bool(re.fullmatch(r"%[YymdjqGVuHIMSf]", part)) for part in parts]
    pattern = ""
    for i, part in enumerate(parts):
        touches = any(numeric[j] for j in (i - 1, i + 1) if 0 <= j < len(parts))
        pattern += _piece(part, fixed=numeric[i] and touches)
    if not with_time or re.search(r"%[HI]", format) or not re.search(r"%[djbu]", format):
        return f"^{pattern}$"
    return f"^{pattern}{_COMPACT_TIME if '%Y%m%d' in format else _TIME}$"


def _piece(part: str, fixed: bool) -> str:
    if part == "%%":
        return "%"
    if not part.startswith("%"):
        return re.sub(r"(?:\\? )+", " +", re.escape(part))
    letter = part[1:]
    if letter not in _DIRECTIVES:
        known = " ".join(f"%{key}" for key in _DIRECTIVES)
        raise ParameterError(
            f"prepare.date_format: {part} is not a known directive; known: {known}"
        )
    looks = _DIRECTIVES[letter].replace("{1,2}", "{2}") if fixed else _DIRECTIVES[letter]
    return f"(?P<{letter}>{looks})" + (r"\.?" if letter == "b" else "")


def read(texts: pa.Array, format: str, with_time: bool = True) -> Reading:
    """The texts (no nulls, no blanks at their ends) by the format; a time of day may follow."""
    pattern = expression(format, with_time)
    fields = pc.extract_regex(texts, pattern)
    fits = np.asarray(pc.is_valid(fields))
    names = re.findall(r"\(\?P<(\w)>", pattern)
    columns = {name: pc.fill_null(pc.struct_field(fields, name), "") for name in names}
    days, valid = _days(columns, len(texts))
    if "a" in columns:
        valid &= _named(columns["a"], _WEEKDAY) == (days + 3) % 7
    micros, in_day = _time_of_day(columns, len(texts))
    has = {name: _present(columns, name, len(texts)) for name in "HIpz"}
    valid = valid & in_day & fits
    offset, known = _offset(columns, len(texts))
    return Reading(
        format, np.where(valid, days * DAY + micros, 0), offset, fits, valid & known,
        has["H"] | has["I"], has["p"], has["z"],
    )  # fmt: skip


def _present(columns: dict[str, pa.Array], name: str, rows: int) -> np.ndarray:
    if name not in columns:
        return np.zeros(rows, dtype=bool)
    return np.asarray(pc.not_equal(columns[name], ""))


def _whole(columns: dict[str, pa.Array], name: str, rows: int, default: int) -> np.ndarray:
    """(rows,) int64 of a field of digits; the default where it is empty or not in the format."""
    if name not in columns:
        return np.full(rows, default, dtype=np.int64)
    text = columns[name]
    text = pc.if_else(pc.equal(text, ""), pa.scalar(str(default), text.type), text)
    return np.asarray(pc.cast(text, pa.int64()))


def _days(columns: dict[str, pa.Array], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1970 and whether the day exists."""
    year = _whole(columns, "Y", rows, 1)
    if "y" in columns:
        year = _whole(columns, "y", rows, 0)
        year = year + np.where(year < 69, 2000, 1900)
    if "G" in columns:
        return _iso_week(*(_whole(columns, name, rows, 1) for name in "GVu"))
    month = _whole(columns, "m", rows, 1)
    if "b" in columns:
        month = _named(columns["b"], _MONTH)
    if "q" in columns:
        month = 3 * _whole(columns, "q", rows, 1) - 2
    day = _whole(columns, "d", rows, 1)
    valid = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = ((year - 1970) * 12 + np.where(valid, month, 1) - 1).astype("datetime64[M]")
    begin = months.astype("datetime64[D]").astype(np.int64)
    end = (months + 1).astype("datetime64[D]").astype(np.int64)
    if "j" in columns:
        day = _whole(columns, "j", rows, 1)
        end = (months + 12).astype("datetime64[D]").astype(np.int64)
        valid &= day >= 1
    return begin + day - 1, valid & (begin + day - 1 < end)


def _iso_week(year: np.ndarray, week: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ISO 8601: week 1 contains the fourth of January."""
    fourth = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64) + 3
    monday = fourth - (fourth + 3) % 7 + 7 * (week - 1)
    thursday = (monday + 3).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return monday + day - 1, (thursday == year) & (week >= 1) & (year >= 1)


def _mapped(texts: pa.Array, number: Callable[[str], int]) -> np.ndarray:
    """(n,) int64: the number of each text; every distinct one is converted once."""
    coded = pc.dictionary_encode(texts)
    numbers = np.array([number(text) for text in coded.dictionary.to_pylist()], dtype=np.int64)
    return numbers[np.asarray(coded.indices)]


def _named(texts: pa.Array, numbers: dict[str, int]) -> np.ndarray:
    """(n,) int64: the number of each word, −1 for an unknown one."""
    return _mapped(texts, lambda word: numbers.get(word.lower(), -1))


def _time_of_day(columns: dict[str, pa.Array], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds since midnight and whether the time exists; nothing is rounded."""
    hour = _whole(columns, "H", rows, 0)
    minute, second = _whole(columns, "M", rows, 0), _whole(columns, "S", rows, 0)
    valid = (hour < 24) & (minute < 60) & (second < 60)
    if "p" in columns:
        half = pc.utf8_lower(pc.utf8_slice_codeunits(columns["p"], 0, 1))
        given = np.asarray(pc.not_equal(half, ""))
        if "I" in columns:
            hour = _whole(columns, "I", rows, 12)
        valid &= ~given | ((hour >= 1) & (hour <= 12))
        hour = np.where(given, hour % 12 + 12 * np.asarray(pc.equal(half, "p")), hour)
    micros = ((hour * 60 + minute) * 60 + second) * 1_000_000
    if "f" in columns:
        nanos = _whole({"f": pc.utf8_rpad(columns["f"], 9, "0")}, "f", rows, 0)
        micros, valid = micros + nanos // 1000, valid & (nanos % 1000 == 0)
    return micros, valid


def _offset(columns: dict[str, pa.Array], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Minutes ahead of UTC, and whether the offset exists."""
    if "z" not in columns:
        return np.zeros(rows, dtype=np.int64), np.ones(rows, dtype=bool)
    minutes = _mapped(columns["z"], _minutes)
    return minutes, np.abs(minutes) < 24 * 60


def _minutes(text: str) -> int:
    match = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", text)
    if match is None:  # Z, UTC, GMT or none
        return 0
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return -minutes if match[1] == "-" else minutes

"""Sentences about texts that are not dates, or not enough of one."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from stages.params import ParameterError
from stages.prepare.dates.formats import DIGITS, MONTHS, Reading, expression, read

_SHORT_YEARS = (
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%m.%d.%y", "%y.%m.%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d",
    "%y/%m/%d", "%d-%b-%y", "%d %b %y", "%d/%b/%y", "%d.%b.%y", "%d%b%y", "%b %d, %y", "%b-%d-%y",
    "%b-%y", "%b %y", "%b/%y", "%b%y",
)  # fmt: skip
_WHOLE = rf"[+-]?{DIGITS}(\.0*)?"
_SHORT = "|".join(month[:3] for month in MONTHS)
_FRACTION = r"\d{3,4}[.,]\d+"
_NO_FRACTION = (
    "a number with a fraction, which is not a date (a decimal year?); write dates such as 2024-01, "
    "2024-01-31"
)
_WORDS = (
    (
        r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?",
        "which is a time of day without a date; name the date's column too (prepare.time: [date, time])",
    ),
    (
        rf"\d{{1,2}}[-/. ]\d{{1,2}}\.?|(?i:(\d{{1,2}}[-/. ]+)?({_SHORT})[a-z]*\.?([-/. ]\d{{1,2}})?)",
        "which has no year (or one of two digits); write dates such as 2024-01-31 or 2024-01",
    ),
    (_FRACTION, _NO_FRACTION),
    (
        r"[-+]?[\d.,]+([eE][-+]?\d+)?",
        "which is neither a date nor a whole number; write dates such as 2024-01-31",
    ),
)


def unknown(texts: pa.Array, row: int, name: Callable[[int], str]) -> ParameterError:
    """The sentence for a text that has no format known here."""
    text = texts[row].as_py()
    begin = f"prepare.time: {name(row)} has {text!r}, "
    short = [f for f in _SHORT_YEARS if re.match(expression(f, with_time=True), text)]
    if short:
        readings = [read(texts, f) for f in short]
        known = [r.format for r in readings if r.valid.all() and not open_years(r).any()]
        if not any("%d" in format for format in short):  # Jan 05 may be a day
            begin += "which has no year or one of two digits; "
        else:
            begin += "whose year has two digits; "
        if not known:
            return ParameterError(f"{begin}write years with four digits")
        remedy = " or ".join(f'"{format}"' for format in known)
        return ParameterError(
            f"{begin}write four digits, or set prepare.date_format: {remedy} "
            "(69 to 99 are then 1969 to 1999, and 00 to 39 are 2000 to 2039)"
        )
    if re.fullmatch(_WHOLE, text):
        odd = next(i for i, other in enumerate(texts) if not re.fullmatch(_WHOLE, other.as_py()))
        if re.fullmatch(_FRACTION, texts[odd].as_py()):
            return ParameterError(
                f"prepare.time: {name(odd)} has {texts[odd].as_py()!r}, {_NO_FRACTION}"
            )
        return ParameterError(
            f"{begin}a whole number, but {name(odd)} has {texts[odd].as_py()!r}; write all rows in one way"
        )
    for pattern, words in _WORDS:
        if re.fullmatch(pattern, text):
            return ParameterError(begin + words)
    return ParameterError(
        f"{begin}which is not a date known here; write dates such as 2024-01-31 or 2024-01-31 13:00, or set "
        'their format in prepare.date_format, such as "%d.%m.%Y %H:%M"'
    )


def open_years(reading: Reading) -> np.ndarray:
    """(n,) bool: years of two digits that may be of this century or of the last: 40 to 68."""
    year = reading.stamps.astype("datetime64[us]").astype("datetime64[Y]").astype(int) + 1970
    return np.asarray(year >= 2040)


def not_a_date(
    texts: pa.Array, readings: list[Reading], name: Callable[[int], str]
) -> ParameterError:
    """The sentence where the texts look like dates, but one is none by each reading."""
    parts = []
    for reading in readings:
        row = int(np.flatnonzero(~reading.valid)[0])
        text = texts[row].as_py()
        parts.append(f"{name(row)} has {text!r}: {_why(text, reading.format)} ({reading.format})")
    return ParameterError(f"prepare.time: {'; and '.join(parts)}; correct the row")


def mixed(texts: pa.Array, reading: Reading, name: Callable[[int], str]) -> None:
    """Refuses times that have AM or PM, or an offset, in some rows alone.

    Raises:
        ParameterError: names the first row of each.
    """
    plain = reading.timed & ~reading.halved
    pairs = (
        (reading.halved, plain, "AM or PM", "use one clock"),
        (reading.zoned, ~reading.zoned, "an offset from UTC", "write it in all rows or in none"),
    )
    for with_it, without, what, remedy in pairs:
        if with_it.any() and without.any():
            one, other = int(np.flatnonzero(with_it)[0]), int(np.flatnonzero(without)[0])
            raise ParameterError(
                f"prepare.time: {name(one)} has {texts[one].as_py()!r} with {what}, but {name(other)} has "
                f"{texts[other].as_py()!r} without; {remedy}"
            )


def _why(text: str, format: str) -> str:
    """The rule that the text breaks."""
    match = re.match(expression(format, with_time=True), text)
    assert match is not None
    field = {key: value for key, value in match.groupdict().items() if value}
    hour = int(field.get("H", field.get("I", 0)))
    if "p" in field and not 1 <= hour <= 12:
        return "with AM or PM, hours run from 1 to 12"
    if hour == 24:
        return "hours run from 0 to 23 (24:00 is 00:00 of the next day; hours 1 to 24 are 0 to 23)"
    if hour > 24:
        return "hours run from 0 to 23"
    if int(field.get("M", 0)) > 59 or int(field.get("S", 0)) > 59:
        return "minutes and seconds run from 0 to 59"
    if int(field.get("f", "0").ljust(9, "0")) % 1000:
        return "times are kept in microseconds; round it"
    return _why_not_a_day(field)


def _why_not_a_day(field: dict[str, str]) -> str:
    if "z" in field and "d" in field and _is_day(field):
        return "an offset is below 24 hours"
    if "a" in field and _is_day(field):
        return f"that day is not a {field['a']}"
    if "V" in field:
        return f"{field['G']} has no week {field['V']}"
    if "j" in field:
        return f"{field.get('Y', 'the year')} has no day {field['j']}"
    if "b" in field and field["b"].lower() not in MONTHS:
        word = field["b"].lower()
        if word != "sept" and word not in {month[:3] for month in MONTHS}:
            return f"{field['b']!r} is not the English name of a month"
    if "m" in field and not 1 <= int(field["m"]) <= 12:
        return f"there is no month {int(field['m'])}"
    if "Y" in field and int(field["Y"]) == 0:
        return "there is no year 0"
    return f"the month has no day {int(field.get('d', 0))}"


def _is_day(field: dict[str, str]) -> bool:
    if "b" in field:
        words = [month for month in MONTHS if month.startswith(field["b"].lower())]
        field = field | {"m": str(MONTHS.index(words[0]) + 1 if words else 0)}
    if not {"Y", "m"} <= set(field) or not 1 <= int(field["m"]) <= 12 or int(field["Y"]) == 0:
        return False
    return 1 <= int(field["d"]) <= monthrange(int(field["Y"]), int(field["m"]))[1]

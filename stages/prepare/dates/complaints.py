"""Sentences about texts that are not dates, or not complete ones."""

from __future__ import annotations

import re
from datetime import date

import numpy as np

from stages.params import ParameterError
from stages.prepare.dates.formats import DIGITS, MONTHS, Reading, expression, read
from stages.prepare.dates.times import Texts
from stages.prepare.steps import first

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
    (
        r".*",
        "which has no known date format; write dates such as 2024-01-31 or 2024-01-31 13:00, or set their "
        'format in prepare.date_format, such as "%d.%m.%Y %H:%M"',
    ),
)


def unknown(texts: Texts, row: int) -> ParameterError:
    """The sentence for a text that no known format fits."""
    text = texts.text(row)
    short = [f for f in _SHORT_YEARS if re.match(expression(f, with_time=True), text)]
    if short:
        why = _two_digits(texts, short)
    elif re.fullmatch(_WHOLE, text):
        whole = [bool(re.fullmatch(_WHOLE, other.as_py())) for other in texts.array]
        odd = whole.index(False)
        if re.fullmatch(_FRACTION, texts.text(odd)):
            return ParameterError(f"prepare.time: {texts.has(odd)}, {_NO_FRACTION}")
        why = f"a whole number, but {texts.has(odd)}; write all rows in one way"
    else:
        why = next(words for pattern, words in _WORDS if re.fullmatch(pattern, text, re.DOTALL))
    return ParameterError(f"prepare.time: {texts.has(row)}, {why}")


def _two_digits(texts: Texts, formats: list[str]) -> str:
    readings = [read(texts.array, format) for format in formats]
    known = [f'"{r.format}"' for r in readings if r.valid.all() and not open_years(r).any()]
    day = any("%d" in format for format in formats)  # else 05 in `Jan 05` may be a day
    why = "whose year has two digits" if day else "which has no year or one of two digits"
    if not known:
        return f"{why}; write years with four digits"
    return (
        f"{why}; write four digits, or set prepare.date_format: {' or '.join(known)} "
        "(69 to 99 are then 1969 to 1999, and 00 to 39 are 2000 to 2039)"
    )


def open_years(reading: Reading) -> np.ndarray:
    """(n,) bool: years of two digits that may be of this century or the last: 40 to 68."""
    return np.asarray(reading.years >= 2040)


def not_a_date(texts: Texts, readings: list[Reading]) -> ParameterError:
    """The sentence where the texts look like dates, but each reading has one that does not exist."""
    rows = [int(np.argmax(~reading.valid)) for reading in readings]
    parts = [
        f"{texts.has(row)}: {_why(texts.text(row), reading.format)} ({reading.format})"
        for row, reading in zip(rows, readings, strict=True)
    ]
    return ParameterError(f"prepare.time: {'; and '.join(parts)}; correct the row")


def mixed(texts: Texts, reading: Reading) -> None:
    """Refuses times that have AM or PM, or an offset, in some rows only.

    Raises:
        ParameterError: names the first row of each.
    """
    plain = reading.timed & ~reading.halved
    pairs = (
        (reading.halved, plain, "AM or PM", "use one clock"),
        (reading.zoned, ~reading.zoned, "an offset from UTC", "write it in all rows or in none"),
    )
    for with_it, without, what, remedy in pairs:
        row, plain_row = first(with_it), first(without)
        if row is not None and plain_row is not None:
            raise ParameterError(
                f"prepare.time: {texts.has(row)} with {what}, but {texts.has(plain_row)} without; {remedy}"
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
    month = field.get("m", "0")
    if "b" in field:
        names = [name.startswith(field["b"].lower()) for name in MONTHS]
        month = str(names.index(True) + 1 if any(names) else 0)
    try:
        return bool(date(int(field["Y"]), int(month), int(field["d"])))
    except (KeyError, ValueError):
        return False

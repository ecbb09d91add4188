"""Which format the dates of a column have: one for the whole column, decided from all of its rows."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from stages.params import ParameterError
from stages.prepare.dates.complaints import mixed, not_a_date, open_years, unknown
from stages.prepare.dates.formats import Reading, expression, read
from stages.prepare.dates.order import Order, decide

# Every format that is recognised; a time of day and an offset may follow each one that has a day.
FORMATS = (*(
    template.replace("_", separator)
    for separator in "-/. "
    for template in (
        "%Y_%m_%d", "%d_%m_%Y", "%m_%d_%Y", "%d_%b_%Y", "%b_%d_%Y", "%Y_%b_%d", "%b_%Y", "%Y_%b",
    )
),
    "%Y-%m", "%Y/%m", "%m-%Y", "%m/%Y", "%m.%Y", "%Y%m%d", "%b %d, %Y", "%d %b, %Y", "%d. %b %Y",
    "%b, %Y", "%d%b%Y", "%b%Y", "%Y%b", "%YM%m", "%Ym%m", "%Y-M%m", "%YQ%q", "%Yq%q", "%Y-Q%q", "%Y Q%q",
    "%Y/Q%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y", "Q%q%Y", "%G-W%V", "%GW%V", "%G W%V", "%G-W%V-%u", "%GW%V%u",
    "%a, %d %b %Y", "%a %d %b %Y", "%a, %b %d, %Y", "%a %b %d %Y", "%a %b %d, %Y", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
NameRow = Callable[[int], str]


def recognise(texts: pa.Array, name: NameRow, order: Order) -> tuple[Reading, dict[str, str]]:
    """The one format that all texts have.

    Args:
        texts: (n,) strings without blanks at their ends, in order of appearance.
        name: the row of a text, for a sentence. order: what decides between day and month.

    Raises:
        ParameterError: no format has all texts, or several do and nothing decides.
    """
    first = texts[0].as_py()
    likely = [format for format in FORMATS if looks_like(first, format)]
    if not likely:
        raise unknown(texts, 0, name)
    readings = [read(texts, format) for format in likely]
    fitting = [reading for reading in readings if reading.fits.all()]
    if not fitting:
        raise _two_formats(texts, readings, name)
    valid = [reading for reading in fitting if reading.valid.all()]
    if not valid:
        raise not_a_date(texts, fitting, name)
    for reading in valid:
        mixed(texts, reading, name)
    if len(valid) > 1:
        chosen, why = decide(valid, texts, name, order)
    else:
        chosen, why = valid[0], _only(texts, fitting, name)
    return chosen, described(chosen, why)


def by_format(texts: pa.Array, format: str, name: NameRow) -> tuple[Reading, dict[str, str]]:
    """The texts by prepare.date_format.

    Raises:
        ParameterError: a text does not have the format, or there is no such time.
    """
    reading = read(texts, format)
    if not reading.fits.all():
        row = int(np.flatnonzero(~reading.fits)[0])
        raise ParameterError(
            f"prepare.date_format = {format!r}: {name(row)} has {texts[row].as_py()!r}, which does not have "
            "this format; correct the row or the format"
        )
    if not reading.valid.all():
        raise not_a_date(texts, [reading], name)
    mixed(texts, reading, name)
    if "%y" in format:
        _two_digit_years(texts, reading, name)
    return reading, described(reading, "it is prepare.date_format")


def looks_like(text: str, format: str) -> bool:
    return re.match(expression(format, with_time=True), text) is not None


def described(reading: Reading, why: str) -> dict[str, str]:
    """How the dates were read, in words."""
    more = " and a time of day" if reading.timed.any() else ""
    words = {"dates": f"{reading.format}{more}"}
    if why:
        words["dates read so because"] = why
    if "%y" in reading.format:
        words["two-digit years"] = "69 to 99 are 1969 to 1999, 00 to 39 are 2000 to 2039"
    return words


def _only(texts: pa.Array, fitting: list[Reading], name: NameRow) -> str:
    """Why the other orders of day and month were not possible."""
    for reading in fitting:
        if not reading.valid.all():
            row = int(np.flatnonzero(~reading.valid)[0])
            return f"{name(row)} has {texts[row].as_py()}, which is not a date by {reading.format}"
    return ""


def _two_formats(texts: pa.Array, readings: list[Reading], name: NameRow) -> ParameterError:
    best = max(readings, key=lambda reading: int(reading.fits.sum()))
    row = int(np.flatnonzero(~best.fits)[0])
    text = texts[row].as_py()
    others = [format for format in FORMATS if looks_like(text, format)]
    if not others:
        return unknown(texts, row, name)
    return ParameterError(
        f"prepare.time: {name(0)} has {texts[0].as_py()!r} ({best.format}), but {name(row)} has {text!r} "
        f"({others[0]}); write all dates in one format"
    )


def _two_digit_years(texts: pa.Array, reading: Reading, name: NameRow) -> None:
    """Nothing tells whether 55 is 1955 or 2055."""
    unclear = np.flatnonzero(open_years(reading))
    if len(unclear):
        row = int(unclear[0])
        year = 1970 + int(
            reading.stamps[row].astype("datetime64[us]").astype("datetime64[Y]").astype(int)
        )
        raise ParameterError(
            f"prepare.date_format = {reading.format!r}: {name(row)} has {texts[row].as_py()!r}, which can be "
            f"{year - 100} or {year} (two-digit years are read from 1969 to 2039); write years "
            "with four digits"
        )

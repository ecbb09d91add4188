"""Which format the dates of a column have: one for the whole column, decided from all of its rows."""

from __future__ import annotations

import re

import numpy as np

from stages.params import ParameterError
from stages.prepare.dates.complaints import mixed, not_a_date, open_years, unknown
from stages.prepare.dates.formats import Reading, expression, read
from stages.prepare.dates.order import Order, decide
from stages.prepare.dates.times import Texts
from stages.prepare.steps import first

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


def recognise(texts: Texts, order: Order) -> tuple[Reading, dict[str, str]]:
    """The one format that all texts have; `order` decides between day and month.

    Raises:
        ParameterError: no format fits all texts, or several do and nothing decides.
    """
    likely = _likely(texts.text(0))
    if not likely:
        raise unknown(texts, 0)
    readings = [read(texts.array, format) for format in likely]
    fitting = [reading for reading in readings if reading.fits.all()]
    if not fitting:
        raise _two_formats(texts, readings)
    valid = [reading for reading in fitting if reading.valid.all()]
    if not valid:
        raise not_a_date(texts, fitting)
    for reading in valid:
        mixed(texts, reading)
    if len(valid) > 1:
        chosen, why = decide(valid, texts, order)
    else:
        chosen, why = valid[0], _only(texts, fitting)
    return chosen, described(chosen, why)


def by_format(texts: Texts, format: str) -> tuple[Reading, dict[str, str]]:
    """The texts by prepare.date_format.

    Raises:
        ParameterError: a text does not have the format, or its time does not exist.
    """
    reading = read(texts.array, format)
    if (row := first(~reading.fits)) is not None:
        raise ParameterError(
            f"prepare.date_format = {format!r}: {texts.has(row)}, which does not have this format; correct "
            "the row or the format"
        )
    if not reading.valid.all():
        raise not_a_date(texts, [reading])
    mixed(texts, reading)
    if "%y" in format and (row := first(open_years(reading))) is not None:
        year = reading.years[row]  # nothing says whether 55 is 1955 or 2055
        raise ParameterError(
            f"prepare.date_format = {format!r}: {texts.has(row)}, which can be {year - 100} or {year} "
            "(two-digit years are read from 1969 to 2039); write years with four digits"
        )
    return reading, described(reading, "it is prepare.date_format")


def _likely(text: str) -> list[str]:
    """The formats that fit one text."""
    return [format for format in FORMATS if re.match(expression(format, with_time=True), text)]


def described(reading: Reading, why: str) -> dict[str, str]:
    """How the dates were read, in words."""
    time = " and a time of day" if reading.timed.any() else ""
    words = {"dates": f"{reading.format}{time}"}
    if why:
        words["dates read so because"] = why
    if "%y" in reading.format:
        words["two-digit years"] = "69 to 99 are 1969 to 1999, 00 to 39 are 2000 to 2039"
    return words


def _only(texts: Texts, fitting: list[Reading]) -> str:
    """Why the other orders of day and month were not possible."""
    for reading in fitting:
        if (row := first(~reading.valid)) is not None:
            return f"{texts.has_number(row)}, which is not a date by {reading.format}"
    return ""


def _two_formats(texts: Texts, readings: list[Reading]) -> ParameterError:
    best = max(readings, key=lambda reading: int(reading.fits.sum()))
    row = int(np.argmax(~best.fits))
    others = _likely(texts.text(row))
    if not others:
        return unknown(texts, row)
    return ParameterError(
        f"prepare.time: {texts.has(0)} ({best.format}), but {texts.has(row)} ({others[0]}); write all dates "
        "in one format"
    )

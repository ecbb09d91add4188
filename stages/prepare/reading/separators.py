"""Which separator a text has: the one whose table explains more cells than any other's."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from stages.params import ParameterError
from stages.prepare.reading.body import Columns, fitting_rows, read_columns
from stages.prepare.reading.cells import BLANKS, WHOLE, matches, share_of_data, trimmed
from stages.prepare.reading.layout import Layout, layout, shown, table_width
from stages.prepare.reading.records import NO_SEPARATOR

SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Reading:
    """A text read under one separator."""

    layout: Layout
    columns: Columns

    @property
    def example(self) -> str:
        """The first row, as this reading has it."""
        cells = [column[0].as_py() for column in self.columns.cells[:6]]
        return " · ".join(cells)


@dataclass(frozen=True)
class _Attempt:
    """What came of one separator: a reading, or what is wrong with the table."""

    separator: str
    width: int
    outcome: Reading | ParameterError

    def share(self, data: bytes, skipped: int) -> float:
        """The share of numbers and dates among its cells; of a wrong table, among the rows that fit."""
        if isinstance(self.outcome, Reading):
            return share_of_data(self.outcome.columns.cells)
        return share_of_data(fitting_rows(data, self.separator, self.width, skipped))


def only_reading(data: bytes, separator: str | None, header: bool | None, skipped: int) -> Reading:
    """The reading that explains more cells than any other; `skipped` lines above are not part of the table.

    Raises:
        ParameterError: none makes a table, or several are as good.
    """
    if separator is not None:
        return _by_separator(data, separator, header, skipped)
    attempts = [
        _attempt(data, separator, width, header, skipped)
        for separator in SEPARATORS
        if separator.encode() in data and (width := table_width(data, separator, skipped)) > 1
    ]
    if not attempts:
        return _one_column(data, header, skipped)
    best = _best(data, attempts, skipped)
    readings = [attempt.outcome for attempt in best if isinstance(attempt.outcome, Reading)]
    for attempt in best:
        if isinstance(attempt.outcome, ParameterError):
            column = _decimal_column(data, header, skipped)
            if column is None:
                raise attempt.outcome
            return column
    if len(readings) > 1:
        raise ParameterError(
            "prepare.separator: the first row may be "
            + " or ".join(f"{r.example!r} ({shown(r.layout.separator)})" for r in readings)
            + "; set prepare.separator to the one that is right"
        )
    _refuse_decimal_commas(readings[0])
    return readings[0]


def separator_of(name: str) -> str:
    """The character that prepare.separator names.

    Raises:
        ParameterError: it is not one character that can separate columns.
    """
    shown_as = {"tab": "\t", "\\t": "\t", "blank": " "}
    separator = shown_as.get(name, name)
    if not re.fullmatch(r"[^\w\"\r\n]|_", separator, re.ASCII) or not separator.isascii():
        raise ParameterError(
            f"prepare.separator = {separator!r} must be one character, such as `;`, or `tab`; a file whose "
            "columns are apart by several blanks has to be saved as CSV"
        )
    return separator


def _by_separator(data: bytes, name: str, header: bool | None, skipped: int) -> Reading:
    separator = separator_of(name)
    if table_width(data, separator, skipped) == 1:
        return _one_column(data, header, skipped)
    return _read(data, layout(data, separator, skipped, header))


def _attempt(
    data: bytes, separator: str, width: int, header: bool | None, skipped: int
) -> _Attempt:
    outcome: Reading | ParameterError
    try:
        outcome = _read(data, layout(data, separator, skipped, header))
    except ParameterError as error:
        outcome = error
    return _Attempt(separator, width, outcome)


def _best(data: bytes, attempts: list[_Attempt], skipped: int) -> list[_Attempt]:
    """The attempts that explain most; a faulty table counts too, or a worse reading would replace it.

    It counts less than a table in which all is right where both explain as much, and not at all where even
    the line of names lacks its separator: the commas of `Day;Sales` and `2020-01-01;0,5` are decimals.
    """
    right = [attempt for attempt in attempts if isinstance(attempt.outcome, Reading)]
    if right:
        names = next(line for line in data.splitlines()[skipped:] if line.strip())
        attempts = right + [
            attempt
            for attempt in attempts
            if attempt not in right and attempt.separator.encode() in names
        ]
    if len(attempts) == 1:
        return attempts
    shares = [attempt.share(data, skipped) for attempt in attempts]
    best = [a for a, share in zip(attempts, shares, strict=True) if share == max(shares)]
    return [a for a in best if a in right] or best


def _read(data: bytes, shape: Layout) -> Reading:
    return Reading(shape, read_columns(data, shape))


def _decimal_column(data: bytes, header: bool | None, skipped: int) -> Reading | None:
    """One column of numbers with a decimal comma; not rows with names, which R writes in the same way."""
    try:
        reading = _one_column(data, header, skipped)
    except ParameterError:
        return None
    text = trimmed(reading.columns.cells[0])
    if reading.layout.names is None or not pc.all(matches(text, r"^[+\-]?[0-9]+,[0-9]+$")).as_py():
        return None
    whole = pc.cast(pc.replace_substring_regex(text, ",.*", ""), pa.float64()).to_numpy()
    return None if len(whole) > 1 and set(whole[1:] - whole[:-1]) == {1} else reading


def _one_column(data: bytes, header: bool | None, skipped: int) -> Reading:
    reading = _read(data, layout(data, NO_SEPARATOR, skipped, header))
    text = trimmed(reading.columns.cells[0])
    blank = pc.index(matches(text, rf"[0-9][{BLANKS}]+[+\-−]?[0-9]"), True).as_py()
    if blank >= 0 and pc.all(pc.match_substring_regex(text, rf"[{BLANKS}]")).as_py():
        raise ParameterError(
            f"prepare.separator: no separator recognised in {text[blank].as_py()[:60]!r}; if blanks are "
            "between the columns, save the file as CSV, or set prepare.separator to ' ' where it is one"
        )
    return reading


def _refuse_decimal_commas(reading: Reading) -> None:
    """Two columns without a header, `1,5`, may be one column of decimals."""
    shape = reading.layout
    if shape.separator == "," and shape.names is None and shape.width == 2:
        first, second = (trimmed(cells) for cells in reading.columns.cells)
        if pc.all(matches(first, WHOLE)).as_py() and pc.all(matches(second, "^[0-9]+$")).as_py():
            raise ParameterError(
                f"prepare.separator: {first[0].as_py()},{second[0].as_py()} may be two cells or one number "
                "with a decimal comma; set prepare.separator to `,` or to `;`"
            )

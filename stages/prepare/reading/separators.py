"""Which separator a text has: the one whose table explains more cells than any other's."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from stages.params import ParameterError
from stages.prepare.reading.body import fitting_rows, read_columns
from stages.prepare.reading.cells import BLANKS, WHOLE, matches, share_of_data, trimmed
from stages.prepare.reading.layout import Layout, layout, shown, table_width
from stages.prepare.reading.records import NO_SEPARATOR

SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Reading:
    """A text read under one separator: its columns, and what was left out and why, in words."""

    layout: Layout
    cells: list[pa.ChunkedArray]
    words: dict[str, str]


def only_reading(data: bytes, separator: str | None, header: bool | None, skipped: int) -> Reading:
    """The reading that explains more cells than any other; `skipped` lines above are not part of the table.

    Raises:
        ParameterError: none makes a table, or several fit equally well.
    """
    if separator is not None:
        return _by_separator(data, separator, header, skipped)
    attempts = {
        separator: _attempt(data, separator, header, skipped)
        for separator in SEPARATORS
        if separator.encode() in data and table_width(data, separator, skipped) > 1
    }
    if not attempts:
        return _one_column(data, header, skipped)
    try:
        best = _best(data, attempts, skipped)
    except ParameterError:
        column = _decimal_column(data, header, skipped)
        if column is None:
            raise
        return column
    if len(best) > 1:
        rows = [" · ".join(column[0].as_py() for column in reading.cells[:6]) for reading in best]
        signs = [shown(reading.layout.separator) for reading in best]
        raise ParameterError(
            "prepare.separator: the first row may be "
            + " or ".join(f"{row!r} ({sign})" for row, sign in zip(rows, signs, strict=True))
            + "; set prepare.separator to the one that is right"
        )
    _refuse_decimal_commas(best[0])
    return best[0]


def separator_of(name: str) -> str:
    """The character that prepare.separator names.

    Raises:
        ParameterError: it is not one character that can separate columns.
    """
    spelled = {"tab": "\t", "\\t": "\t", "blank": " "}
    separator = spelled.get(name, name)
    if not re.fullmatch(r"[^\w\"\r\n]|_", separator, re.ASCII) or not separator.isascii():
        raise ParameterError(
            f"prepare.separator = {separator!r} must be one character, such as `;`, or `tab`; a file whose "
            "columns are separated by several blanks has to be saved as CSV"
        )
    return separator


def _by_separator(data: bytes, name: str, header: bool | None, skipped: int) -> Reading:
    separator = separator_of(name)
    if table_width(data, separator, skipped) == 1:
        return _one_column(data, header, skipped)
    return _read(data, separator, header, skipped)


def _read(data: bytes, separator: str, header: bool | None, skipped: int) -> Reading:
    shape = layout(data, separator, skipped, header)
    return Reading(shape, *read_columns(data, shape))


def _attempt(
    data: bytes, separator: str, header: bool | None, skipped: int
) -> Reading | ParameterError:
    """A reading, or what is wrong with the table."""
    try:
        return _read(data, separator, header, skipped)
    except ParameterError as error:
        return error


def _best(
    data: bytes, attempts: dict[str, Reading | ParameterError], skipped: int
) -> list[Reading]:
    """The attempts that explain most; a faulty table competes too, or a worse reading would replace it.

    It loses to a table without faults that explains as much, and is ignored where even the line of names
    lacks its separator: the commas of `Day;Sales` and `2020-01-01;0,5` are decimals. Where it explains most,
    its fault is raised.
    """
    right = {sign: table for sign, table in attempts.items() if isinstance(table, Reading)}
    if right:
        names = next(line for line in data.splitlines()[skipped:] if line.strip())
        attempts = {s: table for s, table in attempts.items() if s in right or s.encode() in names}
    if len(attempts) > 1:
        shares = {s: _share(data, s, table, skipped) for s, table in attempts.items()}
        attempts = {s: table for s, table in attempts.items() if shares[s] == max(shares.values())}
    faults = [table for table in attempts.values() if isinstance(table, ParameterError)]
    if len(faults) == len(attempts):
        raise faults[0]
    return [table for table in attempts.values() if isinstance(table, Reading)]


def _share(data: bytes, separator: str, attempt: Reading | ParameterError, skipped: int) -> float:
    """The share of numbers and dates among its cells; of a faulty table, among the rows that fit."""
    if isinstance(attempt, Reading):
        return share_of_data(attempt.cells)
    width = table_width(data, separator, skipped)
    return share_of_data(fitting_rows(data, separator, width, skipped))


def _decimal_column(data: bytes, header: bool | None, skipped: int) -> Reading | None:
    """One column of numbers with a decimal comma; not rows with names, which R writes in the same way."""
    try:
        reading = _one_column(data, header, skipped)
    except ParameterError:
        return None
    text = trimmed(reading.cells[0])
    if reading.layout.names is None or not pc.all(matches(text, r"^[+\-]?[0-9]+,[0-9]+$")).as_py():
        return None
    whole = pc.cast(pc.replace_substring_regex(text, ",.*", ""), pa.float64()).to_numpy()
    return None if len(whole) > 1 and set(whole[1:] - whole[:-1]) == {1} else reading


def _one_column(data: bytes, header: bool | None, skipped: int) -> Reading:
    reading = _read(data, NO_SEPARATOR, header, skipped)
    text = trimmed(reading.cells[0])
    blank = pc.index(matches(text, rf"[0-9][{BLANKS}]+[+\-−]?[0-9]"), True).as_py()
    if blank >= 0 and pc.all(pc.match_substring_regex(text, rf"[{BLANKS}]")).as_py():
        raise ParameterError(
            f"prepare.separator: no separator recognised in {text[blank].as_py()[:60]!r}; if blanks "
            "separate the columns, save the file as CSV, or set prepare.separator to ' ' for single blanks"
        )
    return reading


def _refuse_decimal_commas(reading: Reading) -> None:
    """Two columns without a header, `1,5`, may be one column of decimals."""
    shape = reading.layout
    if shape.separator == "," and shape.names is None and shape.width == 2:
        first, second = (trimmed(cells) for cells in reading.cells)
        if pc.all(matches(first, WHOLE)).as_py() and pc.all(matches(second, "^[0-9]+$")).as_py():
            raise ParameterError(
                f"prepare.separator: {first[0].as_py()},{second[0].as_py()} may be two cells or one number "
                "with a decimal comma; set prepare.separator to `,` or to `;`"
            )

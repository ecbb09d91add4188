"""A delimited text file → named columns of text. What the file does not say by all its cells is refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from stages.params import ParameterError
from stages.prepare.cells import BLANKS, NUMBER, WHOLE, matches, share_of_data, trimmed
from stages.prepare.columns import Columns, read_columns, row_line
from stages.prepare.layout import Layout, layout, shown
from stages.prepare.records import NO_SEPARATOR
from stages.prepare.table import Table
from stages.prepare.text import read_text

SEPARATORS = (",", ";", "\t", "|")
_EXCEL = re.compile(rb'"?sep=(.)"?\r?\n', re.IGNORECASE)


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


def read_delimited(
    path: Path,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    header: bool | None = None,
) -> Table:
    """The file's columns, every cell as text; each argument tells what else is recognised.

    Raises:
        ParameterError: the file cannot be read as a table in one way alone; says why and what to set.
    """
    data, words = read_text(path, encoding)
    source = {"file": "delimited text", "encoding": words}
    line = _EXCEL.match(data)
    by_file = line[1].decode("latin-1") if line else None
    best = _only_reading(data, separator or by_file, header, skipped=1 if line else 0)
    how = " (told)" if separator else " (told by its first line)" if by_file else ""
    sign = best.layout.separator
    source["separator"] = "none: one column" if sign == NO_SEPARATOR else shown(sign) + how
    # A line is asked for only where something is wrong: the text is read again, not kept.
    return _table(
        best, header, source, lambda row: row_line(read_text(path, encoding)[0], best.layout, row)
    )


def _only_reading(data: bytes, told: str | None, header: bool | None, skipped: int) -> Reading:
    """The reading that explains more cells than any other.

    Raises:
        ParameterError: none, or more than one.
    """
    if told is not None:
        if len(told) != 1:
            raise ParameterError(
                f"prepare.separator = {told!r} must be one character, such as `;`; a file whose columns "
                "are apart by several blanks has to be saved as CSV"
            )
        return _read(data, layout(data, told, skipped, header))
    readings, problems = _readings(data, header, skipped)
    if not readings:
        if problems:
            raise problems[0]
        return _one_column(data, header, skipped)
    if len(readings) > 1:
        shares = [share_of_data(reading.columns.cells) for reading in readings]
        best = max(shares)
        readings = [r for r, share in zip(readings, shares, strict=True) if share == best]
    if len(readings) > 1:
        raise ParameterError(
            "prepare.separator: the first row may be "
            + " or ".join(f"{r.example!r} ({shown(r.layout.separator)})" for r in readings)
            + "; set prepare.separator to the one that is right"
        )
    _refuse_decimal_commas(readings[0])
    return readings[0]


def _readings(
    data: bytes, header: bool | None, skipped: int
) -> tuple[list[Reading], list[ParameterError]]:
    """The file under each separator that makes a table of it, and what is wrong under the others."""
    readings: list[Reading] = []
    problems: list[tuple[int, ParameterError]] = []
    for separator in SEPARATORS:
        if separator.encode() not in data:
            continue
        width = 0
        try:
            shape = layout(data, separator, skipped, header)
            width = shape.width
            if width > 1:
                readings.append(_read(data, shape))
        except ParameterError as error:
            problems.append((width, error))
    column = _decimal_column(data, header, skipped) if not readings and problems else None
    if column:
        return [column], []
    problems.sort(key=lambda problem: -problem[0])
    return readings, [error for _, error in problems]


def _read(data: bytes, shape: Layout) -> Reading:
    return Reading(shape, read_columns(data, shape))


def _decimal_column(data: bytes, header: bool | None, skipped: int) -> Reading | None:
    """One column of numbers with a decimal comma; not rows with names, which R writes in the same way."""
    reading = _one_column(data, header, skipped)
    text = trimmed(reading.columns.cells[0])
    if reading.layout.names is None or not pc.all(matches(text, r"^[+\-]?[0-9]+,[0-9]+$")).as_py():
        return None
    whole = pc.cast(pc.replace_substring_regex(text, ",.*", ""), pa.int64()).to_numpy()
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
    if (
        reading.layout.separator == ","
        and reading.layout.names is None
        and reading.layout.width == 2
    ):
        first, second = (trimmed(cells) for cells in reading.columns.cells)
        if pc.all(matches(first, WHOLE)).as_py() and pc.all(matches(second, "^[0-9]+$")).as_py():
            raise ParameterError(
                f"prepare.separator: {first[0].as_py()},{second[0].as_py()} may be two cells or one number "
                "with a decimal comma; set prepare.separator to `,` or to `;`"
            )


def _table(
    reading: Reading, header: bool | None, source: dict[str, str], line: Callable[[int], str]
) -> Table:
    shape, cells = reading.layout, reading.columns.cells
    if header is None and shape.names is None:
        _refuse_numbered_header(cells)
    told = " (told)" if header is not None else ""
    source["header"] = (
        f"line {shape.first}{told}"
        if shape.names is not None
        else f"none{told}: columns are numbered"
    )
    names, nameless = name_columns(list(shape.names or [""] * len(cells))[: len(cells)])
    source |= reading.columns.words
    return Table(
        columns=dict(zip(names, cells, strict=True)),
        nameless=nameless if shape.names is not None else (),
        source=source,
        line=line,
        separator=None if shape.separator == NO_SEPARATOR else shape.separator,
        header=shape.names is not None,
    )


def _refuse_numbered_header(cells: list[pa.ChunkedArray]) -> None:
    """A first row of different whole numbers above columns of decimals may be names (`1001,1002`)."""
    first = [column[0].as_py().strip() for column in cells]
    whole = [bool(re.match(WHOLE, cell)) for cell in first]
    if len(first) < 2 or not all(whole) or len(set(first)) < len(first):
        return
    rest = [trimmed(column.slice(1)) for column in cells]
    if all(
        pc.any(pc.and_(matches(t, NUMBER), pc.match_substring_regex(t, "[.,]"))).as_py()
        for t in rest
    ):
        raise ParameterError(
            f"prepare.header: the first row of the file ({', '.join(first[:4])}) may be names of columns "
            "or numbers; set prepare.header to true or false"
        )


def name_columns(names: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Names for all columns: `column 2` where there is none; and those that were made up.

    Raises:
        ParameterError: two columns have one name.
    """
    full = [name or f"column {at}" for at, name in enumerate(names, 1)]
    twice = [name for name, count in Counter(full).items() if count > 1]
    if twice:
        where = " and ".join(str(at) for at, name in enumerate(full, 1) if name == twice[0])
        raise ParameterError(
            f"prepare.path: the columns {where} of the file have the same name {twice[0]!r}; "
            "give every column a name of its own"
        )
    return full, tuple(name for name, given in zip(full, names, strict=True) if not given)

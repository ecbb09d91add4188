"""A delimited text file → named columns of text. What all its cells together leave open is refused."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from stages.params import ParameterError
from stages.prepare.reading.body import row_line
from stages.prepare.reading.cells import NUMBER, WHOLE, matches, trimmed
from stages.prepare.reading.layout import shown
from stages.prepare.reading.records import NO_SEPARATOR
from stages.prepare.reading.separators import only_reading
from stages.prepare.reading.table import SET, Options, Table
from stages.prepare.reading.text import read_text

_EXCEL = re.compile(rb'"?sep=(.)"?\r?\n', re.IGNORECASE)


def read_delimited(path: Path, options: Options) -> Table:
    """The file's columns, every cell as text; an option that is not None replaces recognition.

    Raises:
        ParameterError: the file cannot be read as a table in exactly one way; says why and what to set.
    """
    data, encoding = read_text(path, options.encoding)
    excel = _EXCEL.match(data)
    by_file = excel[1].decode("latin-1") if excel else None
    known = by_file if options.separator is None else options.separator
    best = only_reading(data, known, options.header, skipped=1 if excel else 0)
    shape, cells, one_column = best.layout, best.cells, best.layout.separator == NO_SEPARATOR
    if options.header is None and shape.names is None:
        _refuse_numbered_header(cells)
    how = SET if options.separator is not None else " (its first line says so)" if by_file else ""
    separator = "none: one column" if one_column else shown(shape.separator) + how
    how = SET if options.header is not None else ""
    header = (
        f"none{how}: columns are numbered" if shape.names is None else f"line {shape.first}{how}"
    )
    names, nameless = name_columns(list(shape.names or [""] * len(cells))[: len(cells)])
    words = {"encoding": encoding, "separator": separator, "header": header}
    return Table(
        columns=dict(zip(names, cells, strict=True)),
        nameless=nameless if shape.names is not None else (),
        source={"file": "delimited text"} | words | best.words,
        # A line is needed only for an error, so the text is read again instead of kept.
        line=lambda row: row_line(read_text(path, options.encoding)[0], shape, row),
        separator=None if one_column else shape.separator,
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
    """Names for all columns, `column 2` for one without; and which had none.

    Raises:
        ParameterError: two columns have the same name.
    """
    full = [name or f"column {number}" for number, name in enumerate(names, 1)]
    twice = [name for name, count in Counter(full).items() if count > 1]
    if twice:
        where = " and ".join(str(number) for number, name in enumerate(full, 1) if name == twice[0])
        raise ParameterError(
            f"prepare.path: the columns {where} of the file have the same name {twice[0]!r}; "
            "give each column a different name"
        )
    return full, tuple(name for name, given in zip(full, names, strict=True) if not given)

"""All rows of a delimited text as columns of text; every row is checked against the table's width."""

from __future__ import annotations

from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from stages.params import ParameterError
from stages.prepare.reading.cells import is_data, trim, trimmed
from stages.prepare.reading.layout import Layout, ragged, shown
from stages.prepare.reading.records import NO_SEPARATOR, Record, offset_of, records

_BLOCK = 1 << 24  # bytes that are parsed at once; a row must fit into them


def read_columns(data: bytes, layout: Layout) -> tuple[list[pa.ChunkedArray], dict[str, str]]:
    """Every column as text, still without a name; and what was left out and why, in words.

    Raises:
        ParameterError: a row has more or fewer cells than the others, or a quote is not closed.
    """
    ragged_rows: list[str] = []
    table = _parse(data, layout, ragged_rows)
    notes = _notes(data, layout) if any(trim(text) for text in ragged_rows) else []
    if b'"' in data:
        _check_quotes(data, layout, table)
    if layout.width == 1:
        table = _without_blank_end(table, data, layout)
    else:
        table, texts = _without_notes(table)
        notes = texts + notes
    cells = list(table.columns)
    if not len(table):
        raise ParameterError("prepare.path: the file has no rows; name another file")
    notes = [*layout.notes, *notes]
    words = {"notes left out": "; ".join(map(repr, notes))} if notes else {}
    unnamed = not (layout.names and len(layout.names) == layout.width and layout.names[-1])
    short = layout.names is not None and len(layout.names) == layout.width - 1
    if layout.width > 1 and unnamed:
        if not pc.any(pc.not_equal(trimmed(cells[-1]), "")).as_py():
            cells.pop()
            words["end of rows"] = f"every row ends in {shown(layout.separator)}: not a column"
        elif short:
            row = next(records(data, layout.separator, layout.first))
            raise ParameterError(
                f"every row of the file has {layout.width} cells, but its header names {layout.width - 1} "
                f"columns (line {row.line}: {layout.separator.join(row.cells)[:60]!r}); name every column "
                "in the header, the column of row names too"
            )
    return cells, words


def fitting_rows(data: bytes, separator: str, width: int, skipped: int) -> list[pa.ChunkedArray]:
    """The cells of the rows that have this width, whatever else is in the text."""
    shape = Layout(separator, width, None, skipped, ())
    try:
        return list(_parse(data, shape, []).columns)
    except ParameterError:
        return []


def _parse(data: bytes, layout: Layout, ragged_rows: list[str]) -> pa.Table:
    names = [str(i) for i in range(layout.width)]

    def collect(row: pyarrow.csv.InvalidRow) -> str:
        ragged_rows.append(row.text)
        return "skip" if len(ragged_rows) < 1000 else "error"

    body = pa.py_buffer(data)[offset_of(data, layout.first) :]
    if not len(body):
        return pa.table({name: pa.chunked_array([[]], pa.string()) for name in names})
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(body),
            pyarrow.csv.ReadOptions(column_names=names, block_size=_BLOCK),
            pyarrow.csv.ParseOptions(
                delimiter=layout.separator,
                newlines_in_values=b'"' in data,
                ignore_empty_lines=layout.width > 1,
                invalid_row_handler=collect,
            ),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowInvalid:
        _notes(data, layout)  # says which row
        raise ParameterError(
            f"the rows of the file do not make a table (separator {shown(layout.separator)}): one is longer "
            f"than {_BLOCK >> 20} MiB, or 1000 differ from the others; set prepare.separator"
        ) from None


def _notes(data: bytes, layout: Layout) -> list[str]:
    """The notes below the table: rows of another width that are text alone, one line each.

    Raises:
        ParameterError: a row of another width that is not a note.
    """
    wrong: list[Record] = []
    for record in records(data, layout.separator, layout.first):
        if len(record.cells) == layout.width:
            if wrong:
                break
        elif record.filled:
            wrong.append(record)
    else:
        for record in wrong:
            if len(record.cells) > layout.width or not _is_note(record):
                raise ParameterError(ragged(record, layout.width, layout.separator))
        return [layout.separator.join(record.cells) for record in wrong]
    raise ParameterError(ragged(wrong[0], layout.width, layout.separator))


def _is_note(record: Record) -> bool:
    """Whether a short record is a sentence about the table, not a row that was cut off."""
    words = [trim(cell) for cell in record.cells]
    several = len(words[0].split()) > 1 or words[0][:1] in "#*" or ":" in words[0]
    return several and record.end == record.line and not any(is_data(w) for w in words if w)


def _check_quotes(data: bytes, layout: Layout, table: pa.Table) -> None:
    """Check rows that span lines with a strict reader: an open quote would swallow the rows below it."""
    breaks = [
        pc.any(pc.match_substring_regex(column, "[\n\r]")).as_py() for column in table.columns
    ]
    if any(breaks):
        for _ in records(data, layout.separator, layout.first):
            pass


def _without_notes(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """The table without its last rows that are blank or hold text in the first cell only; and these texts."""
    notes: list[str] = []
    end = len(table)
    while end:
        row = [trim(column[end - 1].as_py()) for column in table.columns]
        if any(row[1:]) or (row[0] and is_data(row[0])):
            break
        notes += [row[0]] if row[0] else []
        end -= 1
    return table.slice(0, end), notes[::-1]


def _without_blank_end(table: pa.Table, data: bytes, layout: Layout) -> pa.Table:
    """A single column without the blank lines at its end; a blank line within, perhaps a gap, is refused."""
    column = trimmed(table.column(0))
    end = len(column)
    while end and not column[end - 1].as_py():
        end -= 1
    blank = pc.index(column.slice(0, end), "").as_py()
    # Where empty cells are written as two quotes they are rows.
    quoted_gaps = b'""' in data and b"\n\n" not in data and b"\n\r\n" not in data
    if blank >= 0 and not quoted_gaps:
        raise ParameterError(
            f"line {layout.first + 1 + blank} of the file is blank; in a file of one column it may be "
            "a gap or nothing: write NA for a gap, or remove the line"
        )
    return table.slice(0, end)


def row_line(data: bytes, layout: Layout, row: int) -> str:
    """The line of the file that a row (from 0) of the table comes from, in words."""
    if layout.width == 1 or layout.separator == NO_SEPARATOR:  # blank lines are rows
        return f"line {layout.first + 1 + row}"
    every = records(data, layout.separator, layout.first)
    rows = (record for record in every if len(record.cells) == layout.width)
    return f"line {next(islice(rows, row, None)).line}"

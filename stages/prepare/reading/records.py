"""Records of delimited text one by one, with their lines: for the top of a file and for errors in it.

Python's CSV reader, strict about quotes. Whole columns are read by Arrow, which is fast and forgiving.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from stages.params import ParameterError
from stages.prepare.reading.cells import trim

NO_SEPARATOR = "\x1f"  # the unit separator, for files with one column


@dataclass(frozen=True)
class Record:
    """One record: the line of the file where it begins and where it ends (from 1), and its cells."""

    line: int
    end: int
    cells: list[str]

    @property
    def filled(self) -> list[str]:
        """The cells that are not blank."""
        return [cell for cell in self.cells if trim(cell)]


def records(
    data: bytes, separator: str, skipped: int = 0, *, strict: bool = True
) -> Iterator[Record]:
    """All records that are not empty lines, after the first `skipped` lines; `strict` about quotes.

    Raises:
        ParameterError: quotes that do not close; says where.
    """
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    for _ in range(skipped):
        lines.readline()
    csv.field_size_limit(1 << 30)  # under a wrong separator a row is one long cell
    reader = csv.reader(lines, delimiter=separator, strict=strict)
    end = skipped
    while True:
        line = end + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise ParameterError(
                f'line {line} of the file has a quote (") that is not closed in its cell; close it, '
                "or double a quote that belongs to the text"
            ) from None
        end = skipped + reader.line_num
        if cells:
            yield Record(line, end, cells)


def offset_of(data: bytes, lines: int) -> int:
    """The number of bytes of the first `lines` lines."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    return sum(len(text.readline().encode()) for _ in range(lines))

"""A file as named columns of cells, before any of them is a time, a series or a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

SET = " (set in params.yaml)"  # appended to what was not recognised


@dataclass(frozen=True)
class Options:
    """What params.yaml says about a text file; what is None is recognised."""

    encoding: str | None = None
    separator: str | None = None
    header: bool | None = None
    decimal: str | None = None
    thousands: str | None = None


@dataclass(frozen=True)
class Table:
    """What a file holds, and how it was read.

    Attributes:
        columns: name → cells, one for each row; text as written (CSV) or typed (Parquet).
        nameless: columns that the file does not name (here `column 2`, by their position): never a series
            unless a parameter names them.
        source: what was recognised or set, as words to be shown: file, encoding, separator, …
        line: the number of a row (from 0) → its position in the file, in words: `line 12`.
        separator: of a text file with more than one column.
        header: whether the file names its columns.
    """

    columns: dict[str, pa.ChunkedArray]
    nameless: tuple[str, ...]
    source: dict[str, str]
    line: Callable[[int], str] = field(repr=False)
    separator: str | None = None
    header: bool = True

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

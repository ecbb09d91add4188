"""What a file holds and how it is written: for `prepare`, and for anyone who asks what it would read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stages.prepare.reading.delimited import read_delimited
from stages.prepare.reading.parquet import read_parquet
from stages.prepare.reading.signs import Signs, number_columns, recognise_signs
from stages.prepare.reading.table import Table


@dataclass(frozen=True)
class Options:
    """What params.yaml says about a text file; what is None is recognised."""

    encoding: str | None = None
    separator: str | None = None
    header: bool | None = None
    decimal: str | None = None
    thousands: str | None = None


def read_table(path: Path, options: Options) -> Table:
    """The columns of a CSV or Parquet file, cells as written.

    Raises:
        ParameterError: the file cannot be read, or in more than one way; says why and what to set.
    """
    if path.suffix == ".parquet":
        return read_parquet(path)
    return read_delimited(
        path, encoding=options.encoding, separator=options.separator, header=options.header
    )


def read_signs(
    table: Table, options: Options, values: Iterable[str] | None = None, roles: Iterable[str] = ()
) -> tuple[Signs, dict[str, str]]:
    """The decimal sign and the one between thousands, decided by `values` (default: all columns of numbers).

    `roles` are columns that are no numbers whatever they look like: times, names of series.

    Raises:
        ParameterError: the numbers leave it open, or contradict each other.
    """
    if table.source["file"] == "Parquet" and not _has_text(table, values):
        return Signs(), {}
    taken = set(roles)

    def all_numbers() -> list[str]:
        return [name for name in number_columns(table) if name not in taken]

    return recognise_signs(
        table,
        all_numbers() if values is None else values,
        others=all_numbers,
        decimal=options.decimal,
        thousands=options.thousands,
    )


def recognise(path: Path, options: Options | None = None) -> tuple[Table, Signs, dict[str, str]]:
    """The file's columns, how its numbers are written, and all that was recognised, in words to be shown.

    Raises:
        ParameterError: the file leaves something open, or contradicts itself; says what to set.
    """
    options = options or Options()
    table = read_table(path, options)
    signs, words = read_signs(table, options)
    return table, signs, {**table.source, **words}


def _has_text(table: Table, values: Iterable[str] | None) -> bool:
    names = table.columns if values is None else values
    return any(str(table.columns[name].type) == "string" for name in names)

"""A file as a table, for `prepare` and for all that reads files as it does."""

from __future__ import annotations

from pathlib import Path

from stages.prepare.reading.delimited import read_delimited
from stages.prepare.reading.parquet import read_parquet
from stages.prepare.reading.table import Options, Table


def read_table(path: Path, options: Options) -> Table:
    """The columns of a CSV or Parquet file, cells as written.

    Raises:
        ParameterError: the file cannot be read, or in more ways than one; says why and what to set.
    """
    return read_parquet(path) if path.suffix == ".parquet" else read_delimited(path, options)

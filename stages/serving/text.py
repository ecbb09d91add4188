"""A CSV with every cell as text: ids keep their zeros, and no word becomes a missing value."""

from __future__ import annotations

import csv
import io

import pandas as pd

from stages.serving.input.value_cells import TableError


def read_csv(content: bytes) -> pd.DataFrame:
    """The table of a CSV in UTF-8 whose first line names the columns.

    Raises:
        TableError: it is empty, not UTF-8, or a line has more or fewer cells than the first.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(f"the CSV is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    try:
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise TableError(f"the CSV cannot be read: {error}; correct its quotes") from None
    if not lines:
        raise TableError("the CSV is empty; its first line names the columns unique_id, ds, y")
    names, *rows = lines
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise TableError(
                f"row {number} of the CSV has {len(row)} cells, the first has {len(names)}; correct the row"
            )
    return pd.DataFrame(rows, columns=[name.strip() for name in names], dtype=object)

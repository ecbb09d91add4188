"""data/forecasts/<cell>.parquet: forecasts of the test part, in the data's units.

Columns: unique_id, ds, cutoff (the origin), y, cell, lam, seed, y_hat. Members follow one another
(λ ascending, then seed, then the seeds' mean: see scores.py), within a member windows by origin row,
then channels, then horizon steps. Each block that is written is one row group of one member, so a
reader that filters on lam and seed skips the rest. Of networks there are those that
`evaluate.forecasts` keeps, by default of λ = 0 and of those that may be chosen (stages/evaluate/kept.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.artifacts.windows import Layout, Windows

DICTIONARY = pa.dictionary(pa.int32(), pa.string())


def time_type(layout: Layout) -> pa.DataType:
    """How times are written: as timestamps (UTC with the calendar's zone, if it has one), or as integers."""
    calendar = layout.calendar
    return pa.timestamp("us", tz=calendar.zone) if calendar.time == "datetime" else pa.int64()


def repeated(names: Sequence[str], index: np.ndarray) -> pa.Array:
    """Strings names[index] as an array that holds each name once."""
    return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(names, pa.string()))


def times(values: np.ndarray, layout: Layout) -> pa.Array:
    """int64 times (µs since the epoch, or integers) as the artifact's time type."""
    return pa.array(np.ascontiguousarray(values), pa.int64()).cast(time_type(layout))


class ForecastWriter:
    """Writes one file block by block; a context manager.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
    """

    def __init__(self, path: Path | str, layout: Layout) -> None:
        time = time_type(layout)
        self.layout = layout
        self.schema = pa.schema(
            [
                ("unique_id", DICTIONARY),
                ("ds", time),
                ("cutoff", time),
                ("y", pa.float64()),
                ("cell", DICTIONARY),
                ("lam", pa.float64()),
                ("seed", pa.int64()),
                ("y_hat", pa.float64()),
            ]
        )
        plain = {"y_hat": "BYTE_STREAM_SPLIT"}
        self.writer = pq.ParquetWriter(
            path,
            self.schema,
            compression="zstd",
            use_dictionary=[name for name in self.schema.names if name not in plain],
            column_encoding=plain,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.writer.close()

    def add(
        self,
        windows: Windows,
        rows: np.ndarray,
        cell: str,
        lam: float,
        seed: int,
        y_hat: np.ndarray,
    ) -> None:
        """Write one member's forecasts y_hat (N, H, C) of the windows `rows` (N,)."""
        n, horizon, channels = y_hat.shape
        cutoff, ds = windows.times(rows)
        size = n * horizon * channels
        columns: list[Any] = [
            repeated(self.layout.series, np.repeat(windows.series_of(rows).ravel(), horizon)),
            times(np.repeat(ds, channels, 0).ravel(), self.layout),
            times(np.repeat(cutoff, channels * horizon), self.layout),
            pa.array(_long(windows.targets(rows))),
            repeated([cell], np.zeros(size, np.int32)),
            pa.array(np.full(size, lam)),
            pa.array(np.full(size, seed, np.int64)),
            pa.array(_long(y_hat)),
        ]
        table = pa.Table.from_arrays(columns, schema=self.schema)
        self.writer.write_table(table, row_group_size=size)


def _long(values: np.ndarray) -> np.ndarray:
    """(N, H, C) as (N C H,) float64: window by window, channel by channel."""
    return np.asarray(values, np.float64).transpose(0, 2, 1).ravel()


def load(
    folder: Path | str,
    cell: str,
    *,
    columns: list[str] | None = None,
    filters: list[tuple[str, str, Any]] | None = None,
) -> pd.DataFrame:
    """One cell's forecasts; `columns` and `filters` as in `pandas.read_parquet`.

    Raises:
        FileNotFoundError: `evaluate` has written no such cell.
        ValueError: no forecast of the cell passes the filters.
    """
    frame = pd.read_parquet(Path(folder) / f"{cell}.parquet", columns=columns, filters=filters)
    if filters and frame.empty:
        raise ValueError(
            f"no forecast of {cell} has {' and '.join(f'{c} {op} {v}' for c, op, v in filters)}; of a λ that "
            "no rule chooses, only the ensemble's are written: set evaluate.forecasts to all"
        )
    return frame

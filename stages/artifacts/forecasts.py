"""data/forecasts: forecasts in the data's units.

    <cell>.parquet, baselines.parquet                         unique_id, ds, cutoff, y, cell, lam, seed, y_hat
    validation/<cell>.parquet, validation/baselines.parquet   the same and fold

The first are of the test part by the final fold's members, the second of each other fold's validation
windows by that fold's members. cutoff is the origin; y_hat − y at ds is the error of a step. Forecasters
follow one another (by fold, λ ascending, then seed, then the seeds' mean: see scores.py), within each of them
windows by origin row, then channels, then horizon steps. Each block that is written is one row group of one
forecaster, so reading with a filter on lam and seed skips the rest.

A file holds those networks that `evaluate.forecasts` keeps, by default of λ = 0 and of the λ's that may be
chosen (stages/evaluate/kept.py); in the test part it also holds all ensembles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.artifacts.windows import Layout, Windows

DICTIONARY = pa.dictionary(pa.int32(), pa.string())
VALIDATION = "validation"  # the folder of the folds' forecasts


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


class Key(NamedTuple):
    """The forecaster that forecasts or losses are of; fold is None where they are of the test part."""

    cell: str
    lam: float
    seed: int
    fold: str | None = None

    @staticmethod
    def fields(folds: bool) -> list[tuple[str, pa.DataType]]:
        """The columns of a file, with `fold` where it is of validation windows."""
        fields = [("cell", DICTIONARY), ("lam", pa.float64()), ("seed", pa.int64())]
        return [*fields, ("fold", DICTIONARY)] if folds else fields

    def columns(self, n: int) -> list[pa.Array]:
        """n rows of them."""
        first = np.zeros(n, np.int32)
        lam, seed = pa.array(np.full(n, self.lam)), pa.array(np.full(n, self.seed, np.int64))
        columns = [repeated([self.cell], first), lam, seed]
        return columns if self.fold is None else [*columns, repeated([self.fold], first)]


class ForecastWriter:
    """Writes one file block by block, with the column `fold` where folds is true; a context manager.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
    """

    def __init__(self, path: Path | str, layout: Layout, folds: bool = False) -> None:
        time = time_type(layout)
        self.layout = layout
        self.schema = pa.schema(
            [
                ("unique_id", DICTIONARY),
                ("ds", time),
                ("cutoff", time),
                ("y", pa.float64()),
                *Key.fields(folds),
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

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def add(self, windows: Windows, rows: np.ndarray, key: Key, y_hat: np.ndarray) -> None:
        """Write one forecaster's forecasts y_hat (N, H, C) of the windows `rows` (N,)."""
        n, horizon, channels = y_hat.shape
        cutoff, ds = windows.times(rows)
        size = n * horizon * channels
        columns: list[Any] = [
            repeated(self.layout.series, np.repeat(windows.series_of(rows).ravel(), horizon)),
            times(np.repeat(ds, channels, 0).ravel(), self.layout),
            times(np.repeat(cutoff, channels * horizon), self.layout),
            pa.array(_long(windows.targets(rows))),
            *key.columns(size),
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
    """One cell's forecasts below `folder` (or its VALIDATION); the rest as in `pandas.read_parquet`.

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

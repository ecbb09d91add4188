"""data/scores: errors on the test part and on validation windows, and whose errors they are.

    <cell>.parquet, baselines.parquet                         cell, lam, seed, unique_id, step, metric, value
    losses_<cell>.parquet, losses_baselines.parquet           cell, lam, seed, unique_id, cutoff, mse, mae
    validation_<cell>.parquet, validation_baselines.parquet   the same and fold
    intervals_<cell>.parquet, intervals_baselines.parquet     as the first, of prediction intervals
    covered_<cell>.parquet, covered_baselines.parquet         as the second, of shares inside intervals
    early_stopped.parquet, losses_early_stopped.parquet       as the first two
    <cell>+ridge.parquet, losses_…, validation_…              of the mean of a cell's forecasts and ridge's
    ridge.safetensors                                         a LinearMap: ridge of the final fit
    intervals.safetensors                                     see intervals.py
    cells.json                                                an Index: whose errors, and what is missing

The first two are of the test part, the third of the validation windows of each fold by that fold's members;
of networks those whose forecasts are kept (see forecasts.py). A mean with ridge, in equal parts, is there
under `evaluate.mean`, for those networks and their ensembles. Early-stopped are of the test part by every
cell's early-stopped networks of λ = 0 and their ensemble (see fits.py), whose forecasts are not kept; they
have no rows where there are none.

unique_id "" means all ranked series and step 0 all horizon steps. A metric that has no meaning for a series
has no row for it; a series that is not ranked has rows in the data's units under its name alone, and no
losses. A baseline's `cell` is its name, its seed −1 and its lam NaN, or the λ that it chose. Seed −2 is the
ensemble: the mean over the seeds' forecasts of one λ, a separate forecaster where a cell has several seeds.
`mse` and `mae` (MEASURES) are scaled_mse and scaled_mae of one window, over its horizon and channels; with
joint channels its unique_id is "".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.artifacts.forecasts import DICTIONARY, Key, repeated, time_type, times
from stages.artifacts.windows import Layout, Windows
from stages.losses import MEASURES

BASELINES = "baselines"  # the file that all baselines share
EARLY_STOPPED = "early_stopped"  # the file that the early-stopped networks of all cells share
BASELINE, ENSEMBLE = -1, -2  # instead of a seed


# cell, lam, seed, unique_id, step, metric, value
Row = tuple[str, float, int, str, int, str, float]


@dataclass
class Scores:
    """Gathers the scores of one file, forecaster by forecaster."""

    layout: Layout
    rows: list[Row] = field(default_factory=list)
    tested: list[pa.Table] = field(default_factory=list)
    validated: list[pa.Table] = field(default_factory=list)
    interval_rows: list[Row] = field(default_factory=list)
    covered: list[pa.Table] = field(default_factory=list)

    def add(self, key: Key, values: list[tuple[str, int, str, float]]) -> None:
        """One forecaster's (unique_id, step, metric, value) on the test part."""
        self.rows += [(key.cell, key.lam, key.seed, *value) for value in values]

    def add_losses(self, windows: Windows, rows: np.ndarray, key: Key, losses: np.ndarray) -> None:
        """One forecaster's losses (M, N), M measures, of the windows `rows` (N,)."""
        names: Sequence[str] = [""]
        index = np.zeros(len(rows), np.int64)
        if self.layout.channels == "independent":
            names, index = self.layout.series, windows.series_of(rows)[:, 0]
        columns: list[Any] = [
            *key.columns(len(rows)),
            repeated(names, index),
            times(windows.times(rows)[0], self.layout),
            *map(pa.array, losses),
        ]
        tested = key.fold is None
        table = pa.Table.from_arrays(columns, schema=_loss_schema(self.layout, not tested))
        (self.tested if tested else self.validated).append(table)

    def add_intervals(self, key: Key, values: list[tuple[str, int, str, float]]) -> None:
        """As `add`, of one forecaster's intervals."""
        self.interval_rows += [(key.cell, key.lam, key.seed, *value) for value in values]

    def add_covered(
        self, key: Key, series: np.ndarray, cutoff: pa.ChunkedArray, values: dict[str, np.ndarray]
    ) -> None:
        """How one forecaster's intervals hold by test window: series, cutoff and each value (N,)."""
        names = ["unique_id", "cutoff", *values]
        ids = repeated(self.layout.series, series)
        columns = [ids, cutoff, *map(pa.array, values.values())]
        fields = [name for name, _ in Key.fields(False)]
        self.covered.append(
            pa.Table.from_arrays([*key.columns(len(series)), *columns], names=[*fields, *names])
        )

    def save(self, folder: Path | str, name: str, validated: bool = True) -> None:
        """Write the files of this name; the folder exists.

        Args:
            validated: whether there is one of validation windows.
        """
        folder = Path(folder)
        _write(_table(self.rows), folder / f"{name}.parquet")
        parts = {"losses": self.tested} | ({"validation": self.validated} if validated else {})
        for part, losses in parts.items():
            empty = _loss_schema(self.layout, folds=part == "validation").empty_table()
            together = pa.concat_tables(losses or [empty]).unify_dictionaries()
            _write(together, folder / f"{part}_{name}.parquet")
        if self.covered:
            _write(_table(self.interval_rows), folder / f"intervals_{name}.parquet")
            together = pa.concat_tables(self.covered).unify_dictionaries()
            _write(together, folder / f"covered_{name}.parquet")


def _table(rows: Sequence[Row]) -> pa.Table:
    types = [pa.string(), pa.float64(), pa.int64(), pa.string(), pa.int64(), pa.string()]
    names = ["cell", "lam", "seed", "unique_id", "step", "metric", "value"]
    schema = pa.schema(list(zip(names, [*types, pa.float64()], strict=True)))
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _loss_schema(layout: Layout, folds: bool) -> pa.Schema:
    return pa.schema(
        [
            *Key.fields(folds),
            ("unique_id", DICTIONARY),
            ("cutoff", time_type(layout)),
            *((measure, pa.float64()) for measure in MEASURES),
        ]
    )


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")


@dataclass(frozen=True)
class Index:
    """Which forecasters the scores are of, and what is left out of them.

    Attributes:
        cells, baselines: in the order of params.yaml. means: the cells that have a mean with ridge.
        details: baseline → what else it chose ("no intercept").
        edges: baseline → where its λ lies at an edge of its grid.
        absent: baseline that was asked for and cannot be computed → why.
        unvalidated: baseline that cannot be computed on some fold, so has no validation errors → why.
        unranked: series → why it is in no overall number.
        undefined: metric → series that it has no meaning for → why.
    """

    cells: list[str]
    baselines: list[str]
    means: list[str] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)
    edges: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    unvalidated: dict[str, str] = field(default_factory=dict)
    unranked: dict[str, str] = field(default_factory=dict)
    undefined: dict[str, dict[str, str]] = field(default_factory=dict)


def save_index(folder: Path | str, index: Index) -> None:
    """Write cells.json."""
    text = json.dumps(asdict(index), indent=2, ensure_ascii=False)
    (Path(folder) / "cells.json").write_text(text + "\n", encoding="utf-8")


def load_index(folder: Path | str) -> Index:
    """Read cells.json.

    Raises:
        FileNotFoundError: the folder holds no scores.
    """
    return Index(**json.loads((Path(folder) / "cells.json").read_text(encoding="utf-8")))

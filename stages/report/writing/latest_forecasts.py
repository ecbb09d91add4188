"""The latest forecasts of the test part, as rows to draw: read by column and row group."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stages.artifacts.intervals import tails
from stages.artifacts.series import Series
from stages.report.judging.cell import Cell
from stages.report.judging.intervals import Array
from stages.report.study import Study
from stages.report.writing.clock import utc

ORIGINS = 3  # non-overlapping forecasts shown
PANES = 3  # series shown: the best, median and worst of the best cell


def latest_forecasts(
    study: Study, series: Series, folder: Path, names: Sequence[str]
) -> pd.DataFrame:
    """Rows cell, unique_id, kind, cutoff, ds, value; kinds are those of `page.forecasts.KINDS`.

    Shown are the last origin of each series and those one and two horizons earlier, mean over seeds; with
    the widest interval of the chosen λ as low and high, where it has one. Times are in UTC where the data
    have a zone.
    """
    shown = {
        name: _cutoffs(study, name)
        for name in _series_shown(study, folder / f"{study.best.name}.parquet")
    }
    frames = []
    for cell in study.cells:
        rows = _read(folder / f"{cell.name}.parquet", shown, cell)
        if study.baseline is not None:
            best = _baseline(folder / "baselines.parquet", shown, study.baseline)
            rows = pd.concat([best, rows], ignore_index=True)
        frames += [_actual(series, rows), _with_interval(rows, cell, study, names)]
        for frame in frames[-2:]:
            frame["cell"] = cell.name
    return pd.concat(frames, ignore_index=True)


def _with_interval(
    rows: pd.DataFrame, cell: Cell, study: Study, names: Sequence[str]
) -> pd.DataFrame:
    """Columns low and high of the widest level, of the cell's forecasts at the chosen λ."""
    one = study.coverages.get(cell.name)
    if one is None:
        return rows
    chosen = rows[rows["kind"] == "chosen λ"]
    size = one.intervals.size[[names.index(name) for name in chosen["unique_id"]]]
    y_hat = chosen["value"].to_numpy().reshape(-1, study.horizon)
    for end, tau in zip(("low", "high"), tails(one.intervals.levels[-1]), strict=True):
        bound = one.intervals.at(tau, y_hat, size[:: study.horizon]).ravel()
        rows.loc[chosen.index, end] = bound
    return rows


def _lams(cell: Cell) -> dict[float, str]:
    """λ → kind, drawn in this order; a chosen λ of 0 is one line, not two."""
    return {0.0: "λ = 0", cell.lam: "chosen λ"} if cell.zero is not None else {cell.lam: "chosen λ"}


def _cutoffs(study: Study, name: str) -> Array:
    """The last origins of a series that do not overlap, the latest first."""
    losses = study.best.squared
    cutoffs = losses.cutoff[losses.series == name] if losses.series[0] else losses.cutoff
    return np.unique(cutoffs)[:: -study.horizon][:ORIGINS]


def _series_shown(study: Study, path: Path) -> list[str]:
    """Best, median and worst series of the best cell on the test part, in that order."""
    losses = study.best.contender.mean
    means = pd.Series(losses.loss).groupby(losses.series).mean().sort_values(kind="stable")
    names = [str(name) for name in means.index]
    if names == [""]:  # all series forecast together: their order in the file
        first = pq.ParquetFile(path).read_row_group(0, ["unique_id"])["unique_id"]
        names = [str(name) for name in first.unique().to_pylist()]
    ranks = np.linspace(0, len(names) - 1, min(PANES, len(names))).round().astype(int)
    return [names[rank] for rank in ranks]


def _read(path: Path, shown: dict[str, Array], cell: Cell) -> pd.DataFrame:
    kinds = _lams(cell)
    # Not isin: a row group of λ = 0 alone has the statistics -0 to 0, and isin then skips it.
    lam = functools.reduce(operator.or_, (ds.field("lam") == value for value in kinds))
    return _rows(
        path, lam & (ds.field("seed") == cell.averaged_seed) & _windows(path, shown), kinds
    )


def _baseline(path: Path, shown: dict[str, Array], name: str) -> pd.DataFrame:
    return _rows(path, (ds.field("cell") == name) & _windows(path, shown), None)


def _windows(path: Path, shown: dict[str, Array]) -> ds.Expression:
    """The filter of each series' origins."""
    time = pq.read_schema(path).field("cutoff").type
    parts = []
    for name, cutoffs in shown.items():
        whole = cutoffs.astype("datetime64[us]") if cutoffs.dtype.kind == "M" else cutoffs
        stamps = pa.array(whole.astype(np.int64), pa.int64()).cast(time)
        parts.append((ds.field("unique_id") == name) & ds.field("cutoff").isin(stamps))
    return functools.reduce(operator.or_, parts)


def _rows(path: Path, keep: ds.Expression, kinds: dict[float, str] | None) -> pd.DataFrame:
    """Forecasts that pass the filter."""
    columns = ["unique_id", "ds", "cutoff", "lam", "y_hat"]
    rows: pd.DataFrame = pq.read_table(path, columns=columns, filters=keep).to_pandas()
    kind = "best baseline" if kinds is None else rows["lam"].map(kinds)
    rows = rows.assign(kind=kind, ds=utc(rows["ds"]), cutoff=utc(rows["cutoff"]))
    rows = rows.astype({"unique_id": str, "kind": str}).rename(columns={"y_hat": "value"})
    keys = ["kind", "unique_id", "cutoff", "ds"]
    return rows.sort_values(keys, kind="stable", ignore_index=True)[[*keys, "value"]]


def _actual(series: Series, rows: pd.DataFrame) -> pd.DataFrame:
    """What was observed, from one span of a series' forecasts before the first one shown."""
    spans = rows.groupby("unique_id")["ds"].agg(["min", "max"])
    frame = series.frame[series.frame["unique_id"].isin(spans.index)]
    span = spans.loc[frame["unique_id"]].set_index(frame.index)
    first, last = span["min"], span["max"]
    kept = (frame["ds"] <= last) & (frame["ds"] >= first - (last - first))
    shown: pd.DataFrame = frame.loc[kept, ["unique_id", "ds", "y"]].rename(columns={"y": "value"})
    return shown.assign(kind="actual", cutoff=first[kept])

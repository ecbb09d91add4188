"""The latest forecasts of the test part, as rows to draw: read by column and row group."""

from __future__ import annotations

import functools
import operator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stages.artifacts.series import Series
from stages.report.study import Cell, Study

ORIGINS = 3  # non-overlapping forecasts shown
PANES = 3  # series shown: the best, median and worst of the best cell


def latest_forecasts(study: Study, series: Series, folder: Path) -> pd.DataFrame:
    """Rows cell, unique_id, kind, cutoff, ds, value; kinds are those of `page.forecasts.KINDS`.

    Shown are the last origin and those one and two horizons earlier, mean over seeds.
    """
    names = _series_shown(study, folder / f"{study.best.name}.parquet")
    cutoffs = _cutoffs(study)
    frames = []
    for cell in study.cells:
        rows = _read(folder / f"{cell.name}.parquet", cutoffs, names, _lams(cell))
        if study.best_baseline is not None:
            best = _baseline(folder / "baselines.parquet", cutoffs, names, study.best_baseline)
            rows = pd.concat([best, rows], ignore_index=True)
        frames += [_actual(series, rows, names), rows]
        for frame in frames[-2:]:
            frame["cell"] = cell.name
    return pd.concat(frames, ignore_index=True)


def _lams(cell: Cell) -> dict[float, str]:
    """λ → kind, drawn in this order; a chosen λ of 0 is one line, not two."""
    return {0.0: "λ = 0", cell.lam: "chosen λ"} if cell.zero is not None else {cell.lam: "chosen λ"}


def _cutoffs(study: Study) -> list[Any]:
    times = np.unique(study.best.losses[0].cutoff)
    return list(times[:: -study.horizon][:ORIGINS])


def _series_shown(study: Study, path: Path) -> list[str]:
    """Best, median and worst series of the best cell on the test part, in that order."""
    losses = study.best.losses[study.best.chosen]
    means = pd.Series(losses.loss).groupby(losses.series).mean().sort_values(kind="stable")
    names = [str(name) for name in means.index]
    if names == [""]:  # all series forecast together: their order in the file
        first = pq.ParquetFile(path).read_row_group(0, ["unique_id"])["unique_id"]
        names = [str(name) for name in first.unique().to_pylist()]
    places = np.linspace(0, len(names) - 1, min(PANES, len(names))).round().astype(int)
    return [names[place] for place in places]


def _read(
    path: Path, cutoffs: list[Any], names: list[str], kinds: dict[float, str]
) -> pd.DataFrame:
    # Not isin: a row group of λ = 0 alone has the statistics -0 to 0, and isin then skips it.
    lam = functools.reduce(operator.or_, (ds.field("lam") == value for value in kinds))
    keep = lam & (ds.field("seed") >= 0) & ds.field("cutoff").isin(cutoffs)
    return _mean(path, keep & ds.field("unique_id").isin(names), kinds)


def _baseline(path: Path, cutoffs: list[Any], names: list[str], name: str) -> pd.DataFrame:
    keep = (ds.field("cell") == name) & ds.field("cutoff").isin(cutoffs)
    return _mean(path, keep & ds.field("unique_id").isin(names), None)


def _mean(path: Path, keep: ds.Expression, kinds: dict[float, str] | None) -> pd.DataFrame:
    """Forecasts that pass the filter, mean over seeds."""
    columns = ["unique_id", "ds", "cutoff", "lam", "y_hat"]
    rows: pd.DataFrame = pq.read_table(path, columns=columns, filters=keep).to_pandas()
    kind = "best baseline" if kinds is None else rows["lam"].map(kinds)
    rows = rows.assign(kind=kind).astype({"unique_id": str, "kind": str})
    keys = ["kind", "unique_id", "cutoff", "ds"]
    return rows.groupby(keys)["y_hat"].mean().rename("value").reset_index()


def _actual(series: Series, rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """What was observed, from one span of forecasts before the first one shown."""
    first, last = rows["ds"].min(), rows["ds"].max()
    frame = series.frame
    kept = frame["unique_id"].isin(names) & (frame["ds"] <= last)
    kept &= frame["ds"] >= first - (last - first)
    shown: pd.DataFrame = frame.loc[kept, ["unique_id", "ds", "y"]].rename(columns={"y": "value"})
    return shown.assign(kind="actual", cutoff=first)

"""What is left in the residuals: their autocorrelation on the test part."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.report.drawing.axes import same_range
from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import BLUE, EDGE, FAINT
from stages.report.drawing.svg import Key
from stages.report.judging.intervals import Array
from stages.report.page.parts import Sources
from stages.scale import largest, varies

LAGS = 36  # at most
FEW = 8  # a series with fewer residuals is left out


def autocorrelations(sources: Sources) -> Chart | None:
    """A panel for each cell; None where a test part is too short or its residuals do not vary."""
    panels, folder = [], sources.inputs["forecasts"]
    unranked = sources.study.index.unranked
    for cell in sources.study.cells:
        path = folder / f"{cell.name}.parquet"
        at = cell.lam, cell.averaged_seed
        correlation = autocorrelation(path, at, sources.study.horizon, unranked)
        if correlation is None:
            return None
        values, count = correlation
        lags = np.arange(1, values.size + 1)
        panel = Panel(cell.name, "lag (steps)", "autocorrelation")
        bound = 1.96 / np.sqrt(count)
        panel.ax.axhspan(-bound, bound, color=FAINT, alpha=0.16, lw=0)
        panel.ax.axhline(0, color=EDGE, lw=1)
        panel.ax.vlines(lags, 0, values, color=BLUE, lw=1.6)
        panel.line(lags, values, "residuals", color=BLUE, ls="", marker="o", ms=4)
        panel.ax.set_ylim(min(-1.05 * abs(values).max(), -0.5), max(1.05 * abs(values).max(), 0.5))
        panels.append(panel)
    same_range(panels)
    return Chart(
        name="autocorrelation",
        title="What is left in the residuals",
        caption="Autocorrelation of the one-step residuals on the test part at the chosen λ (the "
        "forecast is the mean over seeds; mean over series). Beyond the band (95 % for white noise) "
        "a residual still says something about the next one.",
        alt="Autocorrelation of the residuals by lag for each cell.",
        panels=panels,
        keys=[Key("residuals", BLUE), Key("95 % band of white noise", FAINT, "band")],
        x="lag",
        y="autocorrelation",
    )


def autocorrelation(
    path: Path, at: tuple[float, int], horizon: int, unranked: Collection[str] = ()
) -> tuple[Array, int] | None:
    """(lags,) mean over the ranked series, and the residuals of the shortest; None where they are too few.

    at: λ and seed of the forecaster.
    """
    from statsmodels.tsa.stattools import acf  # slow to import

    rows = _one_step(path, at, horizon)
    rows = rows[~rows["unique_id"].isin(list(unranked))]
    rows = rows.assign(residual=rows["y"] - rows["y_hat"])
    mean = rows.groupby(["unique_id", "cutoff"], observed=True)["residual"].mean().dropna()
    parts = [part.to_numpy() for _, part in mean.groupby("unique_id", observed=True)]
    parts = [part for part in parts if part.size >= FEW]
    if not all(np.isfinite(part).all() for part in parts):
        return None
    parts = [part for part in parts if varies(float(np.ptp(part)), largest(part))]
    if not parts:
        return None
    count = min(part.size for part in parts)
    lags = min(LAGS, count // 3)
    each = [acf(part, nlags=lags, fft=True)[1:] for part in parts]
    return np.mean(each, axis=0), count


def _one_step(path: Path, at: tuple[float, int], horizon: int) -> pd.DataFrame:
    """The first step of every forecast at one λ and seed: within a row group every H-th row."""
    lam, seed = at
    file = pq.ParquetFile(path, read_dictionary=["unique_id"])
    column = file.schema_arrow.get_field_index("lam")
    parts = []
    for group in range(file.num_row_groups):
        known = file.metadata.row_group(group).column(column).statistics
        if known is not None and known.has_min_max and not known.min <= lam <= known.max:
            continue
        part = file.read_row_group(group, ["unique_id", "cutoff", "lam", "seed", "y", "y_hat"])
        first = part.take(pa.array(np.arange(0, part.num_rows, horizon)))
        frame = first.to_pandas()
        parts.append(frame[(frame["lam"] == lam) & (frame["seed"] == seed)])
    return pd.concat(parts, ignore_index=True)

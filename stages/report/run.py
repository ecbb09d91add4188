"""Write the report's files from the artifacts of the stages before it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from stages.artifacts import container
from stages.artifacts.series import Series
from stages.artifacts.windows import Windows
from stages.report import tables
from stages.report.markdown import report
from stages.report.params import ReportParams
from stages.report.study import Study, load_study


def run(
    series: Path,
    development: Path,
    fits: Path,
    scores: Path,
    forecasts: Path,
    folder: Path,
    params: ReportParams,
) -> Study:
    """Read a study's artifacts, write all files of the report into `folder`; alarms go to stderr too."""
    windows = Windows.load(development)
    study = load_study(windows, fits, scores, params)
    folder.mkdir(parents=True, exist_ok=True)
    tables.write_csv(tables.path_table(study), folder / "lambda_path.csv")
    tables.write_json(tables.metrics(study), folder / "metrics.json")
    tables.write_csv(tables.plotted_path(study), folder / "plots" / "lambda_path.csv")
    tables.write_csv(tables.plotted_curves(study), folder / "plots" / "curves.csv")
    source = Series.load(series).summary.get("source", {})
    save_chosen(study, windows, source.get("dates", ""), folder / "chosen" / "model.safetensors")
    inputs = {"series": series, "development": development, "fits": fits, "scores": scores}
    page(study, windows, inputs | {"forecasts": forecasts}, folder)
    (folder / "report.md").write_text(report(study), encoding="utf-8", newline="\n")
    for alarm in study.alarms:
        print(f"report: {alarm}", file=sys.stderr, flush=True)
    return study


def page(study: Study, windows: Windows, inputs: dict[str, Path], folder: Path) -> None:
    """index.html and its figures, from the study and the files named in `inputs`."""
    from stages.report.page.build import write_page  # matplotlib is slow to import
    from stages.report.page.parts import Sources

    write_page(Sources(study, windows, Series.load(inputs["series"]), inputs), folder)


def save_chosen(study: Study, windows: Windows, dates: str, path: Path) -> None:
    """The best cell at its chosen λ: all seeds' weights with what is needed to forecast.

    Arrays: weights (S, n) float32 of the final fold; center, scale (G, F) float64 of its scaler.
    Meta: cell, lam, m, validation_mse, the network's config, the windows' layout, and dates: how those of the
    study's file were read, for served tables that have them so.
    """
    cell = study.best
    final = next(fold for fold in windows.folds if fold.name == cell.fit.folds[-1])
    arrays = {
        "weights": np.asarray(cell.fit.weights[cell.chosen]),
        "center": np.asarray(final.center),
        "scale": np.asarray(final.scale),
    }
    meta = {
        "cell": cell.name,
        "lam": cell.lam,
        "m": int(cell.fit.m[-1]),
        "validation_mse": tables.digits(cell.path.loss[cell.chosen]),
        "config": cell.fit.config,
        "layout": asdict(windows.layout),
        "dates": dates,
    }
    container.save(path, arrays, meta)

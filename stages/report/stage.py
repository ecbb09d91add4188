"""Write the report's files from the artifacts of the stages before it."""

from __future__ import annotations

import sys
from pathlib import Path

from stages.artifacts.chosen import Chosen
from stages.artifacts.intervals import load as load_intervals
from stages.artifacts.linear_map import LINEAR, LinearMap
from stages.artifacts.series import Series
from stages.artifacts.windows import Windows
from stages.report.judging.mean import Mean
from stages.report.params import ReportParams
from stages.report.study import Study, load_study
from stages.report.writing import tables
from stages.report.writing.markdown import report


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
    tables.write_csv(tables.forecasters_table(study), folder / "forecasters.csv")
    tables.write_json(tables.metrics(study), folder / "metrics.json")
    tables.write_csv(tables.plotted_path(study), folder / "plots" / "lambda_path.csv")
    tables.write_csv(tables.plotted_curves(study), folder / "plots" / "curves.csv")
    tables.write_csv(tables.plotted_coverage(study), folder / "plots" / "coverage.csv")
    source = Series.load(series).summary.get("source", {})
    chosen = chosen_model(study, windows, scores, source.get("dates", ""))
    chosen.save(folder / "chosen" / "model.safetensors")
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


def chosen_model(study: Study, windows: Windows, scores: Path, dates: str) -> Chosen:
    """The networks that validation chooses, all seeds, with what is needed to forecast.

    That is the best cell at its λ, or a mean of a cell and ridge that validation prefers to it.
    """
    leader, cell = study.leader, study.best
    ridge, loss = None, float(cell.path.loss[cell.chosen])
    if isinstance(leader, Mean):
        cell = next(one for one in study.cells if one.name == leader.cell)
        ridge, loss = LinearMap.load(scores / LINEAR), leader.validation
    final = next(fold for fold in windows.folds if fold.name == cell.fit.folds[-1])
    intervals = load_intervals(scores).get((leader.name, cell.lam))
    return Chosen(
        cell.fit.weights[-1, cell.chosen], final.center, final.scale, cell.name, cell.lam,
        int(cell.fit.m[-1]), cell.measure, tables.digits(loss), cell.fit.config, windows.layout, dates,
        ridge, None if intervals is None else intervals[1],
    )  # fmt: skip

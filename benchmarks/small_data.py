"""python -m benchmarks.small_data: what the chosen λ gains over λ = 0 where there are few data.

Of each series the latest 10, 30 and 100 % of the training part are kept (earlier rows of the file are left
out; validation and test part stay as they are), and a whole study is run: every cell over the path of λ,
the choice of λ on the validation part, the verdict on the test part. Networks of all shares take as many
optimiser steps. Printed, and written to benchmarks/results/small_data.json, small_data.svg and
docs/small_data.md, are the errors of the chosen λ and of λ = 0, and their difference with its interval.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import documents
from benchmarks.real_series import EL_NINO, ETTH1, RealSeries
from benchmarks.small_data_figure import draw
from benchmarks.studies import EVALUATE, ROOT, call, train
from benchmarks.trainer import machine
from stages.artifacts.windows import Windows
from stages.params import load_section
from stages.report.judging.questions import ZERO
from stages.report.params import ReportParams
from stages.report.study import Study, load_study
from stages.report.writing.tables import digits, path_table

RESULTS = ROOT / "benchmarks" / "results" / "small_data.json"
FIGURE = RESULTS.with_suffix(".svg")
PAGE = ROOT / "docs" / "small_data.md"
SHARES = (0.1, 0.3, 1.0)


@dataclass(frozen=True)
class Plan:
    """A series and its study; what is not here is as in presets/sunspots.yaml. epochs: where all data are
    there.
    """

    series: RealSeries
    lookback: int
    horizon: int
    validation: int
    test: int
    train: dict[str, Any]
    epochs: int
    batch: int

    @property
    def training(self) -> int:
        """Steps of the whole training part."""
        return len(self.series.lines()) - 1 - self.validation - self.test

    def left_out(self, share: float) -> int:
        """Rows at the beginning of the file that a share of the training part leaves out."""
        return self.training - round(share * self.training)

    def steps(self, share: float) -> int:
        """Optimiser steps of an epoch."""
        windows = self.training - self.left_out(share) - self.lookback - self.horizon + 1
        return -(-windows // self.batch)

    def changes(self, share: float) -> dict[str, dict[str, Any]]:
        """To the sections of params.yaml: one fold, so that λ is chosen by networks with these data alone."""
        epochs = round(self.epochs * self.steps(1.0) / self.steps(share))
        return {
            "window": {
                "lookback": self.lookback, "horizon": self.horizon, "folds": 1, "final_fit": "train",
                "split": {"validation": self.validation, "test": self.test},
            },
            "train": {"epochs": epochs, "batch_size": self.batch, **self.train},
            "evaluate": {"baselines": [], "metrics": ["mse"]},
        }  # fmt: skip


def grid(start: float, to: float, count: int) -> dict[str, Any]:
    """The section `penalty` with a path of λ from 0 on."""
    return {"kind": "l2", "lambdas": {"from": start, "to": to, "count": count, "zero": True}}


PLANS = (
    Plan(EL_NINO, 24, 12, 108, 144, {"penalty": grid(0.1, 1000, 9)}, 100, 32),
    Plan(
        ETTH1, 96, 24, 2880, 2880, {"hidden": 32, "seeds": 3, "penalty": grid(1, 10000, 9)}, 3, 64
    ),
)


def measured(plan: Plan, share: float, folder: Path) -> dict[str, Any]:
    """The study of a share: a row for each cell."""
    plan.series.write_study(folder, plan.changes(share), plan.left_out(share))
    train(folder, RIDGELINE_WORKERS="1")
    call(folder, EVALUATE)
    windows = Windows.load(folder / "development.safetensors")
    params = load_section(folder / "params.yaml", "report", ReportParams)
    study = load_study(windows, folder / "fits", folder / "scores", params)
    result = {
        "share": share, "steps": plan.training - plan.left_out(share), "m": windows.folds[-1].m,
        "epochs": plan.changes(share)["train"]["epochs"], "cells": rows_of(study),
    }  # fmt: skip
    print(json.dumps(result, ensure_ascii=False), flush=True)
    return result


def rows_of(study: Study) -> list[dict[str, Any]]:
    """For each cell the chosen λ, both test errors (of lambda_path.csv), and the verdict."""
    errors = path_table(study).set_index(["cell", "lam"])["test_mse"].to_dict()
    rows = []
    for cell in study.cells:
        row: dict[str, Any] = {"cell": cell.name, "best": cell is study.best, "lam": cell.lam}
        row["test_mse"] = digits(errors[cell.name, cell.lam])
        row["test_mse_at_0"] = digits(errors[cell.name, 0.0])
        verdict = study.answers.of(cell.name, ZERO)
        if verdict is not None:  # λ = 0 was not chosen
            row |= {name: digits(getattr(verdict, name)) for name in ("percent", "low", "high")}
            row["word"] = verdict.word
        rows.append(row)
    return rows


def page(results: dict[str, Any]) -> str:
    """The generated part of docs/small_data.md."""
    head = [
        "share",
        "m",
        "cell",
        "chosen λ",
        "test MSE",
        "at λ = 0",
        "difference in %",
        "95 % interval",
        "verdict",
    ]
    texts = []
    for data in results["data"]:
        rows = [
            [f"{100 * share['share']:g} %", str(share["m"]), *cells_of(row)]
            for share in data["shares"]
            for row in share["cells"]
        ]
        texts += [f"### {data['title']}\n", documents.table(head, rows)]
    texts += [f"{title}: not measured, {why}.\n" for title, why in results["skipped"].items()]
    at = results["machine"]
    texts.append(f"torch {at['torch']}, numpy {at['numpy']}, numba {at['numba']}.\n")
    return "\n".join(texts)


def cells_of(row: dict[str, Any]) -> list[str]:
    """The last columns of a row of the table."""
    name = f"**{row['cell']}**" if row["best"] else row["cell"]
    errors = [f"{row['lam']:.3g}", *(f"{row[key]:.4g}" for key in ("test_mse", "test_mse_at_0"))]
    if "percent" not in row:
        return [name, *errors, "0", "–", "λ = 0 chosen"]
    interval = f"{documents.signed(row['low'])} to {documents.signed(row['high'])}"
    return [name, *errors, documents.signed(row["percent"]), interval, row["word"] or "–"]


def main() -> None:
    """Measure, print, write the results, the figure and the page."""
    results: dict[str, Any] = {"machine": machine(), "data": [], "skipped": {}}
    with tempfile.TemporaryDirectory(prefix="ridgeline-") as name:
        for plan in PLANS:
            series = plan.series
            if series.absent:
                results["skipped"][series.title] = series.absent
                print(f"{series.title}: not measured, {series.absent}")
                continue
            shares = [
                measured(plan, share, Path(name) / f"{series.file}-{share}") for share in SHARES
            ]
            results["data"].append({"title": series.title, "shares": shares})
    draw(results["data"], FIGURE)
    documents.publish(results, RESULTS, PAGE, page(results))


if __name__ == "__main__":
    main()

"""report.md: the answer first, then what a reader must know of early stopping, divergence and odd grids."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.fits import save_fits
from stages.artifacts.windows import Windows
from stages.report.judging.stopping import stopped_at_zero
from stages.report.params import ReportParams
from stages.report.stage import run
from stages.report.study import Study, load_study
from stages.report.writing.markdown import report
from stages.report.writing.tables import metrics
from tests.support.synthetic_study import LEVELS, Maker


def test_the_page_answers_first(written: tuple[Study, Path]) -> None:
    study, folder = written
    page = (folder / "report.md").read_text()
    assert page.index("rnn at λ = 100 is better than λ = 0") < page.index("## ")
    for verdict in study.verdicts:
        assert verdict.sentence() in page
    for link in re.findall(r"\]\(([^)]+)\)", page):
        assert (folder / link).is_file()
    assert "nan" not in page
    assert "upper edge of the grid, λ = 100; add 1000 and 10000" in page
    grid = "[0,1,10,100,1000,10000]"
    key = "train.penalty.lambdas"
    assert f"```bash\ndvc exp run -S '~{key}' -S '+{key}={grid}'\n```" in page
    assert "lambdas=[0,0.215,0.464,1,2.15,4.64,10,21.5,46.4,100]" in page
    heads = [line.count("|") for line in page.splitlines() if line.startswith("|")]
    assert min(heads) >= 5


def test_early_stopping_at_zero_is_a_reference(study_files: dict[str, Path]) -> None:
    windows = Windows.load(study_files["development"])
    study = load_study(windows, study_files["fits"], study_files["scores"], ReportParams())
    cell = study.cells[0]
    curve = np.asarray(cell.fit.validation_loss).copy()
    curve[:2, 0] = 5.0
    for fold, seed, epoch, loss in (
        (0, 0, 9, 0.4),
        (0, 1, 19, 0.6),
        (1, 0, 29, 0.2),
        (1, 1, 49, 0.8),
    ):
        curve[fold, 0, seed, epoch] = loss
    stopped = replace(cell, fit=replace(cell.fit, validation_loss=curve))
    got = stopped_at_zero(stopped)
    assert got is not None
    assert got.loss == pytest.approx(0.5)  # folds are as large as each other
    assert (got.epochs, got.first, got.last) == (25, 10, 50)
    assert got.difference == pytest.approx(0.5 - cell.path.loss.min())
    page = report(replace(study, cells=(stopped, study.cells[1])))
    assert re.search(r"\| \*0, stopped early\* \| 0 \| 0\.5000 \|.*\| 25 \(10–50\) \|", page)
    assert stopped_at_zero(replace(stopped, zero=None)) is None
    curve[0, 0, 1] = np.nan
    assert stopped_at_zero(stopped) is None


def test_epochs_are_shown_for_each_lambda_under_early_stopping(
    study_files: dict[str, Path],
) -> None:
    windows = Windows.load(study_files["development"])
    study = load_study(windows, study_files["fits"], study_files["scores"], ReportParams())
    cell = study.cells[0]
    epochs = np.asarray(cell.fit.epochs).copy()
    epochs[0, 1], epochs[1, 1], epochs[2, 1] = 12, 80, 46
    fit = replace(cell.fit, epochs=epochs, config={**cell.fit.config, "patience": 5})
    page = report(replace(study, cells=(replace(cell, fit=fit), study.cells[1])))
    part = page.split("### rnn")[1].split("### lstm")[0]
    assert "| 0, stopped early | 0 |" in part
    assert "*0, stopped early*" not in part
    assert "| 46 (12–80) |" in part


def test_a_short_test_part_is_reported(study_files: dict[str, Path]) -> None:
    windows = Windows.load(study_files["development"])
    study = load_study(windows, study_files["fits"], study_files["scores"], ReportParams())
    assert "too short" not in report(study)
    short = replace(study, origins=30)
    assert "7.5 independent horizons (30 windows of horizon 4), fewer than 10" in report(short)


def test_a_diverged_member_is_named_and_its_row_kept(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "study", ("only",))
    paths = maker.write()
    fit = maker.fit("rnn", maker.windows())
    fit.window_losses["mse"]["fold1"][0] = np.nan
    fit.train_losses["mse"][1, 0] = np.nan
    save_fits(paths["fits"], [fit])
    run(**paths, folder=tmp_path / "report", params=ReportParams())
    table = pd.read_csv(tmp_path / "report" / "lambda_path.csv")
    assert np.isnan(table["validation_mse"][0])
    content: dict[str, Any] = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert "validation_mse_at_0" not in content["rnn"]
    assert "a member diverged at λ = 0" in (tmp_path / "report" / "report.md").read_text()


def test_a_study_of_zero_alone(tmp_path: Path) -> None:
    paths = Maker(tmp_path / "study", ("only",), (0.0,)).write()
    index = {"cells": list(LEVELS), "baselines": []}
    (paths["scores"] / "cells.json").write_text(json.dumps(index))
    study = run(**paths, folder=tmp_path / "report", params=ReportParams())
    page = (tmp_path / "report" / "report.md").read_text()
    assert [v.word for v in study.verdicts] == ["same", "same"]
    assert [(v.cell, v.against) for v in study.comparisons] == [
        ("rnn", "λ = 0"),
        ("lstm", "λ = 0"),
        ("rnn", "lstm at λ = 0"),
        ("rnn ensemble", "λ = 0"),
        ("lstm ensemble", "λ = 0"),
    ]
    assert "The grid has no positive λ" in page
    assert "rnn: the chosen λ is 0: nothing is penalised." in page
    assert "Warnings" not in page
    assert list(metrics(study)) == ["rnn", "lstm"]

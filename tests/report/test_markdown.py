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
from stages.report.params import ReportParams
from stages.report.stage import run
from stages.report.study import Study, load_study
from stages.report.writing.answers import headline
from stages.report.writing.markdown import report
from stages.report.writing.tables import metrics
from stages.report.writing.verdict_words import sentence
from tests.support.synthetic_study import LEVELS, STOPPED, Maker


def test_the_page_answers_first(written: tuple[Study, Path]) -> None:
    study, folder = written
    page = (folder / "report.md").read_text()
    assert page.index(headline(study)) < page.index("## ")
    for verdict in study.answers.judged:
        assert sentence(verdict) in page
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


def test_early_stopping_at_zero_is_a_rival_without_a_word(written: tuple[Study, Path]) -> None:
    study, folder = written
    page = (folder / "report.md").read_text()
    for cell in study.cells:
        assert cell.stopped is not None
        assert cell.stopped.epochs == STOPPED
        # The curves are the level times 1.2 (1 + 3 exp(−epoch/40)), alike for all folds and seeds.
        validation = 1.2 * LEVELS[cell.name][0] * (1 + 3 * np.exp(-(STOPPED - 1) / 40))
        assert cell.stopped.validation == pytest.approx(validation)
        test = cell.stopped.contender.mean.mean_loss
        assert test == pytest.approx(0.8 * cell.test[0], rel=0.02)
        part = page.split(f"### {cell.name}")[1].split("##")[0]
        row = re.search(
            r"\| \*0, stopped early\* \| 0 \| (\S+) \|.*\| (\S+) \| (\S+) \| – \| – \| 40 \|", part
        )
        assert row
        tested = [cell.stopped.overall[metric] for metric in ("mse", "mae")]
        shown = [float(text) for text in row.groups()]
        assert shown == pytest.approx([validation, *tested], rel=1e-3)
        verdict = study.answers.of(cell.name, "λ = 0, stopped early")
        assert verdict is not None
        assert verdict.word == ""
        assert verdict.percent == pytest.approx(100 * (cell.test[cell.chosen] / test - 1))


def test_epochs_are_shown_for_each_lambda_under_early_stopping(
    study_files: dict[str, Path],
) -> None:
    windows = Windows.load(study_files["development"])
    study = load_study(windows, study_files["fits"], study_files["scores"], ReportParams())
    cell = study.cells[0]
    epochs = np.asarray(cell.fit.epochs).copy()
    epochs[0, 1], epochs[1, 1], epochs[2, 1] = 12, 80, 46
    fit = replace(cell.fit, epochs=epochs, config={**cell.fit.config, "patience": 5})
    stopping = replace(cell, fit=fit, stopped=None)
    page = report(replace(study, cells=(stopping, study.cells[1])))
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
    assert study.answers.primary == study.answers.secondary == ()
    assert [(v.cell, v.against) for v in study.answers.all] == [
        ("rnn", "λ = 0, stopped early"),
        ("lstm", "λ = 0, stopped early"),
        ("rnn", "lstm at λ = 0"),
    ]
    assert "The grid has no positive λ" in page
    assert "Validation prefers no penalty" in page
    assert "Warnings" not in page
    assert list(metrics(study)) == ["rnn", "lstm", "chosen"]

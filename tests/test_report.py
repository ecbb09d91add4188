"""The report of a small made-up study whose numbers are known."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.artifacts import container
from stages.artifacts.fits import save_fits
from stages.artifacts.windows import Windows
from stages.report.params import ReportParams
from stages.report.run import run
from stages.report.study import Study, load_study
from stages.report.tables import log_axis, metrics, plotted_curves, plotted_path, weight_norm
from stages.report.verdicts import WindowLosses, judge
from tests.made_study import EPOCHS, GRID, LEVELS, TEST, H, Maker

COLUMNS = "cell,lam,m,validation_mse,validation_se,diff_to_min,train_mse,test_mse,test_mae"
COLUMNS += ",weight_norm,epochs,selected"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return Maker(tmp_path_factory.mktemp("study"), ("north", "south")).write()


@pytest.fixture(scope="module")
def written(
    made: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Study, Path]]:
    folder = tmp_path_factory.mktemp("report")
    return run(**made, folder=folder, params=ReportParams()), folder


def test_path_table_is_the_public_one(written: tuple[Study, Path]) -> None:
    study, folder = written
    assert (folder / "lambda_path.csv").read_text().splitlines()[0] == COLUMNS
    table = pd.read_csv(folder / "lambda_path.csv")
    assert list(table["lam"]) == [*GRID, *GRID]
    rnn = table[table["cell"] == "rnn"].set_index("lam")
    assert list(rnn.index[rnn["selected"]]) == [study.cells[0].lam]
    fit = study.cells[0].fit
    pooled = np.concatenate([fit.window_losses[f] for f in ("fold0", "fold1")], axis=-1)
    np.testing.assert_allclose(rnn["validation_mse"], pooled.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(rnn["train_mse"], 0.9 * np.array(LEVELS["rnn"]), rtol=1e-5)
    np.testing.assert_allclose(rnn["weight_norm"], 7.0)  # √(4 + 9 + 36)
    np.testing.assert_allclose(rnn["test_mae"], 1.5 * np.array(LEVELS["rnn"]), rtol=1e-5)
    assert (rnn["epochs"] == EPOCHS).all()
    assert (rnn["m"] == fit.m[-1]).all()
    assert rnn["diff_to_min"].min() == 0


def test_weight_norm_leaves_out_what_is_not_penalised(written: tuple[Study, Path]) -> None:
    fit = written[0].cells[0].fit
    own = replace(fit, config={**fit.config, "multipliers": [0.0, 1.0, 0.5]})
    np.testing.assert_allclose(weight_norm(own), np.sqrt(9 + 36))


def test_both_rules_are_followed(made: dict[str, Path]) -> None:
    windows = Windows.load(made["development"])
    for rule, lam in (("minimum", 10.0), ("one_standard_error", 100.0)):
        study = load_study(
            windows, made["fits"], made["scores"], ReportParams.model_validate({"rule": rule})
        )
        assert study.cells[0].lam == lam
        assert study.best.name == "rnn"


def test_metrics_are_few_numbers_per_cell(written: tuple[Study, Path]) -> None:
    study, folder = written
    got = json.loads((folder / "metrics.json").read_text())
    assert list(got) == ["rnn", "lstm", "best_baseline"]
    keys = ["lam", "validation_mse", "validation_mse_at_0", "test_mse", "test_mse_at_0"]
    assert list(got["rnn"]) == keys
    assert got["best_baseline"]["name"] == "ridge"
    chosen = study.cells[0].overall["mse"].iloc[study.cells[0].chosen]
    assert got["rnn"]["test_mse"] == pytest.approx(chosen, rel=1e-5)


def test_verdicts_on_known_differences(written: tuple[Study, Path]) -> None:
    study, _ = written
    words = {(v.cell, v.against): v.word for v in study.verdicts}
    assert words == {
        ("rnn", "λ = 0"): "better",
        ("rnn", "ridge"): "better",
        ("lstm", "λ = 0"): "same",
        ("lstm", "ridge"): "better",
    }
    first = study.verdicts[0]
    assert first.percent == pytest.approx(-50, abs=2)
    assert first.low < first.percent < first.high < 0
    assert first.horizons == pytest.approx((TEST - H + 1) / H)
    assert re.fullmatch(
        r"rnn at λ = 100 is better than λ = 0: test error −\d+\.\d %, "
        r"95 % interval −\d+\.\d to −\d+\.\d %, on 14\.2 independent horizons\.",
        first.sentence(),
    )


def test_regret_is_to_the_best_in_hindsight(written: tuple[Study, Path]) -> None:
    cell = written[0].cells[0]
    assert cell.regret == pytest.approx(100 * (cell.test[3] / cell.test.min() - 1))
    assert written[0].cells[1].regret == 0


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
    heads = [line.count("|") for line in page.splitlines() if line.startswith("|")]
    assert min(heads) >= 5


def test_short_test_part_and_lone_seed_are_said(made: dict[str, Path]) -> None:
    from stages.report.markdown import report

    windows = Windows.load(made["development"])
    study = load_study(windows, made["fits"], made["scores"], ReportParams())
    assert "too short" not in report(study)
    short = replace(study, origins=30)
    assert "7.5 independent horizons (30 windows of horizon 4), fewer than 10" in report(short)


def test_plots_give_zero_a_place_on_a_log_axis(written: tuple[Study, Path]) -> None:
    table = plotted_path(written[0])
    zero = table[table["lam"] == 0].iloc[0]
    assert (zero["lam_label"], zero["lam_axis"]) == ("0", 0.1)
    assert set(table["part"]) == {"train", "validation", "test"}
    np.testing.assert_allclose(log_axis((0.0, 2.0)), [0.2, 2.0])
    np.testing.assert_allclose(log_axis((0.0,)), [1.0])
    curves = plotted_curves(written[0])
    assert curves.groupby(["cell", "lam"]).size().max() == 200
    assert (curves["epoch"].min(), curves["epoch"].max()) == (1, EPOCHS)
    np.testing.assert_allclose(curves["validation_mse"], 1.2 * curves["train_mse"])


def test_chosen_model_can_be_used_alone(written: tuple[Study, Path], made: dict[str, Path]) -> None:
    study, folder = written
    arrays, meta = container.load(folder / "chosen" / "model.safetensors")
    assert (meta["cell"], meta["lam"], meta["config"]["hidden"]) == ("rnn", 100.0, 2)
    assert meta["layout"]["horizon"] == H
    np.testing.assert_array_equal(arrays["weights"], study.best.fit.weights[3])
    np.testing.assert_array_equal(arrays["scale"], [[3.0], [3.0]])


def test_same_inputs_give_the_same_bytes(
    written: tuple[Study, Path], made: dict[str, Path], tmp_path: Path
) -> None:
    run(**made, folder=tmp_path, params=ReportParams())

    def digests(folder: Path) -> dict[str, str]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }

    assert digests(tmp_path) == digests(written[1])
    assert len(digests(tmp_path)) == 31


def test_a_grid_without_zero_and_one_series(tmp_path: Path) -> None:
    paths = Maker(tmp_path / "study", ("only",), (1.0, 10.0)).write()
    study = run(**paths, folder=tmp_path / "report", params=ReportParams(rule="minimum"))
    assert [v.against for v in study.verdicts] == ["ridge", "ridge"]
    assert list(metrics(study)["rnn"]) == ["lam", "validation_mse", "test_mse"]


def test_a_diverged_member_is_named_and_its_row_kept(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "study", ("only",))
    paths = maker.write()
    fit = maker.fit("rnn", maker.windows())
    fit.window_losses["fold1"][0] = np.nan
    fit.train_mse[1, 0] = np.nan
    save_fits(paths["fits"], [fit])
    run(**paths, folder=tmp_path / "report", params=ReportParams())
    table = pd.read_csv(tmp_path / "report" / "lambda_path.csv")
    assert np.isnan(table["validation_mse"][0])
    content: dict[str, Any] = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert "validation_mse_at_0" not in content["rnn"]
    assert "a member diverged at λ = 0" in (tmp_path / "report" / "report.md").read_text()


def losses(values: np.ndarray, series: str = "a") -> WindowLosses:
    return WindowLosses(np.full(values.size, series), np.arange(values.size), values)


def test_an_interval_that_holm_takes_back_is_said() -> None:
    rng = np.random.default_rng(8)
    base = losses(np.full(200, 1.0))
    clear = losses(0.96 + 0.2 * rng.normal(size=200))
    none = [losses(1 + 0.2 * rng.normal(size=200)) for _ in range(9)]
    alone = judge([("rnn", 1.0, "λ = 0", clear, base)], 1, 0.95)
    assert alone[0].word == "better"
    many = judge([("rnn", 1.0, "λ = 0", one, base) for one in [clear, *none]], 1, 0.95)
    assert many[0].word == "no difference shown"
    assert "not after Holm's correction" in many[0].sentence()


def test_joint_and_separate_forecasters_are_paired_by_cutoff() -> None:
    joint = losses(np.arange(1.0, 21.0), "")
    parts = [losses(joint.loss + shift, name) for name, shift in (("a", 1.0), ("b", 3.0))]
    both = WindowLosses(*(np.concatenate(c) for c in zip(*map(_columns, parts), strict=True)))
    (verdict,) = judge([("rnn", 1.0, "ridge", joint, both)], 2, 0.95)
    assert verdict.percent == pytest.approx(100 * -2 / both.loss.mean())
    assert verdict.horizons == 10


def _columns(one: WindowLosses) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return one.series, one.cutoff, one.loss


def test_other_windows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"different test windows \(20 and 19\)"):
        judge([("rnn", 1.0, "ridge", losses(np.ones(20)), losses(np.ones(19)))], 2, 0.95)


@pytest.mark.parametrize(
    "bad", [{"rule": "best"}, {"confidence": 1.0}, {"confidence": 0}, {"rules": "minimum"}]
)
def test_bad_parameters_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        ReportParams(**bad)


def test_a_study_of_zero_alone(tmp_path: Path) -> None:
    paths = Maker(tmp_path / "study", ("only",), (0.0,)).write()
    index = {"cells": list(LEVELS), "baselines": []}
    (paths["scores"] / "cells.json").write_text(json.dumps(index))
    study = run(**paths, folder=tmp_path / "report", params=ReportParams())
    page = (tmp_path / "report" / "report.md").read_text()
    assert [v.word for v in study.verdicts] == ["same", "same"]
    assert "rnn: the chosen λ is 0, so L2 is not used." in page
    assert "Warnings" not in page
    assert list(metrics(study)) == ["rnn", "lstm"]

"""The files of the report of a small synthetic study whose numbers are known."""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.artifacts import container
from stages.artifacts.windows import Windows
from stages.lambda_scale import on_axis
from stages.report.params import ReportParams
from stages.report.stage import run
from stages.report.study import Study, load_study
from stages.report.writing.loss_words import MEASURES
from stages.report.writing.tables import (
    metrics,
    plotted_curves,
    plotted_path,
    weight_norm,
)
from tests.support.synthetic_study import (
    ABSOLUTE,
    ABSOLUTE_BASELINES,
    BASELINES,
    EPOCHS,
    GRID,
    LEVELS,
    H,
    Maker,
)

COLUMNS = "cell,lam,m,lam_over_m,final_fit,measure,validation_mse,validation_mae,validation_se,"
COLUMNS += (
    "validation_sd_seeds,validation_sd_folds,diff_to_min,train_mse,train_mae,test_mse,test_mae,"
)
COLUMNS += "scaled_test_mse,scaled_test_mae,regret,weight_norm,epochs,selected"


def test_path_table_is_the_public_one(written: tuple[Study, Path]) -> None:
    study, folder = written
    assert (folder / "lambda_path.csv").read_text().splitlines()[0] == COLUMNS
    table = pd.read_csv(folder / "lambda_path.csv")
    assert list(table["lam"]) == [*GRID, *GRID]
    rnn = table[table["cell"] == "rnn"].set_index("lam")
    assert list(rnn.index[rnn["selected"]]) == [study.cells[0].lam]
    fit = study.cells[0].fit
    pooled = np.concatenate([fit.window_losses["mse"][f] for f in ("fold0", "fold1")], axis=-1)
    np.testing.assert_allclose(rnn["validation_mse"], pooled.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(rnn["train_mse"], 0.9 * np.array(LEVELS["rnn"]), rtol=1e-5)
    np.testing.assert_allclose(rnn["weight_norm"], 7.0)  # √(4 + 9 + 36)
    np.testing.assert_allclose(rnn["test_mae"], 1.5 * np.array(LEVELS["rnn"]), rtol=1e-5)
    assert (rnn["epochs"] == EPOCHS).all()
    assert (rnn["m"] == fit.m[-1]).all()
    assert rnn["diff_to_min"].min() == 0
    np.testing.assert_allclose(rnn["lam_over_m"], rnn.index / fit.m[-1], rtol=1e-5)
    by_seed = pd.DataFrame(pooled.mean(axis=-1).T)
    np.testing.assert_allclose(rnn["validation_sd_seeds"], by_seed.std(), rtol=1e-5)
    folds = [fit.window_losses["mse"][f].mean(axis=(1, 2)) for f in ("fold0", "fold1")]
    np.testing.assert_allclose(rnn["validation_sd_folds"], pd.DataFrame(folds).std(), rtol=1e-5)
    test = study.cells[0].test
    np.testing.assert_allclose(rnn["regret"], 100 * (test / test.min() - 1), rtol=1e-5, atol=1e-9)


def test_weight_norm_leaves_out_what_is_not_penalised(written: tuple[Study, Path]) -> None:
    fit = written[0].cells[0].fit
    partial = replace(fit, config={**fit.config, "multipliers": [0.0, 1.0, 0.5]})
    np.testing.assert_allclose(weight_norm(partial), np.sqrt(9 + 36))


def test_both_rules_are_followed(study_files: dict[str, Path]) -> None:
    windows = Windows.load(study_files["development"])
    for rule, lam in (("minimum", 10.0), ("one_standard_error", 100.0)):
        study = load_study(
            windows,
            study_files["fits"],
            study_files["scores"],
            ReportParams.model_validate({"rule": rule}),
        )
        assert study.cells[0].lam == lam
        assert study.best.name == "rnn"


@pytest.mark.parametrize(
    ("loss", "measure", "wanted"),
    [
        ("squared", "trained", ("mse", 10.0, 0.0)),
        ("squared", "mae", ("mae", 1.0, 10.0)),
        ("absolute", "trained", ("mae", 1.0, 10.0)),
        ("absolute", "mse", ("mse", 10.0, 0.0)),
    ],
)
def test_one_measure_chooses_and_judges(
    tmp_path: Path, loss: str, measure: str, wanted: tuple[str, float, float]
) -> None:
    """The trained loss's, unless another is asked for; tables hold both."""
    maker = Maker(tmp_path / "study", ("north", "south"))
    maker.loss = loss
    paths, params = maker.write(), ReportParams(rule="minimum", measure=measure)
    study = run(**paths, folder=tmp_path / "report", params=params)
    name, *chosen = wanted
    assert (study.measure, [cell.lam for cell in study.cells]) == (name, chosen)
    levels, baselines = (LEVELS, BASELINES) if name == "mse" else (ABSOLUTE, ABSOLUTE_BASELINES)
    for cell in study.cells:
        at = GRID.index(cell.lam)
        folds = [cell.fit.window_losses[name][f] for f in ("fold0", "fold1")]
        pooled = np.concatenate([fold[at].mean(axis=0) for fold in folds])
        assert cell.path.loss[at] == pytest.approx(pooled.mean())
        gain = 100 * (levels[cell.name][at] / levels[cell.name][0] - 1)
        assert cell.to_zero == pytest.approx(gain, abs=1.5)
        if cell.lam:
            zero = study.answers.of(cell.name, "λ = 0")
            assert zero is not None
            assert zero.percent == pytest.approx(cell.to_zero)
        ridge = study.answers.of(cell.name, "ridge")
        assert ridge is not None
        gain = 100 * (levels[cell.name][at] / baselines["ridge"] - 1)
        assert ridge.percent == pytest.approx(gain, abs=3)
    table = pd.read_csv(tmp_path / "report" / "lambda_path.csv")
    assert set(table["measure"]) == {name}
    rnn = table[table["cell"] == "rnn"]
    both = [name for name in rnn.columns if name.startswith(("validation_m", "train_m", "test_m"))]
    assert len(both) == 6
    assert rnn[both].notna().all(axis=None)
    np.testing.assert_allclose(rnn["validation_se"], study.cells[0].path.se, rtol=1e-5)
    headline = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert list(headline["rnn"])[1:3] == [f"validation_{name}", f"validation_{name}_at_0"]
    text = (tmp_path / "report" / "report.md").read_text() + "\n"
    page = (tmp_path / "report" / "index.html").read_text()
    label, other = ("MSE", "MAE") if name == "mse" else ("MAE", "MSE")
    assert f"scaled {label}" in text
    assert f"scaled {other}" not in text
    assert f"Differences in {MEASURES[name]}" in text
    assert ("1/m Σ |y − ŷ|" if loss == "absolute" else "1/(2m) Σ ‖y − ŷ‖²") in text
    assert f"validation {label}, scaled" in page
    errors = ET.parse(tmp_path / "report" / "figures" / "lambda_path.svg").getroot().itertext()
    assert any(f"{label} (scaled units)" in one for one in errors)
    curves = (tmp_path / "report" / "figures" / "curves.svg").read_text()
    trained = "MAE" if loss == "absolute" else "MSE"
    assert f"{trained} (scaled units)" in curves
    assert "*0, stopped early*" in text


def test_metrics_are_few_numbers_per_cell(written: tuple[Study, Path]) -> None:
    study, folder = written
    got = json.loads((folder / "metrics.json").read_text())
    assert list(got) == ["rnn", "lstm", "best_baseline", "chosen"]
    keys = ["lam", "validation_mse", "validation_mse_at_0", "test_mse", "test_mse_at_0"]
    keys += ["scaled_test_mse", "scaled_test_mse_at_0"]
    keys += ["regret_percent", "test_vs_0_percent"]
    keys += ["test_coverage_80", "test_coverage_95", "test_crps"]
    assert list(got["rnn"]) == keys
    assert got["best_baseline"]["name"] == "ridge"
    chosen = study.cells[0].overall["mse"].iloc[study.cells[0].chosen]
    assert got["rnn"]["test_mse"] == pytest.approx(chosen, rel=1e-5)
    cell = study.cells[0]
    assert got["rnn"]["scaled_test_mse"] == pytest.approx(cell.test[cell.chosen], rel=1e-5)
    assert got["rnn"]["scaled_test_mse_at_0"] == pytest.approx(cell.test[0], rel=1e-5)
    ridge = study.baselines.loc["ridge"]
    names = {"test_mse": "mse", "scaled_test_mse": "loss"}
    assert {name: got["best_baseline"][name] for name in names} == pytest.approx(
        {name: ridge[column] for name, column in names.items()}, rel=1e-5
    )
    table = pd.read_csv(folder / "lambda_path.csv")
    rnn = table[table["cell"] == "rnn"]
    np.testing.assert_allclose(rnn["scaled_test_mse"], cell.test, rtol=1e-5)


def test_regret_is_to_the_best_in_hindsight(written: tuple[Study, Path]) -> None:
    cell = written[0].cells[0]
    assert cell.regret == pytest.approx(100 * (cell.test[3] / cell.test.min() - 1))
    assert cell.to_zero == pytest.approx(100 * (cell.test[3] / cell.test[0] - 1))
    assert written[0].cells[1].regret == written[0].cells[1].to_zero == 0
    without = replace(cell, zero=None)
    assert np.isnan(without.to_zero)


def test_plotted_numbers_are_the_path_and_the_curves(written: tuple[Study, Path]) -> None:
    table = plotted_path(written[0])
    assert table.loc[table["lam"] == 0, "lam_label"].unique().tolist() == ["0"]
    for cell in written[0].cells:
        parts = {
            part: rows["loss"] for part, rows in table[table["cell"] == cell.name].groupby("part")
        }
        assert set(parts) == {"train", "validation", "test"}
        np.testing.assert_array_equal(parts["validation"], cell.path.loss)
        np.testing.assert_array_equal(parts["test"], cell.test)
    np.testing.assert_allclose(on_axis((0.0, 2.0)), [0.2, 2.0])
    np.testing.assert_allclose(on_axis((0.0,)), [1.0])
    curves = plotted_curves(written[0])
    assert curves.groupby(["cell", "lam"]).size().max() == 200
    assert (curves["epoch"].min(), curves["epoch"].max()) == (1, EPOCHS)
    np.testing.assert_allclose(curves["validation_loss"], 1.2 * curves["train_loss"])


def test_chosen_model_can_be_used_alone(
    written: tuple[Study, Path], study_files: dict[str, Path]
) -> None:
    study, folder = written
    arrays, meta = container.load(folder / "chosen" / "model.safetensors")
    assert (meta["cell"], meta["lam"], meta["config"]["hidden"]) == ("rnn", 100.0, 2)
    assert meta["layout"]["horizon"] == H
    np.testing.assert_array_equal(arrays["weights"], study.best.fit.weights[-1, 3])
    np.testing.assert_array_equal(arrays["scale"], [[3.0], [3.0]])


def test_same_inputs_give_the_same_bytes(
    written: tuple[Study, Path], study_files: dict[str, Path], tmp_path: Path
) -> None:
    run(**study_files, folder=tmp_path, params=ReportParams())

    def digests(folder: Path) -> dict[str, str]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }

    assert digests(tmp_path) == digests(written[1])
    assert len(digests(tmp_path)) == 39


def test_a_grid_without_zero_and_one_series(tmp_path: Path) -> None:
    paths = Maker(tmp_path / "study", ("only",), (1.0, 10.0)).write()
    study = run(**paths, folder=tmp_path / "report", params=ReportParams(rule="minimum"))
    assert [v.against for v in study.answers.primary] == ["ridge"]
    keys = ["lam", "validation_mse", "test_mse", "scaled_test_mse", "regret_percent"]
    keys += ["test_coverage_80", "test_coverage_95", "test_crps"]
    assert list(metrics(study)["rnn"]) == keys


@pytest.mark.parametrize(
    "bad",
    [
        {"rule": "best"},
        {"confidence": 1.0},
        {"confidence": 0},
        {"relevance": 0},
        {"relevance": 5},
        {"rules": "minimum"},
    ],
)
def test_bad_parameters_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        ReportParams(**bad)


@pytest.mark.parametrize(
    ("scaler", "order", "learnt"),
    [
        ("standard", 0, None),
        ("minmax", 0, "(window.scaler: minmax)"),
        ("minmax to [-1, 1]", 0, "(window.scaler: minmax to [-1, 1])"),
        ("none", 0, "(window.scaler: none)"),
        ("standard", 1, "(window.scaler: standard, of differences)"),
        ("standard of log1p", 0, "(window.scaler: standard, of log1p of the levels)"),
        ("none of sqrt", 1, "(window.scaler: none, of differences of sqrt of the levels)"),
    ],
)
def test_errors_in_two_units_are_distinguished(
    scaler: str, order: int, learnt: str | None, tmp_path: Path
) -> None:
    paths = Maker(tmp_path / "study", ("north", "south")).write()
    windows = Windows.load(paths["development"])
    scaler, *transform = scaler.split(" of ")
    scaler, *bounds = scaler.split(" to ")
    layout = replace(
        windows.layout, scaler=scaler, difference={"order": order, "lag": 1},
        scaler_range=(-1.0, 1.0) if bounds else (0.0, 1.0), transform=(*transform, "none")[0],
    )  # fmt: skip
    other = tmp_path / "development.safetensors"
    replace(windows, layout=layout).save(other)
    run(**paths | {"development": other}, folder=tmp_path / "report", params=ReportParams())
    sentence = f"in the units that networks learn in {learnt}, test errors in standard deviations"
    for name, times in (("report.md", 2), ("index.html", 3)):  # facts, cells, path
        text = (tmp_path / "report" / name).read_text(encoding="utf-8")
        assert text.count(sentence) == (times if learnt else 0)
        assert text.count("units that networks learn in") == (times if learnt else 0)

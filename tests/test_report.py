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
from statsmodels.stats.multitest import multipletests

from stages.artifacts import container
from stages.artifacts.fits import save_fits
from stages.artifacts.windows import Windows
from stages.report.beside import block_bootstrap, diebold_mariano
from stages.report.params import ReportParams
from stages.report.run import run
from stages.report.stopping import stopped_at_zero
from stages.report.study import Study, load_study
from stages.report.tables import log_axis, metrics, plotted_curves, plotted_path, weight_norm
from tests.made_study import EPOCHS, GRID, LEVELS, TEST, H, Maker

COLUMNS = "cell,lam,m,lam_over_m,validation_mse,validation_se,validation_sd_seeds,"
COLUMNS += "validation_sd_folds,diff_to_min,train_mse,test_mse,test_mae,regret,weight_norm,epochs,"
COLUMNS += "selected"


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
    np.testing.assert_allclose(rnn["lam_over_m"], rnn.index / fit.m[-1], rtol=1e-5)
    by_seed = pd.DataFrame(pooled.mean(axis=-1).T)
    np.testing.assert_allclose(rnn["validation_sd_seeds"], by_seed.std(), rtol=1e-5)
    folds = [fit.window_losses[f].mean(axis=(1, 2)) for f in ("fold0", "fold1")]
    np.testing.assert_allclose(rnn["validation_sd_folds"], pd.DataFrame(folds).std(), rtol=1e-5)
    test = study.cells[0].test
    np.testing.assert_allclose(rnn["regret"], 100 * (test / test.min() - 1), rtol=1e-5, atol=1e-9)


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
    keys += ["regret_percent", "test_vs_0_percent"]
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
    assert cell.to_zero == pytest.approx(100 * (cell.test[3] / cell.test[0] - 1))
    assert written[0].cells[1].regret == written[0].cells[1].to_zero == 0
    without = replace(cell, zero=None)
    assert np.isnan(without.to_zero)


def test_all_pairs_are_judged_and_counted(written: tuple[Study, Path]) -> None:
    study, folder = written
    rivals = ["λ = 0", *study.baselines.index]
    found = [(v.cell, v.against) for v in study.comparisons]
    expected = {(cell, one) for cell in ("rnn", "lstm") for one in rivals}
    expected |= {(f"{cell} ensemble", one) for cell in ("rnn", "lstm") for one in rivals}
    expected |= {("rnn", "lstm at λ = 0")}
    assert len(found) == len(expected) == 13
    assert set(found) == expected
    told = [v for v in study.comparisons if v.word != "same"]
    adjusted = multipletests([v.p for v in told], method="holm")[1]
    np.testing.assert_allclose([v.adjusted for v in told], adjusted, rtol=1e-12)
    page = (folder / "report.md").read_text()
    assert f"Holm's correction over {len(told)}," in page
    rows = page.split("## All comparisons")[1].split("\n\n")[1].splitlines()
    assert len(rows) == 2 + len(found)
    assert "| rnn, λ = 100 | lstm at λ = 0 | −" in page
    assert "| lstm ensemble, λ = 0 | λ = 0 | – | – | – | – | – | – | same |" in page


def test_an_ensemble_is_compared_with_its_like(written: tuple[Study, Path]) -> None:
    study, folder = written
    cell = study.cells[0]
    own, zero = cell.ensemble[3].loss.mean(), cell.ensemble[0].loss.mean()
    verdicts = {(v.cell, v.against): v for v in study.comparisons}
    assert verdicts["rnn ensemble", "λ = 0"].percent == pytest.approx(100 * (own / zero - 1))
    ridge = study.baseline_losses["ridge"].loss.mean()
    assert verdicts["rnn ensemble", "ridge"].percent == pytest.approx(100 * (own / ridge - 1))
    assert own == pytest.approx(0.9 * cell.test[3], rel=0.05)
    line = re.search(r"\| rnn ensemble, λ = 100 \| (\S+) \|", (folder / "report.md").read_text())
    assert line
    assert float(line[1]) == pytest.approx(own, rel=1e-3)


def test_other_tests_stand_beside_a_verdict(written: tuple[Study, Path]) -> None:
    first = written[0].comparisons[0]
    cell = written[0].cells[0]
    values = (cell.losses[3].loss - cell.losses[0].loss).reshape(2, -1).mean(axis=0)
    assert first.diebold_mariano == diebold_mariano(values, H)
    low, high = block_bootstrap(values[None], H, 0.95)
    scale = 100 / cell.test[0]
    np.testing.assert_allclose(first.bootstrap, [scale * low[0], scale * high[0]], rtol=1e-9)


def test_a_long_test_part_has_a_confidence_set(made: dict[str, Path]) -> None:
    from stages.report.markdown import report

    windows = Windows.load(made["development"])
    study = load_study(windows, made["fits"], made["scores"], ReportParams())
    assert study.confidence_set is None
    assert "needs 40 independent horizons" in report(study)
    windows = replace(windows, layout=replace(windows.layout, horizon=1))  # 57 horizons
    study = load_study(windows, made["fits"], made["scores"], ReportParams())
    assert study.confidence_set == ("rnn ensemble",)
    assert "Model confidence set (95 %): rnn ensemble." in report(study)


def test_early_stopping_at_zero_is_a_reference(made: dict[str, Path]) -> None:
    from stages.report.markdown import report

    windows = Windows.load(made["development"])
    study = load_study(windows, made["fits"], made["scores"], ReportParams())
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
    own = replace(cell, fit=replace(cell.fit, validation_loss=curve))
    got = stopped_at_zero(own)
    assert got is not None
    assert got.loss == pytest.approx(0.5)  # folds are as large as each other
    assert (got.epochs, got.first, got.last) == (25, 10, 50)
    assert got.difference == pytest.approx(0.5 - cell.path.loss.min())
    page = report(replace(study, cells=(own, study.cells[1])))
    assert re.search(r"\| \*0, stopped early\* \| 0 \| 0\.5000 \|.*\| 25 \(10–50\) \|", page)
    assert stopped_at_zero(replace(own, zero=None)) is None
    curve[0, 0, 1] = np.nan
    assert stopped_at_zero(own) is None


def test_epochs_are_told_for_each_lambda_under_early_stopping(made: dict[str, Path]) -> None:
    from stages.report.markdown import report

    windows = Windows.load(made["development"])
    study = load_study(windows, made["fits"], made["scores"], ReportParams())
    cell = study.cells[0]
    epochs = np.asarray(cell.fit.epochs).copy()
    epochs[0, 1], epochs[1, 1], epochs[2, 1] = 12, 80, 46
    fit = replace(cell.fit, epochs=epochs, config={**cell.fit.config, "patience": 5})
    page = report(replace(study, cells=(replace(cell, fit=fit), study.cells[1])))
    part = page.split("### rnn")[1].split("### lstm")[0]
    assert "| 0, stopped early | 0 |" in part
    assert "*0, stopped early*" not in part
    assert "| 46 (12–80) |" in part


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


def test_short_test_part_and_lone_seed_are_said(made: dict[str, Path]) -> None:
    from stages.report.markdown import report

    windows = Windows.load(made["development"])
    study = load_study(windows, made["fits"], made["scores"], ReportParams())
    assert "too short" not in report(study)
    short = replace(study, origins=30)
    assert "7.5 independent horizons (30 windows of horizon 4), fewer than 10" in report(short)


def test_plotted_numbers_are_the_path_and_the_curves(written: tuple[Study, Path]) -> None:
    table = plotted_path(written[0])
    assert table.loc[table["lam"] == 0, "lam_label"].unique().tolist() == ["0"]
    for cell in written[0].cells:
        parts = {
            part: own["mse"] for part, own in table[table["cell"] == cell.name].groupby("part")
        }
        assert set(parts) == {"train", "validation", "test"}
        np.testing.assert_array_equal(parts["validation"], cell.path.loss)
        np.testing.assert_array_equal(parts["test"], cell.test)
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
    assert len(digests(tmp_path)) == 35


def test_a_grid_without_zero_and_one_series(tmp_path: Path) -> None:
    paths = Maker(tmp_path / "study", ("only",), (1.0, 10.0)).write()
    study = run(**paths, folder=tmp_path / "report", params=ReportParams(rule="minimum"))
    assert [v.against for v in study.verdicts] == ["ridge", "ridge"]
    assert list(metrics(study)["rnn"]) == ["lam", "validation_mse", "test_mse", "regret_percent"]


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


def test_a_forecast_that_diverged_spoils_no_other_verdict(tmp_path: Path) -> None:
    paths = Maker(tmp_path / "study", ("only",)).write()
    for name, column in (("losses_rnn", "loss"), ("rnn", "value")):
        file = paths["scores"] / f"{name}.parquet"
        rows = pd.read_parquet(file)
        rows.loc[rows["lam"] == 0, column] = np.inf
        rows.to_parquet(file, index=False)
    study = run(**paths, folder=tmp_path / "report", params=ReportParams())
    verdicts = {(v.cell, v.against): v for v in study.comparisons}
    lost = verdicts["rnn", "λ = 0"]
    assert lost.sentence().endswith("no difference shown (too few finite losses).")
    assert np.isnan([lost.diebold_mariano, *lost.bootstrap]).all()
    assert np.isnan(study.cells[0].to_zero)
    assert np.isfinite(study.cells[0].regret)
    assert verdicts["rnn", "ridge"].word == "better"
    page = (tmp_path / "report" / "report.md").read_text()
    row = "| rnn, λ = 100 | λ = 0 | – | – | 1.000 | 1.000 | – | – | no difference shown |"
    assert row in page
    assert "nan" not in page


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

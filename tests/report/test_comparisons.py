"""The comparisons of a small synthetic study whose differences are known, and how its report shows them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from stages.artifacts.windows import Windows
from stages.report.judging.other_tests import block_bootstrap, diebold_mariano
from stages.report.params import ReportParams
from stages.report.stage import run
from stages.report.study import Study, load_study
from stages.report.writing.markdown import report
from tests.support.synthetic_study import TEST, H, Maker


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


def test_all_pairs_are_judged_and_counted(written: tuple[Study, Path]) -> None:
    study, folder = written
    rivals = ["λ = 0", *study.baselines.index]
    judged = [(v.cell, v.against) for v in study.comparisons]
    expected = {(cell, one) for cell in ("rnn", "lstm") for one in rivals}
    expected |= {(f"{cell} ensemble", one) for cell in ("rnn", "lstm") for one in rivals}
    expected |= {("rnn", "lstm at λ = 0")}
    assert len(judged) == len(expected) == 13
    assert set(judged) == expected
    counted = [v for v in study.comparisons if v.word != "same"]
    adjusted = multipletests([v.p for v in counted], method="holm")[1]
    np.testing.assert_allclose([v.adjusted for v in counted], adjusted, rtol=1e-12)
    page = (folder / "report.md").read_text()
    assert f"Holm's correction over {len(counted)}," in page
    rows = page.split("## All comparisons")[1].split("\n\n")[1].splitlines()
    assert len(rows) == 2 + len(judged)
    assert "| rnn, λ = 100 | lstm at λ = 0 | −" in page
    assert "| lstm ensemble, λ = 0 | λ = 0 | – | – | – | – | – | – | same |" in page


def test_an_ensemble_is_compared_with_the_ensemble_at_zero(written: tuple[Study, Path]) -> None:
    study, folder = written
    cell = study.cells[0]
    chosen, zero = cell.ensemble[3].loss.mean(), cell.ensemble[0].loss.mean()
    verdicts = {(v.cell, v.against): v for v in study.comparisons}
    assert verdicts["rnn ensemble", "λ = 0"].percent == pytest.approx(100 * (chosen / zero - 1))
    ridge = study.baseline_losses["ridge"].loss.mean()
    assert verdicts["rnn ensemble", "ridge"].percent == pytest.approx(100 * (chosen / ridge - 1))
    assert chosen == pytest.approx(0.9 * cell.test[3], rel=0.05)
    line = re.search(r"\| rnn ensemble, λ = 100 \| (\S+) \|", (folder / "report.md").read_text())
    assert line
    assert float(line[1]) == pytest.approx(chosen, rel=1e-3)


def test_other_tests_are_shown_with_a_verdict(written: tuple[Study, Path]) -> None:
    first = written[0].comparisons[0]
    cell = written[0].cells[0]
    values = (cell.losses[3].loss - cell.losses[0].loss).reshape(2, -1).mean(axis=0)
    assert first.diebold_mariano == pytest.approx(diebold_mariano(values, H), rel=1e-9)
    low, high = block_bootstrap(values[None], H, 0.95)
    scale = 100 / cell.test[0]
    np.testing.assert_allclose(first.bootstrap, [scale * low[0], scale * high[0]], rtol=1e-9)


def test_a_long_test_part_has_a_confidence_set(study_files: dict[str, Path]) -> None:
    windows = Windows.load(study_files["development"])
    study = load_study(windows, study_files["fits"], study_files["scores"], ReportParams())
    assert study.confidence_set is None
    assert "needs 40 independent horizons" in report(study)
    windows = replace(windows, layout=replace(windows.layout, horizon=1))  # 57 horizons
    study = load_study(windows, study_files["fits"], study_files["scores"], ReportParams())
    assert study.confidence_set == ("rnn ensemble",)
    assert "Model confidence set (95 %): rnn ensemble." in report(study)


def test_a_forecast_that_diverged_spoils_no_other_verdict(tmp_path: Path) -> None:
    paths = Maker(tmp_path / "study", ("only",)).write()
    for name, column in (("losses_rnn", "mse"), ("rnn", "value")):
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

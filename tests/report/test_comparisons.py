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
from stages.report.judging.contenders import Contender
from stages.report.judging.other_tests import block_bootstrap, diebold_mariano
from stages.report.judging.questions import STOPPED, Answers, ask
from stages.report.params import ReportParams
from stages.report.stage import run
from stages.report.study import Study, load_study
from stages.report.writing.markdown import report
from stages.report.writing.verdict_words import sentence
from tests.support.synthetic_study import SEEDS, TEST, H, Maker


def test_the_two_primary_questions_on_known_differences(written: tuple[Study, Path]) -> None:
    study, folder = written
    assert (study.best.name, study.baseline) == ("rnn", "ridge")
    words = {(v.cell, v.against): v.word for v in study.answers.primary}
    assert words == {("rnn", "λ = 0"): "better", ("rnn", "ridge"): "better"}
    first = study.answers.primary[0]
    assert first.percent == pytest.approx(-50, abs=2)
    assert first.low < first.percent < first.high < 0
    assert first.horizons == pytest.approx((TEST - H + 1) / H)
    assert first.seeds == SEEDS
    text = sentence(first)
    assert re.fullmatch(
        r"rnn at λ = 100 is better than λ = 0: test MSE −\d+\.\d %, 95 % interval −\d+\.\d to "
        r"−\d+\.\d %\. This test part shows true changes of [\d.]+ % or more, four times in five; "
        r"smaller ones are often missed\.",
        text,
    )
    assert text in (folder / "report.md").read_text()


def test_all_pairs_are_compared_and_only_questions_have_words(written: tuple[Study, Path]) -> None:
    study, folder = written
    answers = study.answers
    rivals = list(study.baselines.index)
    expected = {(cell, one) for cell in ("rnn", "lstm") for one in rivals}
    expected |= {(f"{cell} ensemble", one) for cell in ("rnn", "lstm") for one in rivals}
    expected |= {("rnn", "λ = 0"), ("rnn ensemble", "λ = 0"), ("rnn", "lstm at λ = 0")}
    expected |= {(cell, STOPPED) for cell in ("rnn", "lstm")}
    compared = [(v.cell, v.against) for v in answers.all]
    assert len(compared) == len(expected)
    assert set(compared) == expected
    assert answers.judged == answers.primary
    adjusted = multipletests([v.p for v in answers.primary], method="holm")[1]
    np.testing.assert_allclose([v.adjusted for v in answers.primary], adjusted, rtol=1e-12)
    page = (folder / "report.md").read_text()
    rows = page.split("## All comparisons")[1].split("\n\n")[1].splitlines()
    assert len(rows) == 2 + len(compared)
    assert [row.endswith("| – |") for row in rows[2:]] == [False] * 2 + [True] * (len(rows) - 4)


def test_the_second_family_opens_when_both_questions_are_settled(
    study_files: dict[str, Path],
) -> None:
    """lstm at λ = 0.6 … is made to choose λ = 1, so that it has a question of its family."""
    study = load(study_files, ReportParams())
    rnn, lstm = study.cells
    zero = replace(lstm.contender, name="λ = 0", lam=np.nan)
    worse = [replace(one, loss=1.3 * one.loss) for one in lstm.contender.members]
    other = replace(
        lstm, chosen=1, at_zero=zero, contender=replace(lstm.contender, members=tuple(worse))
    )

    def asked(contender: Contender | None = None, relevance: float = 0.05) -> Answers:
        best = replace(rnn, contender=contender or rnn.contender)
        ridge = Contender(
            "ridge", tuple(replace(one, loss=2 * one.loss) for one in rnn.contender.members[:1])
        )
        params = ReportParams(relevance=relevance)
        return ask([best, other], best, {"ridge": ridge}, "ridge", H, params)

    opened = asked()
    assert [v.word for v in opened.primary] == ["better", "better"]
    assert opened.opened
    assert [(v.cell, v.against, v.word) for v in opened.secondary] == [("lstm", "λ = 0", "worse")]
    assert opened.secondary[0].adjusted == opened.secondary[0].p  # one question in its family
    assert rnn.at_zero is not None
    same = replace(rnn.at_zero, name="rnn", lam=1.0)
    noise = [replace(one, loss=one.loss * (1 + 1e-6)) for one in same.members]
    shut = asked(replace(same, members=tuple(noise)))
    assert shut.primary[0].word == "as good"  # which opens no gate
    assert not shut.opened
    assert [(v.word, np.isnan(v.adjusted)) for v in shut.secondary] == [("", True)]


def test_where_zero_is_chosen_the_first_question_is_dropped(study_files: dict[str, Path]) -> None:
    study = load(study_files, ReportParams())
    lstm = study.cells[1]
    ridge = {"ridge": Contender("ridge", lstm.contender.members[:1])}
    answers = ask([lstm], lstm, ridge, "ridge", H, ReportParams())
    assert [v.against for v in answers.primary] == ["ridge"]
    alone = ask([lstm], lstm, {}, None, H, ReportParams())
    assert (alone.primary, alone.opened) == ((), False)


def test_the_baseline_is_chosen_on_validation(tmp_path: Path) -> None:
    paths = Maker(tmp_path / "study", ("north",)).write()
    file = paths["scores"] / "validation_baselines.parquet"
    rows = pd.read_parquet(file)
    rows.loc[rows["cell"] == "repeat_last", "mse"] = 0.01
    rows.to_parquet(file, index=False)
    study = load(paths, ReportParams())
    assert study.baselines["loss"].idxmin() == "ridge"
    assert study.baseline == "repeat_last"
    assert [v.against for v in study.answers.primary] == ["λ = 0", "repeat_last"]
    rows[rows["cell"] != "repeat_last"].to_parquet(file, index=False)
    assert load(paths, ReportParams()).baseline == "ridge"
    rows[rows["cell"] == "none"].to_parquet(file, index=False)
    none = load(paths, ReportParams())
    assert none.baseline is None
    assert [v.against for v in none.answers.primary] == ["λ = 0"]


def test_an_ensemble_is_compared_with_the_ensemble_at_zero(written: tuple[Study, Path]) -> None:
    study, folder = written
    cell = study.cells[0]
    assert cell.ensemble is not None
    assert cell.ensemble_at_zero is not None
    chosen, zero = cell.ensemble.mean.mean_loss, cell.ensemble_at_zero.mean.mean_loss
    to_zero = study.answers.of("rnn ensemble", "λ = 0")
    assert to_zero is not None
    assert to_zero.percent == pytest.approx(100 * (chosen / zero - 1))
    assert (to_zero.seeds, to_zero.word) == (0, "")
    against_ridge = study.answers.of("rnn ensemble", "ridge")
    ridge = study.baselines["loss"]["ridge"]
    assert against_ridge is not None
    assert against_ridge.percent == pytest.approx(100 * (chosen / ridge - 1))
    assert chosen == pytest.approx(0.9 * cell.test[3], rel=0.05)
    line = re.search(
        r"\| \**rnn ensemble, λ = 100\** \| \S+ \| (\S+) \|", (folder / "report.md").read_text()
    )
    assert line
    assert float(line[1]) == pytest.approx(chosen, rel=1e-3)


def test_other_tests_are_shown_with_a_verdict(written: tuple[Study, Path]) -> None:
    first, cell = written[0].answers.primary[0], written[0].cells[0]
    assert cell.at_zero is not None
    values = cell.contender.mean.loss - cell.at_zero.mean.loss
    by_origin = values.reshape(2, -1).mean(axis=0)
    assert first.diebold_mariano == pytest.approx(diebold_mariano(by_origin, H), rel=1e-9)
    low, high = block_bootstrap(by_origin[None], H, 0.95)
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
    lost, ridge = study.answers.primary
    assert sentence(lost).endswith("is open: too few finite losses.")
    assert np.isnan([lost.diebold_mariano, *lost.bootstrap]).all()
    assert np.isnan(study.cells[0].to_zero)
    assert np.isfinite(study.cells[0].regret)
    assert (ridge.against, ridge.word) == ("ridge", "better")
    page = (tmp_path / "report" / "report.md").read_text()
    assert "| rnn, λ = 100 | λ = 0 | – | – | 1.000 | 1.000 | – | – | – | open |" in page
    assert "Whether L2 helps is open: a test error is not a finite number." in page
    assert "nan" not in page


def test_the_baseline_stands_in_the_validation_panel_at_its_ratio(
    written: tuple[Study, Path],
) -> None:
    """Panel and baselines have different units: the line is as far from the chosen λ as in one unit."""
    study, folder = written
    path = pd.read_csv(folder / "figures" / "lambda_path.csv")
    for cell in study.cells:
        panel = path[path["panel"] == f"{cell.name}: validation"]
        line = panel.loc[panel["line"] == "best baseline (ridge)", "mse"]
        ratio = study.baselines["validation"]["ridge"] / cell.validation
        np.testing.assert_allclose(line, ratio * cell.path.loss[cell.chosen], rtol=1e-5)
        assert cell.validation == pytest.approx(
            cell.path.loss[cell.chosen]
        )  # as the study is written


def load(paths: dict[str, Path], params: ReportParams) -> Study:
    return load_study(Windows.load(paths["development"]), paths["fits"], paths["scores"], params)

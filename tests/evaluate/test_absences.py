"""What is left out of a number is named with its reason: baselines, metrics, series, covariates."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsforecast.models import AutoETS

from stages.artifacts.scores import Index, load_index
from stages.evaluate import members
from stages.evaluate.baselines import exponential
from stages.evaluate.baselines.part import AbsentError, History
from stages.evaluate.params import EvaluateParams
from stages.params import ParameterError
from stages.report.cautions.absences import absences, listed
from stages.report.params import ReportParams
from stages.report.stage import run as write_report
from stages.report.writing.markdown import report
from tests.support.damped_study import STEPS, damped, waves
from tests.support.evaluate_windows import history_of, make, of_test
from tests.support.evaluate_windows import waves as levels

ALL = ("repeat_last", "seasonal_repeat", "ridge", "ar", "auto_ets")


def history_from(values: np.ndarray, season: int | None = 6, **more: object) -> History:
    return history_of(*make(values, ends=(90, 120), **more), season)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "season", "change", "reason"),
    [
        ("seasonal_repeat", 121, None, "a season of 121 steps is longer than the 120 steps before"),
        ("seasonal_repeat", 1440, None, "a season of 1440 steps is longer than the 120 steps"),
        ("seasonal_repeat", 80, "late", r"a season of 80 steps is longer than the 60 .*'s1'"),
        ("seasonal_repeat", 60, "gaps", r"2 of the 60 steps of a season have no value .*'s0'"),
        ("ar", 6, "statsmodels", r"statsmodels cannot fit an AR \(LinAlgError\) \(series 's0'\)"),
        (
            "auto_ets",
            6,
            "statsforecast",
            r"statsforecast cannot fit .* \(KeyError\) \(series 's0'\)",
        ),
        ("ar", 6, "explosive", r"its forecasts are not finite \(series 's0'\)"),
    ],
)
def test_a_baseline_that_cannot_be_fitted_says_why(
    name: str,
    season: int,
    change: str | None,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = levels(150, 2)
    if change == "late":
        values[:60, 1] = np.nan

    def fails(*_: object, **__: object) -> None:
        raise {"statsmodels": np.linalg.LinAlgError, "statsforecast": KeyError}[str(change)]("odd")

    if change == "statsmodels":
        monkeypatch.setattr("statsmodels.tsa.ar_model.ar_select_order", fails)
    if change == "statsforecast":
        monkeypatch.setattr(AutoETS, "fit", fails)
    if change == "explosive":
        monkeypatch.setattr(
            "stages.evaluate.baselines.autoregressive.coefficients",
            lambda *_: (1e308, np.array([1e200])),
        )
    history, absent = history_from(values, season), dict[str, str]()
    if change == "gaps":
        history.development.levels[[70, 80, 10, 20]] = (
            np.nan
        )  # not filled, one season earlier as well
    params = EvaluateParams.model_validate({"baselines": ("repeat_last", name)})
    with ExitStack() as files:
        fitted = members.fitted_baselines(params, history, absent, {}, tmp_path, files)
        forecasters = list(fitted)
    assert [(each.cell, each.key.fold) for each in forecasters] == [
        ("repeat_last", fold) for fold in (None, "fold0", "fold1")
    ]
    assert list(absent) == [name]
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(absent[name])


@pytest.mark.parametrize("season", [60, 119, 120])
def test_a_season_as_long_as_the_history_is_repeated(season: int) -> None:
    values = levels(150, 1)
    history = history_from(values, season)
    part = history.tested
    y_hat = of_test("seasonal_repeat", history).forecast(part.rows)[..., 0]
    _, origins = part.origins(part.rows)
    expected = [values[t + 1 - season : t + 4 - season, 0] for t in origins]
    np.testing.assert_array_equal(y_hat, expected)


@pytest.mark.parametrize("name", ALL)
def test_a_series_that_is_not_ranked_may_lack_a_baseline(name: str) -> None:
    """The late one has too few values for most of them; the others' forecasts are as without it."""
    values = levels(150, 3)
    values[:104, 2] = np.nan
    history, alone = history_from(values), history_from(values[:, :2])
    assert history.ranked.tolist() == [True, True, False]
    baseline, without = of_test(name, history), of_test(name, alone)
    test = history.test
    if name == "ridge":  # learns from every series of the final fold
        assert np.isfinite(baseline.forecast(test.rows)).all()
        return
    kept = test.rows[test.group_origin(test.rows)[0] < 2]
    np.testing.assert_array_equal(baseline.forecast(kept), without.forecast(alone.test.rows))
    assert baseline.covers is None or baseline.covers[:2].all()


def test_a_short_series_is_no_traceback() -> None:
    values = levels(150, 2)
    values[:112, 1] = np.nan
    for name in ("ar", "auto_ets"):
        baseline = of_test(name, history_from(values, lookback=2, horizon=1))
        assert baseline.covers is not None
        assert baseline.covers.tolist() == [True, name == "ar"]  # 8 values: enough for an AR alone


def test_a_multiplied_season_that_meets_zero_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    model = exponential.Smoother(0.5, 0, 0.5, 1, True, 1.0, 0, np.zeros(6), np.zeros(1))
    monkeypatch.setattr(exponential, "smoother", lambda *_: model)
    with pytest.raises(AbsentError, match="met a level of 0"):
        of_test("auto_ets", history_from(levels(150, 1)))


def test_all_baselines_absent_leave_a_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = damped(tmp_path / "study", waves(), season=365, baselines=("seasonal_repeat",))
    assert "evaluate: no seasonal_repeat: a season of 365 steps" in capsys.readouterr().err
    index = load_index(result.paths["scores"])
    assert index.baselines == []
    assert result.study.baseline is None
    assert {v.against for v in result.study.answers.all} == {"λ = 0"}
    write_report(**result.paths, folder=tmp_path / "report", params=ReportParams())
    for name in ("report.md", "index.html"):
        text = (tmp_path / "report" / name).read_text(encoding="utf-8")
        assert "No baseline seasonal_repeat: a season of 365 steps is longer than" in text
        assert "No MASE: it has no meaning for north (" in text
        assert "| MASE" not in text
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert "best_baseline" not in metrics


def test_mase_leaves_out_what_it_has_no_meaning_for(tmp_path: Path) -> None:
    """One repeats itself exactly from week to week, one begins a few days before validation."""
    frame, t = waves(), np.arange(STEPS)
    weekly = np.where(t < 110, t % 7, t % 7 + 0.1 * np.sin(t))
    late = waves(seed=4)["west"].where(t >= 88)
    result = damped(tmp_path / "with", frame.assign(weekly=weekly, late=late), season=7)
    assert result.study.index.unranked == {}
    rows = result.scores().reset_index()
    overall = rows[rows["unique_id"] == ""].set_index(["lam", "seed"])["mase"]
    table = rows[rows["unique_id"] != ""].set_index(["lam", "seed"])
    assert set(table.loc[table["mase"].notna(), "unique_id"]) == {"north", "south", "west", "late"}
    means = table.groupby(level=["lam", "seed"])["mase"].mean()  # as many windows each
    pd.testing.assert_series_equal(overall.sort_index(), means.sort_index(), check_names=False)
    assert list(result.study.index.undefined["mase"]) == ["weekly"]
    assert "MASE leaves out weekly (its values before the validation part repeat" in report(
        result.study
    )


def test_a_study_without_a_ranked_test_window_is_refused(tmp_path: Path) -> None:
    frame, t = waves()[["ds", "north", "south"]], np.arange(STEPS)
    frame["north"] = frame["north"].where(t < 130)
    frame["south"] = frame["south"].where(t >= 105)
    with pytest.raises(
        ParameterError, match="no series of the test part has enough values in the training"
    ):
        damped(tmp_path, frame)


def test_covariates_that_do_not_vary_are_named() -> None:
    values = levels(150, 2)
    promotion = np.where(np.arange(150) < 95, 0.0, 1.0)[:, None]
    windows, _ = make(values, ends=(90, 120), covariates=promotion)
    for fold in windows.folds:
        fold.scale[:, 1][fold.scale[:, 1] == 0] = np.inf
    sentences = absences(windows, Index([], []), [])
    assert sentences == (
        "Covariate x0, which does not vary in the training part: networks see 0 in fold0.",
    )
    windows.folds[2].scale[1, 1] = np.inf
    sentences = absences(windows, Index([], []), [])
    assert sentences[1].startswith("Covariate x0 of s1, which does not vary")
    assert sentences[1].endswith("networks see 0 in the final fit.")


def test_a_baseline_without_validation_errors_is_named() -> None:
    windows, _ = make(levels(150, 2), ends=(90, 120))
    index = Index([], ["ar"], unvalidated={"ar": "in fold0: too few values"})
    assert absences(windows, index, []) == (
        "No validation errors of ar: in fold0: too few values.",
    )


def test_many_names_are_counted() -> None:
    names = [f"s{i}" for i in range(12)]
    assert listed(names[:1]) == "s0"
    assert listed(names[:3]) == "s0, s1 and s2"
    assert listed(names) == "s0, s1, s2, s3, s4 and 7 more"
    windows, _ = make(levels(150, 2), ends=(90, 120))
    many = replace(windows, left_out=dict.fromkeys(names, "no value"))
    (sentence,) = absences(many, Index([], []), [])
    assert sentence.endswith("s4 (no value) and 7 more.")


def test_a_reason_is_raised_as_a_separate_error() -> None:
    assert not issubclass(AbsentError, ValueError)  # it must never end the stage


@pytest.mark.parametrize(("order", "learnt"), [(0, "values"), (1, "differences")])
def test_series_that_a_fold_leaves_out_are_named(order: int, learnt: str) -> None:
    values = levels(150, 2)
    values[:85, 1] = np.nan
    windows, _ = make(values, ends=(90, 120))
    windows.layout.difference["order"] = order  # type: ignore[index]
    (sentence,) = absences(windows, Index([], []), [])
    assert sentence == (
        f"Left out of fold0: s1 (too few {learnt} in the training part, {learnt} there that do not vary, or "
        "a first value in the validation part or later)."
    )

"""Series that open late, close early, have another size or should not be there: the others' numbers stay."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.report.params import ReportParams
from stages.report.stage import run as write_report
from tests.support.damped_study import STEPS, Damped, damped, waves

SCALED = ["scaled_mse", "scaled_mae", "mase"]


@pytest.fixture
def plain(tmp_path: Path) -> Damped:
    return damped(tmp_path / "plain", waves())


def other_rows(study: Damped, name: str, without: str) -> pd.DataFrame:
    """The scaled errors of every series but one."""
    table = study.scores(name)[SCALED]
    return table[~table.index.get_level_values("unique_id").isin(["", without])]


@pytest.mark.parametrize("power", [-13, -9, -3, 2, 12])
@pytest.mark.parametrize("name", ["north", "west"])
def test_a_series_in_another_unit_changes_no_scaled_number(
    plain: Damped, tmp_path: Path, power: int, name: str
) -> None:
    frame = waves()
    frame[name] *= 10.0**power
    other = damped(tmp_path / "other", frame)
    for file in ("rnn", "baselines"):
        np.testing.assert_allclose(
            other.scores(file)[SCALED], plain.scores(file)[SCALED], rtol=1e-5
        )
        assert other.scores(file).index.equals(plain.scores(file).index)
    assert other.study.best.lam == plain.study.best.lam
    assert list(other.study.baselines.index) == list(plain.study.baselines.index)
    assert other.words() == plain.words()
    assert not other.study.alarms


@pytest.mark.parametrize("size", [1e-150, 1e-13, 1.0, 1e60, 1e147])
def test_a_study_of_any_size_scores_right(plain: Damped, tmp_path: Path, size: float) -> None:
    frame = waves()
    frame[["north", "south", "west"]] *= size
    other = damped(tmp_path / "other", frame)
    for file in ("rnn", "baselines"):
        ours, theirs = other.scores(file), plain.scores(file)
        np.testing.assert_allclose(ours[SCALED], theirs[SCALED], rtol=1e-5)
        for metric in ("rmse", "mae"):
            np.testing.assert_allclose(ours[metric] / size, theirs[metric], rtol=1e-5)
    assert other.words() == plain.words()


@pytest.mark.parametrize("size", [1e-150, 1e-13, 1e147])
def test_fitted_baselines_of_any_size_are_the_same(tmp_path: Path, size: float) -> None:
    frame, names = waves(), ("ar", "auto_ets")
    plain = damped(tmp_path / "plain", frame, baselines=names)
    frame[["north", "west"]] *= size
    other = damped(tmp_path / "other", frame, baselines=names)
    assert other.study.index.absent == {}
    for name in ("north", "south", "west"):
        ours, theirs = (
            run.scores("baselines").xs(name, level="unique_id")[SCALED] for run in (other, plain)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-3)


@pytest.mark.parametrize("shift", [-1e3, 1e4])
def test_a_series_at_another_level_changes_no_scaled_number(
    plain: Damped, tmp_path: Path, shift: float
) -> None:
    frame = waves()
    frame["south"] += shift
    other = damped(tmp_path / "other", frame)
    np.testing.assert_allclose(other.scores()[SCALED], plain.scores()[SCALED], rtol=1e-4)
    assert other.study.best.lam == plain.study.best.lam
    assert other.words() == plain.words()


def test_a_series_that_opens_late_leaves_the_others_alone(plain: Damped, tmp_path: Path) -> None:
    frame = waves()
    frame.loc[: STEPS // 3, "south"] = np.nan
    other = damped(tmp_path / "other", frame)
    for file in ("rnn", "baselines"):
        rows = [other_rows(run, file, "south") for run in (other, plain)]
        if file == "baselines":  # ridge learns from all series
            rows = [table.drop(index="ridge", level="cell") for table in rows]
        pd.testing.assert_frame_equal(rows[0], rows[1])
    assert other.study.index.unranked == {}
    assert other.study.best.lam == plain.study.best.lam
    for ours, theirs in zip(
        other.study.best.contender.members, plain.study.best.contender.members, strict=True
    ):
        kept = ours.series != "south"
        np.testing.assert_array_equal(ours.loss[kept], theirs.loss[theirs.series != "south"])


NEEDLESS = {
    "constant": lambda: np.full(STEPS, 7.0),
    "zeros": lambda: np.zeros(STEPS),
    "too short": lambda: np.where(np.arange(STEPS) < STEPS - 6, np.nan, np.arange(STEPS) * 1e6),
    "empty": lambda: np.full(STEPS, np.nan),
}


@pytest.mark.parametrize("kind", NEEDLESS)
def test_a_needless_series_changes_nothing(plain: Damped, tmp_path: Path, kind: str) -> None:
    other = damped(tmp_path / "other", waves().assign(needless=NEEDLESS[kind]()))
    for file in ("rnn", "baselines"):
        pd.testing.assert_frame_equal(other.scores(file), plain.scores(file))
    assert other.study.answers == plain.study.answers
    assert "needless" not in other.windows.layout.series
    text = " ".join(other.study.absences)
    assert kind == "empty" or "Not in the study: needless" in text


@pytest.fixture
def shops(tmp_path: Path) -> Damped:
    """One begins in validation, a million times as large; one closes before the test part."""
    frame = waves()
    late = 1e6 * waves(seed=5)["north"].where(np.arange(STEPS) >= 110)
    closed = waves(seed=6)["north"].where(np.arange(STEPS) < 130)
    return damped(tmp_path / "shops", frame.assign(late=late, closed=closed))


def test_a_series_that_begins_in_validation_is_forecast_and_not_ranked(
    shops: Damped, plain: Damped
) -> None:
    assert list(shops.study.index.unranked) == ["late", "closed"]
    ours, theirs = shops.scores(), plain.scores()
    named = ours.index.get_level_values("unique_id")
    late = ours[named == "late"]
    assert late[["mse", "mae", "rmse", "smape"]].notna().all(axis=None)
    assert late[SCALED].isna().all(axis=None)
    assert "closed" not in named
    pd.testing.assert_frame_equal(ours[~named.isin(["late"])], theirs)  # the overall numbers too
    losses = pd.read_parquet(shops.paths["scores"] / "losses_rnn.parquet")
    assert set(losses["unique_id"]) == {"north", "south", "west"}
    written = pd.read_parquet(
        shops.paths["forecasts"] / "rnn.parquet", columns=["unique_id", "y_hat"]
    )
    assert written.loc[written["unique_id"] == "late", "y_hat"].abs().min() > 1e6
    for name in ("losses_rnn", "losses_baselines"):
        file = f"{name}.parquet"
        of_shops, of_plain = (
            pd.read_parquet(run.paths["scores"] / file).astype({"unique_id": str, "cell": str})
            for run in (shops, plain)
        )
        pd.testing.assert_frame_equal(
            of_shops,
            of_plain,
            rtol=1e-6
            if name == "losses_rnn"
            else np.inf,  # ridge is fitted to the final fold's windows
        )


def test_the_report_names_who_is_left_out_and_draws_no_empty_panel(
    shops: Damped, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "report"
    write_report(**shops.paths, folder=folder, params=ReportParams())
    assert capsys.readouterr().err == ""
    page = (folder / "index.html").read_text(encoding="utf-8")
    for text in (page, (folder / "report.md").read_text(encoding="utf-8")):
        assert "Not ranked" in text
        assert "late (its values before the validation part are too few or do not vary)" in text
        assert "closed (it has no window in the test part)" in text
        assert "Left out of fold0 and fold1: late (too few values" in text
        assert not re.search(r"\bnan\b", text)
    assert "Series that are not ranked" in page
    drawn = pd.read_csv(folder / "figures" / "forecasts.csv")
    assert set(drawn["panel"]) == {"north", "south", "west"} or all(
        ":" in p for p in drawn["panel"]
    )
    for _, panel in drawn.groupby("panel"):
        assert {"actual", "chosen λ"} <= set(panel["line"])
        assert panel["ds"].min() > "2024"

"""Losses that cannot be right are reported at the top, with the series that causes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.windows import Windows
from stages.forecast.networks import forecast, network_of
from stages.report.params import ReportParams
from stages.report.stage import run
from stages.report.study import load_study
from tests.oracles.windows import scaled
from tests.support.damped_study import STEPS, Damped, damped, fit_of, waves
from tests.support.synthetic_study import Maker

Change = Callable[[dict[str, Path]], None]


def multiply(part: str, factor: float, without: bool = False) -> Change:
    """rnn's losses of the second series in that part times `factor`; and without the baseline repeat_last."""

    def change(paths: dict[str, Path]) -> None:
        path = paths["scores"] / f"{part}_rnn.parquet"
        rows = pd.read_parquet(path)
        rows.loc[rows["unique_id"] == "south", "mse"] *= factor
        rows.to_parquet(path, index=False)
        if without:
            index = paths["scores"] / "cells.json"
            index.write_text(index.read_text().replace('"repeat_last", ', ""))
            for path in paths["scores"].glob("*_baselines.parquet"):
                rows = pd.read_parquet(path)
                rows[rows["cell"] != "repeat_last"].to_parquet(path, index=False)

    return change


VALIDATION = "rnn at λ = 100: the validation MSE"
TEST = "rnn at λ = 100: the test MSE"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "signs"),
    [
        (multiply("validation", 1.0), []),
        (multiply("validation", 10.0), []),
        (multiply("validation", 1e6), [(VALIDATION, "repeat_last's")]),
        (multiply("validation", 1e6, without=True), []),
        (multiply("losses", 10.0), []),
        (multiply("losses", 1e6), [(TEST, "repeat_last's"), (TEST, "the validation MSE")]),
        (multiply("losses", 1e4 / 2), [(TEST, "the validation MSE")]),
        (multiply("losses", 1e6, without=True), [(TEST, "the validation MSE")]),
    ],
)
def test_each_sign_names_its_cause(
    change: Change, signs: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = Maker(tmp_path / "study", ("north", "south")).write()
    change(paths)
    windows = Windows.load(paths["development"])
    sentences = load_study(windows, paths["fits"], paths["scores"], ReportParams()).alarms
    assert len(sentences) == len(signs)
    for sentence, (begin, against) in zip(sentences, signs, strict=True):
        assert sentence.startswith(begin)
        assert f"times {against} (" in sentence
        part = begin.split()[-2]
        assert sentence.endswith(f" of the {part} MSE comes from series 'south'.")
        assert float(sentence.split("; ")[1].split(" %")[0]) > 99
    run(**paths, folder=tmp_path / "report", params=ReportParams())
    assert capsys.readouterr().err.splitlines() == [f"report: {one}" for one in sentences]
    page = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    for sentence in sentences:
        assert page.index(sentence) < page.index("Validation chooses") < page.index("| cell |")
        assert html.index(sentence.replace("'", "&#39;")) < html.index('class="lead"')
    assert ("cannot be right" in page) == ("cannot be right" in html) == bool(sentences)


def test_a_jump_after_training_is_called_out(tmp_path: Path) -> None:
    frame = waves()
    item = np.where(np.arange(STEPS) < 150, frame["west"] / 100, 1e6 + 1e5 * frame["west"])
    alarms = damped(tmp_path, frame.assign(item=item)).study.alarms
    assert alarms
    assert all("from series 'item'" in one for one in alarms)


def sizes(*factors: float, jump: float = 0.0) -> pd.DataFrame:
    """The waves in other units; after a gap where the test part begins all are higher by `jump`."""
    test, names = np.arange(STEPS) >= 140, ("north", "south", "west")
    units = dict(zip(names, factors, strict=True))
    frame = waves().assign(**{n: unit * (waves()[n] + jump * test) for n, unit in units.items()})
    if jump:
        frame.loc[140, list(names)] = np.nan  # no window sees both
    return frame


def late() -> pd.DataFrame:
    """West has too few values to be ranked, but is forecast in the second fold."""
    frame = waves()
    return frame.assign(west=frame["west"].where(np.arange(STEPS) >= 92))


def in_variances(one: Damped, frame: pd.DataFrame) -> float:
    """The validation loss of the ranked series, of forecasts of levels in units of the variances."""
    windows, fit, losses = one.windows, fit_of(one.windows), []
    names, chosen = np.array(windows.layout.series), one.study.cells[0].chosen
    sigma = frame[list(names)].iloc[:100].std(ddof=0).to_numpy()  # then 40 validate and 60 test
    for fold in windows.folds[:-1]:
        rows, unit = fold.validation, (fold.center, fold.scale)
        data = scaled(windows, *unit)
        y_hat = forecast(network_of(fit.config), fit.weights[-1, chosen], data, rows)
        series = windows.series_of(rows)
        error = (y_hat - windows.targets(rows)) / sigma[series][:, None]
        kept = ~np.isin(names[series[:, 0]], list(one.study.index.unranked))
        losses.append(np.square(error).mean(axis=(0, 2, 3))[kept])
    return float(np.concatenate(losses).mean())


TWINS = waves()[["ds", "north"]].assign(other=22 - waves()["north"])  # equal variances
SPIKE = sizes(1.0, 1.0, 1.0)
SPIKE.loc[50, ["north", "south", "west"]] = 1e4
UNLIKE = {"scaler": "none", "channels": "joint"}
STEP = {"scaler": "none", "difference": 1}


@pytest.mark.parametrize(
    ("window", "frame"),
    [
        ({"scaler": "standard"}, waves()),
        ({"scaler": "none"}, sizes(1e-3, 1.0, 1e3)),
        ({"scaler": "minmax", "normalise": "mean"}, sizes(1e-3, 1.0, 1e3)),
        ({"scaler": "minmax"}, late()),
        ({"scaler": "none", "difference": "seasonal"}, waves()),
        ({"scaler": "minmax", "difference": 1, "horizon": 1}, sizes(1e-3, 1.0, 1e3)),
        ({"scaler": "none", "channels": "joint"}, TWINS),
        (UNLIKE, sizes(1.0, 1.0, 5.0)),
        (STEP, sizes(1.0, 1.0, 5.0)),
    ],
)
def test_test_and_validation_losses_are_compared_in_one_unit(
    window: dict[str, Any], frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.report.cautions.alarms.JUMP", 1e-9)  # every comparison is printed
    one = damped(tmp_path, frame, window, season=7, baselines=())
    if window.get("difference") == "seasonal":
        assert one.windows.layout.difference["lag"] == 7
    (sentence,) = one.study.alarms
    loss, times, validation = map(float, re.findall(r"(?:MSE, | is |\()([-+.e\d]+)", sentence)[:3])
    assert validation == pytest.approx(in_variances(one, frame), rel=1e-3)
    assert loss == pytest.approx(one.study.cells[0].test[one.study.cells[0].chosen], rel=1e-3)
    assert times == pytest.approx(loss / validation, rel=1e-2)


@pytest.mark.parametrize(
    ("window", "frame", "alarmed"),
    [
        ({"scaler": "none"}, sizes(1e-3, 1e-3, 1e-3), False),
        ({"scaler": "none"}, sizes(1e3, 1e3, 1e3, jump=600), True),
        ({"scaler": "minmax"}, SPIKE, False),
        (UNLIKE, sizes(1e-3, 1e-3, 2e-3), False),
        (UNLIKE, sizes(1e3, 1e3, 2e3, jump=600), True),
        (STEP, sizes(1e-3, 1e-3, 1e-3), False),
    ],
)
def test_units_neither_raise_nor_hide_an_alarm(
    window: dict[str, Any], frame: pd.DataFrame, alarmed: bool, tmp_path: Path
) -> None:
    one = damped(tmp_path, frame, window)
    cell = one.study.cells[0]
    in_two_units = float(cell.test[cell.chosen] / cell.path.loss[cell.chosen])
    assert (in_two_units >= 100) == (not alarmed)  # would say the opposite
    alarms = [text for text in one.study.alarms if "times the validation MSE (" in text]
    assert len(alarms) == alarmed

"""Losses that cannot be right are said on top, with the series that causes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.fits import Fit, load_fits, save_fits
from stages.artifacts.windows import Windows
from stages.evaluate import run as stage
from stages.report.alarms import repeated_last
from stages.report.params import ReportParams
from stages.report.run import run
from stages.report.study import load_study
from tests.damped_study import STEPS, damped, forecast, waves
from tests.evaluate_windows import make
from tests.evaluate_windows import waves as levels
from tests.made_study import Maker

Change = Callable[[dict[str, Path]], None]


def change_fits(factor: float) -> Change:
    """rnn's validation losses of the second series."""

    def change(paths: dict[str, Path]) -> None:
        fits = load_fits(paths["fits"])
        windows = Windows.load(paths["development"])
        save_fits(paths["fits"], [_spoiled(fit, windows, factor) for fit in fits])

    return change


def _spoiled(fit: Fit, windows: Windows, factor: float) -> Fit:
    for fold in windows.folds[:-1] if fit.cell == "rnn" else ():
        losses = np.array(fit.window_losses[fold.name])
        losses[:, :, windows.group_origin(fold.validation)[0] == 1] *= factor
        fit.window_losses[fold.name] = losses
    return fit


def change_losses(factor: float, without: tuple[str, ...] = ()) -> Change:
    """rnn's test losses of the second series; the baselines but those `without`."""

    def change(paths: dict[str, Path]) -> None:
        path = paths["scores"] / "losses_rnn.parquet"
        rows = pd.read_parquet(path)
        rows.loc[rows["unique_id"] == "south", "loss"] *= factor
        rows.to_parquet(path, index=False)
        index = paths["scores"] / "cells.json"
        for name in without:
            index.write_text(
                index.read_text().replace(f', "{name}"', "").replace(f'"{name}", ', "")
            )

    return change


VALIDATION = "rnn at λ = 100: the validation loss"
TEST = "rnn at λ = 100: the test loss"


@pytest.mark.parametrize(
    ("change", "signs"),
    [
        (change_fits(1.0), []),
        (change_fits(10.0), []),
        (change_fits(1e6), [(VALIDATION, "that of repeating the last value on the same windows")]),
        (change_losses(10.0), []),
        (change_losses(1e6), [(TEST, "repeat_last's"), (TEST, "the validation loss")]),
        (change_losses(1e3), [(TEST, "the validation loss")]),
        (change_losses(1e6, ("repeat_last",)), [(TEST, "the validation loss")]),
    ],
)
def test_each_sign_names_its_cause(
    change: Change, signs: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = Maker(tmp_path / "study", ("north", "south")).write()
    change(paths)
    windows = Windows.load(paths["development"])
    found = load_study(windows, paths["fits"], paths["scores"], ReportParams()).alarms
    assert len(found) == len(signs)
    for sentence, (begin, against) in zip(found, signs, strict=True):
        assert sentence.startswith(begin)
        assert f"times {against} (" in sentence
        assert sentence.endswith("of it comes from series 'south'.")
        assert float(sentence.split("; ")[1].split(" %")[0]) > 99
    run(**paths, folder=tmp_path / "report", params=ReportParams())
    assert capsys.readouterr().err.splitlines() == [f"report: {one}" for one in found]
    page = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    for one in found:
        assert page.index(one) < page.index("Validation chooses") < page.index("| cell |")
        assert html.index(one.replace("'", "&#39;")) < html.index('class="lead"')
    assert ("cannot be right" in page) == ("cannot be right" in html) == bool(found)


def test_a_jump_after_training_is_called_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "network_forecast", forecast)
    frame = waves()
    item = np.where(np.arange(STEPS) < 150, frame["west"] / 100, 1e6 + 1e5 * frame["west"])
    alarms = damped(tmp_path, frame.assign(item=item)).study.alarms
    assert alarms
    assert all("from series 'item'" in one for one in alarms)


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_the_last_value_repeated_by_hand(channels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.report.alarms.BLOCK", 20)  # many blocks
    values = levels(120, 2)
    windows, _ = make(values, ends=(60, 90), channels=channels)
    fold = windows.folds[1]
    group, origin = windows.group_origin(fold.validation)
    scale = values[:75].std(0)
    for loss, g, t in zip(repeated_last(windows, fold), group, origin, strict=True):
        error = (values[t + 1 : t + 4] - values[t]) / scale
        wanted = np.mean(error**2) if channels == "joint" else np.mean(error[:, g] ** 2)
        assert loss == pytest.approx(wanted, rel=1e-12)


def test_of_differences_nothing_is_forecast() -> None:
    windows, _ = make(levels(120, 2), ends=(60, 90))
    windows.layout.difference["order"] = 1
    fold = windows.folds[0]
    y = windows.values[fold.validation[:, None] + np.arange(1, 4), 0]
    scale = fold.scale[windows.group_origin(fold.validation)[0], 0]
    np.testing.assert_allclose(repeated_last(windows, fold), ((y / scale[:, None]) ** 2).mean(1))

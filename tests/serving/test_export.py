"""An exported model forecasts as the served one does, with torch alone and no module of this repository."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from stages.artifacts.linear_map import LinearMap
from stages.artifacts.series import Series
from stages.forecast.calibration import calibrated
from stages.networks.cells import CELLS, RNN
from stages.serving.export import __main__ as command
from stages.serving.export import load as loader
from stages.serving.export.state import CELLS_OF_TORCH
from stages.serving.served import Served
from tests.support.serving_model import H, L, model, series, table_of

LEVELS = (80.0, 95.0)
# Run where no module of this repository can be imported: each window through its export.
DRIVER = """
import importlib.util, json, runpy, sys
from pathlib import Path
import numpy as np
assert importlib.util.find_spec("stages") is None
for folder in sys.argv[1:]:
    windows = json.loads(Path(folder, "windows.json").read_text())
    export = runpy.run_path(f"{folder}/export/load.py")["load"](f"{folder}/export")
    answers = [export.forecast(np.array(rows), series) for series, rows in windows]
    answers = [{name: column.tolist() for name, column in answer.items()} for answer in answers]
    Path(folder, "answers.json").write_text(json.dumps(answers))
"""


@dataclass(frozen=True)
class Case:
    """A model: its architecture, rules of windows, covariates, and whether ridge and intervals go with it."""

    architecture: dict[str, Any]
    rules: dict[str, Any] = field(default_factory=dict)
    covariates: tuple[str, ...] = ()
    shared: bool = False
    ridge: int = 0  # weightings of windows; 0: no ridge
    seeds: int = 3

    def study(self) -> Series:
        study = series(self.covariates)
        study.summary["shared_covariates"] = self.shared
        if "flat" in self.covariates:
            study.frame["covariate:flat"] = 7.0
        return study

    def chosen(self) -> Served:
        served, test = model(self.study(), self.seeds, architecture=self.architecture, **self.rules)
        rng, channels = np.random.default_rng(8), test.levels.shape[1]
        inputs, outputs, names = L * test.values.shape[1], H * channels, served.layout.series
        errors, owners = (
            rng.normal(0.3, 2.0, (50, H)),
            np.zeros(50, np.int64),
        )  # of the first series alone
        transform, scale = served.layout.transform, served.scale[:, :channels].ravel()
        intervals = calibrated(transform, LEVELS, errors * 0.1, owners, scale, 12.0)
        assert len(scale) == len(names)
        groups = self.ridge
        ridge = groups and LinearMap(
            rng.normal(0, 0.1, (inputs, outputs)), rng.normal(size=(groups, inputs)),
            rng.normal(size=(groups, outputs // groups)),
        )  # fmt: skip
        return replace(served, intervals=intervals, ridge=ridge or None)

    def windows(self, chosen: Served) -> list[tuple[str | None, np.ndarray]]:
        """Series → the last steps of its features, in the data's units; one of all with joint channels."""
        parts = [
            part.iloc[:, 2:] for _, part in self.study().frame.groupby("unique_id", sort=False)
        ]
        if chosen.layout.channels == "independent":
            named = zip(chosen.layout.series, parts, strict=True)
            return [(name, part.to_numpy()[-chosen.steps :]) for name, part in named]
        extra = [part.to_numpy()[:, 1:] for part in parts][: 1 if self.shared else None]
        rows = np.column_stack([*(part["y"] for part in parts), *extra])
        return [(None, rows[-chosen.steps :])]


JOINT = {"channels": "joint"}
CASES = {
    "rnn": Case({"cell": "rnn"}),
    "rnn, two layers": Case(
        {"cell": "rnn", "layers": 2, "segment": 2}, {"normalise": "last", "difference": "seasonal"}
    ),
    "gru": Case({"cell": "gru", "segment": 4}, {"normalise": "instance"}, ridge=1),
    "gru, two layers": Case(
        {"cell": "gru", "layers": 2, "segment": 2},
        JOINT | {"normalise": "last", "transform": "sqrt"},
        ("rain", "sun"),
        shared=True,
        ridge=1,
    ),
    "gru, flat covariate": Case(
        {"cell": "gru"}, {"normalise": "mean", "scaler": "minmax"}, ("flat", "y"), seeds=1
    ),
    "lstm": Case(
        {"cell": "lstm", "segment": 2}, {"transform": "log1p", "difference": "seasonal"}, ("rain",)
    ),
    "lstm, two layers": Case(
        {"cell": "lstm", "layers": 2}, JOINT | {"normalise": "instance"}, ("rain", "sun"), ridge=2
    ),
    "linear": Case({"cell": "linear"}, {"normalise": "instance", "transform": "sqrt"}, ("rain",)),
    "linear, joint": Case({"cell": "linear"}, JOINT | {"difference": 1}, ridge=1),
}


def columns(answers: list[dict[str, Any]]) -> pd.DataFrame:
    """Answers as a table of H rows for each series, in the order of a served forecast."""
    tables = [{name: np.array(v).T.ravel() for name, v in answer.items()} for answer in answers]
    return pd.concat(map(pd.DataFrame, tables), ignore_index=True)


def assert_same(got: pd.DataFrame, chosen: Served, study: Series) -> None:
    """To 1e-6 of the forecast: the served model's networks compute in single precision."""
    wanted = chosen.forecast(table_of(study)).drop(columns=["unique_id", "ds", "note"])
    assert list(got) == list(wanted)
    assert np.isfinite(wanted["y_hat"]).all()
    for name in wanted:
        if name != "y_hat_spread":
            np.testing.assert_allclose(got[name], wanted[name], rtol=1e-6, err_msg=name)
    spread = (got["y_hat_spread"] - wanted["y_hat_spread"]).abs() / wanted["y_hat"]
    assert not (spread > 1e-6).any()
    assert got["y_hat_spread"].isna().equals(wanted["y_hat_spread"].isna())


def exported(case: Case, folder: Path) -> Served:
    """Save the model and export it by the command."""
    chosen = case.chosen()
    chosen.save(folder / "model.safetensors")
    command.main(["--model", str(folder / "model.safetensors"), "--out", str(folder / "export")])
    return chosen


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Served]]:
    """Every case, exported and at work elsewhere: answers.json."""
    root, result = tmp_path_factory.mktemp("exports"), {}
    for number, (name, case) in enumerate(CASES.items()):
        chosen = exported(case, root / str(number))
        windows = [(series, rows.tolist()) for series, rows in case.windows(chosen)]
        (root / str(number) / "windows.json").write_text(json.dumps(windows))
        result[name] = root / str(number), chosen
    run("-c", DRIVER, *(str(folder) for folder, _ in result.values()), cwd=root)
    return result


def run(*arguments: str, cwd: Path) -> str:
    """What an isolated interpreter prints: its path is that of installed packages alone."""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", CASES)
def test_an_export_forecasts_as_the_served_model(folders, name):
    folder, chosen = folders[name]
    answers = json.loads((folder / "answers.json").read_text())
    assert_same(columns(answers), chosen, CASES[name].study())


@pytest.mark.parametrize("name", [name for name in CASES if "linear" not in name])
def test_each_seeds_weights_have_the_names_of_torchs_modules(folders, name):
    folder, chosen = folders[name]
    network = chosen.config["network"]
    state = load_file(folder / "export/state_dict.safetensors")
    module = getattr(torch.nn, network["cell"].upper())(
        network["segment"] * network["features"], network["hidden"], network["layers"]
    )
    for seed in range(len(chosen.weights)):
        start = f"networks.{seed}.recurrence."
        module.load_state_dict({k.removeprefix(start): v for k, v in state.items() if start in k})
        assert state[f"networks.{seed}.head.weight"].dtype == torch.float32


def test_the_loader_knows_the_cells_that_are_exported():
    assert {*CELLS_OF_TORCH} == {"linear", *loader.RECURRENT}


def test_the_loader_refuses_in_sentences(folders):
    folder, chosen = folders["lstm"]
    export = loader.load(folder / "export")
    name, window = CASES["lstm"].windows(chosen)[0]
    gap, low = window.copy(), window.copy()
    gap[-3, 1], low[-2, 0] = np.nan, -1.0
    early = window.copy()
    early[0, 1] = np.nan  # the covariate before the lookback is not read
    np.testing.assert_array_equal(
        export.forecast(early, name)["y_hat"], export.forecast(window, name)["y_hat"]
    )
    for rows, who, sentence in (
        (window, "shoe", "series 'shoe' is not one of the model's; name one of shop, web"),
        (window, None, "series None is not one of the model's"),
        (window[1:], name, r"the shape \(19, 2\); it needs 20 rows or more and 2 columns: y, rain"),
        (window[:, :1], name, "needs 20 rows or more"),
        (gap, name, "the last 20 rows have gaps"),
        (low, name, "have a value below 0, which log1p does not take"),
    ):
        with pytest.raises(ValueError, match=sentence):
            export.forecast(rows, who)
    folder, chosen = folders["gru"]
    name, window = CASES["gru"].windows(chosen)[0]
    with pytest.raises(ValueError, match="the forecast is not a finite number"):
        loader.load(folder / "export").forecast(window * 1e200, name)


def test_a_series_without_a_scale_is_left_out(tmp_path):
    chosen = CASES["rnn"].chosen()
    center, scale = chosen.center.copy(), chosen.scale.copy()
    center[0], scale[0] = np.nan, np.nan
    command.export(replace(chosen, center=center, scale=scale), tmp_path)
    groups = json.loads((tmp_path / "config.json").read_text())["groups"]
    assert [group["series"] for group in groups] == [["web"]]


def test_the_command_refuses_in_sentences(tmp_path, monkeypatch):
    chosen = CASES["rnn"].chosen()
    chosen.save(tmp_path / "model.safetensors")
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    for source, out, sentence in (
        (
            "none.safetensors",
            "out",
            r"none.safetensors does not exist; run a study first \(make repro\)",
        ),
        (".", "out", "is a folder, not a file; run a study first"),
        (
            "model.safetensors",
            "file",
            r"file is a file; name a folder that can be written \(--out\)",
        ),
        ("model.safetensors", "file/in/it", "file is a file; name a folder"),
    ):
        with pytest.raises(ValueError, match=sentence):
            command.main(["--model", source, "--out", out])
    monkeypatch.setitem(CELLS, "mine", RNN)
    config = {"network": chosen.config["network"] | {"cell": "mine"}}
    with pytest.raises(ValueError, match="cell 'mine' is not one of torch's modules"):
        command.export(replace(chosen, config=config), tmp_path / "out")
    assert not (tmp_path / "out").exists()

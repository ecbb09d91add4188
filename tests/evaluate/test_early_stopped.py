"""The scores of early-stopped networks: of all cells in one file, and nothing else of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from stages.artifacts.fits import Fit
from stages.artifacts.scores import EARLY_STOPPED, ENSEMBLE
from stages.artifacts.windows import Windows
from stages.evaluate import stage
from stages.evaluate.params import EvaluateParams
from tests.evaluate.test_stage import SEASON, synthetic_fit
from tests.support.evaluate_windows import make, waves
from tests.support.scores import load_losses, load_scores

PARAMS = EvaluateParams(season=SEASON, baselines=("repeat_last",))


@pytest.fixture(params=["independent", "joint"])
def data(request: pytest.FixtureRequest) -> tuple[Windows, Windows]:
    return make(waves(150, 2), ends=(90, 120), channels=request.param)


def fits_of(windows: Windows) -> list[Fit]:
    """A cell of two seeds, one without early-stopped networks, and one of a single seed.

    The early-stopped networks are those of the last λ, so their scores are known.
    """
    rnn, gru, lstm = (
        synthetic_fit(windows, "rnn"),
        synthetic_fit(windows, "gru"),
        synthetic_fit(windows, "lstm", (0.0, 3.0, 5.0), 1),
    )
    rnn, lstm = (
        replace(fit, stopped_epochs=7, stopped_weights=fit.weights[-1, -1]) for fit in (rnn, lstm)
    )
    return [rnn, gru, lstm]


def run(data: tuple[Windows, Windows], fits: list[Fit], folder: Path) -> Path:
    stage.run(*data, fits, PARAMS, folder / "forecasts", folder / "scores")
    return folder / "scores"


def test_they_are_scored_as_the_final_networks_are(data, tmp_path):
    folder = run(data, fits_of(data[0]), tmp_path)
    for load in (load_scores, load_losses):
        stopped = load(folder, EARLY_STOPPED)
        keys = stopped[["cell", "lam", "seed"]].drop_duplicates().itertuples(index=False, name=None)
        assert list(keys) == [("rnn", 0, 0), ("rnn", 0, 1), ("rnn", 0, ENSEMBLE), ("lstm", 0, 0)]
        ordinary = pd.concat(
            load(folder, cell).query(f"lam == {lam}") for cell, lam in (("rnn", 2.0), ("lstm", 5.0))
        )
        expected = ordinary.assign(lam=0.0).reset_index(drop=True)
        assert len(expected) > 4
        pd.testing.assert_frame_equal(stopped, expected, check_exact=True)
    for part in ("", "losses_"):
        schemas = [
            pq.read_schema(folder / f"{part}{name}.parquet") for name in (EARLY_STOPPED, "rnn")
        ]
        assert schemas[0].equals(schemas[1])


def test_nothing_else_is_of_them_or_changed_by_them(data, tmp_path):
    fits = fits_of(data[0])
    without = [
        replace(fit, stopped_epochs=0, stopped_weights=fit.stopped_weights[:0]) for fit in fits
    ]
    run(data, fits, tmp_path / "with")
    folder = run(data, without, tmp_path / "without")
    for load in (load_scores, load_losses):
        none = load(folder, EARLY_STOPPED)
        assert none.empty
        assert list(none.columns) == list(load(folder, "rnn").columns)
    files = {}
    for root in (tmp_path / "with", tmp_path / "without"):
        paths = {path.relative_to(root): path for path in root.rglob("*") if path.is_file()}
        files[root] = {str(name): path.read_bytes() for name, path in paths.items()}
    first, second = files.values()
    stopped = {f"scores/{EARLY_STOPPED}.parquet", f"scores/losses_{EARLY_STOPPED}.parquet"}
    assert {name for name in first if EARLY_STOPPED in name} == stopped
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == stopped


def test_one_that_diverged_is_named(data, tmp_path, capfd):
    fit, *_ = fits_of(data[0])
    weights = np.array(fit.stopped_weights)
    weights[1] = np.nan
    folder = run(data, [replace(fit, stopped_weights=weights)], tmp_path)
    said = capfd.readouterr().err
    assert said.count("rnn at λ = 0 (seed 1, stopped early) forecasts values that are not") == 1
    assert said.count("it diverged") == 1
    finite = load_losses(folder, EARLY_STOPPED).assign(finite=lambda rows: np.isfinite(rows["mse"]))
    assert finite.groupby("seed")["finite"].all().to_dict() == {0: True, 1: False, ENSEMBLE: False}

"""How far two studies are from each other, and what `reproduce` makes of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.fits import load_fits, save_fits
from stages.environment import instruction_set
from stages.tracking.commands import reproduce
from stages.tracking.history.digests import PATHS
from stages.tracking.history.distances import differing, distances, relative
from stages.tracking.history.git import UnavailableError
from stages.tracking.history.lock import Lock
from stages.tracking.history.revisions import RecordedStudy, Repository, Revision
from stages.tracking.store.resolve import Named
from tests.support.synthetic_study import GRID, Maker

OUTS = ("fits", "scores", "report/metrics.json")


@pytest.fixture(scope="module")
def then(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("compare") / "then"
    Maker(folder, ("a",)).write()
    report = folder / "report"
    report.mkdir()
    (report / "metrics.json").write_text(json.dumps({"rnn": {"lam": 10.0, "test_mse": 2.0}}))
    table = pd.DataFrame({"cell": "rnn", "lam": GRID, "validation_mse": [4.0, 3.0, 2.0, 5.0]})
    table.to_csv(report / "lambda_path.csv", index=False)
    return folder


@pytest.fixture
def both(then, tmp_path) -> tuple[dict[str, Path], dict[str, Path]]:
    """The files of a study, and a copy of them."""
    shutil.copytree(then, tmp_path / "now")
    names = ("fits", "scores", "report")
    first, second = ({n: root / n for n in names} for root in (then, tmp_path / "now"))
    return first, second


def scale_weights(files: dict[str, Path], factor: float) -> None:
    """One weight of rnn at λ = 1 (the largest of all its folds and seeds) becomes `factor` times itself."""
    fits = []
    for fit in load_fits(files["fits"]):
        weights = np.array(fit.weights)
        if fit.cell == "rnn":
            of_lam = weights[:, 1]
            of_lam[np.unravel_index(np.abs(of_lam).argmax(), of_lam.shape)] *= factor
        fits.append(replace(fit, weights=weights))
    shutil.rmtree(files["fits"])
    save_fits(files["fits"], fits)


def test_equal_studies_have_no_distance(both):
    assert distances(*both) == []


def test_the_metric_the_score_and_the_weight_that_differ_are_named_with_their_size(both):
    _, now = both
    scale_weights(now, 0.75)
    (now["report"] / "metrics.json").write_text(json.dumps({"rnn": {"lam": 10.0, "test_mse": 2.5}}))
    table = pd.read_csv(now["report"] / "lambda_path.csv")
    table.loc[3, "validation_mse"] = 4.0
    table.to_csv(now["report"] / "lambda_path.csv", index=False)
    path = now["scores"] / "losses_lstm.parquet"
    rows = pd.read_parquet(path)
    rows["mse"] *= 0.5
    rows.to_parquet(path, index=False)
    assert [str(distance) for distance in distances(*both)] == [
        "metric rnn.test_mse (2.0 → 2.5): relative difference 0.2",
        "column validation_mse of lambda_path.csv: relative difference 0.2",
        "scores losses_lstm: relative difference 0.5",
        "weights of rnn at λ = 1: relative difference 0.25",
    ]


def test_early_stopped_networks_that_one_study_lacks_are_named(both):
    _, now = both
    fits = [
        replace(fit, stopped_epochs=7, stopped_weights=np.ones((2, 5), np.float32))
        for fit in load_fits(now["fits"])
    ]
    save_fits(now["fits"], fits)
    assert [str(distance) for distance in distances(*both)] == [
        f"weights of {fit.cell} at λ = 0, stopped early: not comparable" for fit in fits
    ]


def test_relative_distance():
    assert relative(np.array([1.0, -4.0]), np.array([1.0, -2.0])) == 0.5
    assert relative(np.zeros(2), np.zeros(2)) == 0
    assert relative(np.array([np.nan, 1.0]), np.array([np.nan, 1.0])) == 0
    assert relative(np.array([np.nan]), np.array([1.0])) == np.inf
    assert relative(np.zeros(2), np.zeros(3)) == np.inf


def lock(changed: tuple[str, ...] = ()) -> Lock:
    stages = {
        "report": {"outs": [{"path": "report/metrics.json", "md5": "1"}]},
        "train": {"outs": [{"path": "fits", "md5": "2.dir"}]},
    }
    md5s = {path: f"{path}{'!' if path in changed else ''}" for path in OUTS}
    return Lock(stages, {name: name for name in ("fits", "scores", "report")}, md5s)


class Kept(Repository):
    """A repository whose cache holds the files, or does not."""

    def __init__(self, files: dict[str, Path] | None) -> None:
        self.files = files

    def fetch(
        self, revision: Revision, folder: Path, names: tuple[str, ...] = PATHS
    ) -> dict[str, Path]:
        if self.files is None:
            raise UnavailableError("fits is neither here nor there")
        return self.files


def verdict(both, changed: tuple[str, ...], tags: dict[str, str], *, kept: bool = True) -> int:
    then, now = both
    revision = Revision("main", "0" * 40, lock())
    named = Named("run", RecordedStudy("key", [revision]), None, tags)
    clone = now["fits"].parent
    repository = Kept(then if kept else None)
    return reproduce._verdict(repository, named, revision, lock(changed), clone, clone / "then")


def test_the_answers_of_reproduce(both, capsys):
    assert verdict(both, (), {}) == 0
    assert "identical, bit for bit (3 outputs of 0000000 (main))" in capsys.readouterr().out
    scale_weights(both[1], 1 - 1e-4)
    elsewhere = {"instruction_set": "arm64"}
    assert verdict(both, ("fits",), elsewhere) == 0
    output = capsys.readouterr().out
    assert "equal within tolerance on another instruction set" in output
    assert "set: fits differ, their numbers by 0.0001 relative at most (allowed: 0.001)" in output
    assert f"; then: arm64; now: {instruction_set()}" in output
    here = {"instruction_set": instruction_set(), "versions": "numpy 1.0"}
    assert (
        verdict(both, ("fits",), here) == 1
    )  # the same machine: it should have been the same bits
    output = capsys.readouterr().out
    assert "different: fits\n  weights of rnn at λ = 1: relative difference 0.0001" in output
    assert "versions then: numpy 1.0; now: python" in output
    scale_weights(both[1], 0.9)
    assert verdict(both, ("fits",), elsewhere) == 1  # too far for another instruction set
    assert "instruction_set then: arm64" in capsys.readouterr().out
    assert verdict(both, ("fits",), elsewhere, kept=False) == 1
    assert "different: fits; by how much can't be said: fits is neither" in capsys.readouterr().out


def test_outputs_that_differ_come_in_the_order_of_the_stages():
    assert differing(lock(), lock(("fits", "report/metrics.json"))) == [
        "report/metrics.json",
        "fits",
    ]

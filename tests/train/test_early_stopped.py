"""The early-stopped networks of λ = 0: final ones that are trained for the best epoch of its path."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.artifacts.fits import Fit, load_fits
from stages.artifacts.windows import Windows
from stages.networks.shape import Network
from stages.params import check_section
from stages.train import stage as study
from stages.train.engines.engine import fold_data, start_state
from stages.train.engines.trainer import Chunk
from stages.train.params import TrainParams
from stages.train.planning.members import Member
from stages.train.planning.study_plan import Job, Plan
from stages.train.pool.processes import Pool, train_jobs
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import recipe_of
from tests.train.test_stage import TRAIN, lambdas, stage

SEEDS, EPOCHS = 2, 40
STUDY: dict[str, Any] = {
    "cells": ["rnn", "linear"],
    "seeds": SEEDS,
    "epochs": EPOCHS,
    "learning_rate": 0.05,
}
PATH = 2 * 3 * 2 * SEEDS  # members of cells, folds and λ


@pytest.fixture(autouse=True)
def started(monkeypatch) -> list[int]:
    """How many workers each start of a pool brought; they are threads of this process."""
    counts: list[int] = []

    def threads(count: int) -> ThreadPoolExecutor:
        counts.append(count)
        return ThreadPoolExecutor(count)

    monkeypatch.setattr(study, "Pool", lambda: Pool(threads))
    return counts


def planned(windows: Windows, **changes) -> Plan:
    return Plan(check_section("train", TRAIN | STUDY | changes, TrainParams), windows)


def best_of(fit: Fit, windows: Windows) -> int:
    """The best epoch of λ = 0, from the fit's curves."""
    share = [len(fold.validation) for fold in windows.folds[:-1]]
    path = np.average(fit.validation_loss[:-1, 0].mean(1), axis=0, weights=share)
    return int(path.argmin()) + 1


def prefix(fit: Fit, windows: Windows) -> np.ndarray:
    """(S, n): what the final networks of λ = 0 were after so many epochs of their whole training."""
    recipe = recipe_of(
        Network(**fit.config["network"]), epochs=EPOCHS, batch_size=TRAIN["batch_size"],
        learning_rate=STUDY["learning_rate"], precision="float32",
    )  # fmt: skip
    members = [Member(0.0, seed, "final", EPOCHS) for seed in range(SEEDS)]
    at_end_of: dict[int, np.ndarray] = {}

    def record(chunk: Chunk) -> None:
        if chunk.state.batch == 0:
            at_end_of[chunk.state.epoch] = chunk.state.weights.copy()

    data = fold_data(windows, windows.folds[-1], "float32")
    Chunk(
        recipe, data, members, start_state(recipe, members), lambda member, outcome: None, record
    ).run()
    np.testing.assert_array_equal(at_end_of[EPOCHS], fit.weights[-1, 0])
    return at_end_of[fit.stopped_epochs]


def test_they_are_the_final_networks_of_zero_after_the_best_epoch(
    folder, started, capfd, monkeypatch
):
    """Also where the study was killed before they were trained, and where the store has them."""
    windows = synthetic_windows(groups=2)
    calls: list[int] = []

    def killed(development: Path, jobs: list[Job], *more) -> None:
        calls.append(len(jobs))
        if len(calls) == 2:
            raise KeyboardInterrupt
        train_jobs(development, jobs, *more)

    with monkeypatch.context() as patched:
        patched.setattr(study, "train_jobs", killed)
        with pytest.raises(KeyboardInterrupt):
            stage(folder, "fits", **STUDY)
    assert calls == [PATH, PATH + 2 * SEEDS]
    assert f"training {PATH} members; 0 taken from the store" in capfd.readouterr().err
    went_on = stage(folder, "fits", **STUDY)
    assert f"training {2 * SEEDS} members; {PATH} taken from the store" in capfd.readouterr().err
    assert stage(folder, "again", **STUDY) == went_on
    assert capfd.readouterr().err == f"all {PATH + 2 * SEEDS} members taken from the store\n"

    for fit in load_fits(folder / "fits"):
        assert 1 < fit.stopped_epochs == best_of(fit, windows) < EPOCHS
        np.testing.assert_array_equal(fit.stopped_weights, prefix(fit, windows))
        assert fit.stopped_weights.dtype == np.float32
        assert (fit.epochs == EPOCHS).all()
    (folder / ".ridgeline" / "members").rename(folder / "old")
    assert stage(folder, "whole", **STUDY) == went_on
    said = capfd.readouterr().err
    assert f"training {PATH} members; 0 taken" in said
    assert f"training {2 * SEEDS} members; {PATH} taken" in said
    assert started == [1, 1, 1]  # the last time for both phases


def test_where_the_best_epoch_is_the_last_one_network_serves_both(folder, capfd):
    stage(folder, "fits", cells=["gru"])
    assert "training 12 members; 0 taken from the store" in capfd.readouterr().err
    (fit,) = load_fits(folder / "fits")
    assert fit.stopped_epochs == best_of(fit, synthetic_windows(groups=2)) == 4
    np.testing.assert_array_equal(fit.stopped_weights, fit.weights[-1, 0])
    assert len(list((folder / ".ridgeline" / "members").glob("*/*.member"))) == 12


@pytest.mark.parametrize("changes", [{"penalty": lambdas(1.0, 2.0)}, {"early_stopping": 3}])
def test_there_are_none_without_zero_or_under_early_stopping(folder, changes):
    stage(folder, "fits", cells=["linear"], **changes)
    assert len(list((folder / ".ridgeline" / "members").glob("*/*.member"))) == 12
    (fit,) = load_fits(folder / "fits")
    assert fit.stopped_epochs == 0
    assert fit.stopped_weights.shape == (0, fit.weights.shape[-1])
    plan = planned(synthetic_windows(groups=2), **changes)
    assert (plan.members, plan.stopped) == (PATH, 0)


@pytest.mark.parametrize(
    ("changes", "so"),
    [
        ({}, "none is stopped early"),
        ({"early_stopping": 2}, "its final fold is trained for one epoch"),
    ],
)
def test_networks_that_diverge_at_once_have_no_best_epoch(folder, capfd, changes, so):
    stage(folder, "fits", cells=["linear"], optimizer="sgd", learning_rate=1e30, **changes)
    assert "train: linear at λ = 0 has no epoch that all its networks reached with a finite " in (
        said := capfd.readouterr().err
    )
    assert f"validation loss, so {so}; lower train.learning_rate" in said
    (fit,) = load_fits(folder / "fits")
    assert (fit.stopped_epochs, fit.stopped_weights.size) == (0, 0)
    assert (fit.epochs[-1] == (1 if changes else 4)).all()


def test_their_jobs_are_known_once_the_folds_of_zero_are_trained():
    windows = synthetic_windows(groups=2)
    plan = planned(windows)
    first = plan.jobs({})
    assert len(first) == PATH
    assert (plan.stopped, plan.members) == (SEEDS, PATH + 2 * SEEDS)
    assert {(j.member.fold, j.member.lam) for j in plan.deciding} == {("fold0", 0), ("fold1", 0)}

    curves = {}
    for job in plan.deciding:
        lowest = 7 if job.recipe.network.cell == "rnn" else EPOCHS
        curves[job.key] = np.abs(np.arange(1, EPOCHS + 1) - lowest) + 1.0
    *others, last = plan.deciding
    assert last.recipe.network.cell == "linear"
    known = plan.jobs({job.key: curves[job.key] for job in others})
    assert [job.recipe.network.cell for job in known if job.stopped] == ["rnn"] * SEEDS

    jobs = plan.jobs(curves)
    assert len(jobs) == plan.members
    assert [job for job in jobs if not job.stopped] == first
    stopped = {
        name: [j for j in jobs if j.stopped and j.recipe.network.cell == name]
        for name in STUDY["cells"]
    }
    for name, epochs in (("rnn", 7), ("linear", EPOCHS)):
        members = [job.member for job in stopped[name]]
        assert members == [Member(0.0, seed, "final", epochs) for seed in range(SEEDS)]
    final = {j.key for j in first if j.member.fold == "final" and j.member.lam == 0}
    assert {job.key for job in stopped["linear"]} <= final
    assert not {job.key for job in stopped["rnn"]} & final
    batches = -(-windows.folds[-1].m // TRAIN["batch_size"])
    assert {job.steps for job in stopped["rnn"]} == {7 * batches}
    assert {replace(j.recipe, patience=None) for j in stopped["rnn"]} == {plan.recipes["rnn"]}

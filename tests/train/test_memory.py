"""The estimate of memory: against what a study really took, and against what there is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stages.params import check_section
from stages.train import stage
from stages.train.params import TrainParams
from stages.train.planning import memory
from stages.train.planning.memory import refuse_excess, result_bytes, study_bytes, training_bytes
from stages.train.pool.store import MemberStore
from tests.support.members import WINDOWS, recipe_for

FOLD = WINDOWS.folds[0]
HUGE = 10**15


def large(**sizes):
    recipe = recipe_for("lstm", epochs=3)
    return replace(recipe, network=replace(recipe.network, **sizes))


@pytest.mark.parametrize("sizes", [{"hidden": 1024}, {"hidden": 512, "layers": 4}])
def test_weights_decide_a_large_network(sizes):
    recipe = large(**sizes)
    n = recipe.network.parameters
    for members in (1, 4, 16):
        taken = training_bytes(recipe, WINDOWS, FOLD, members, 4)
        assert (
            taken - training_bytes(recipe, WINDOWS, FOLD, 0, 4)
            >= memory.BYTES_A_WEIGHT * n * members
        )
        assert taken <= 1.3 * (memory.BYTES_A_WEIGHT + 8) * n * (members + 1) + memory.WORKER["cpu"]


def test_what_makes_it_larger():
    """Every knob that the message names: a larger value of any needs more."""
    base = large(hidden=64)
    needed = study_bytes([base], WINDOWS, 40, 0, 5, 2, 16)
    for other in (
        study_bytes([large(hidden=65)], WINDOWS, 40, 0, 5, 2, 16),
        study_bytes([large(hidden=64, layers=2)], WINDOWS, 40, 0, 5, 2, 16),
        study_bytes([replace(base, epochs=30_000)], WINDOWS, 40, 0, 5, 2, 16),
        study_bytes([replace(base, patience=2)], WINDOWS, 40, 0, 5, 2, 16),
        study_bytes([base], WINDOWS, 40, 0, 5, 3, 16),
        study_bytes([base], WINDOWS, 40, 5, 5, 2, 16),
        study_bytes([base], WINDOWS, 40_000, 0, 5, 2, 16),
    ):
        assert other > needed


def test_fits_are_counted_as_they_are_stored():
    recipe = replace(large(hidden=8), epochs=7)
    members = 6
    n, folds = recipe.network.parameters, len(WINDOWS.folds)
    weights, curves = 4 * n * folds * members, 4 * folds * members * 7 * 8
    losses = 2 * sum(len(fold.validation) for fold in WINDOWS.folds) * members * 8  # mse and mae
    states = 2 * folds * members * recipe.network.layers * recipe.network.steps * 8
    path = weights + curves + losses + states
    assert result_bytes(recipe, WINDOWS, members, 0) == path
    assert result_bytes(recipe, WINDOWS, members, 3) == path + 3 * 4 * n


def test_a_study_that_does_not_fit_is_refused_before_any_member(tmp_path, monkeypatch):
    WINDOWS.save(tmp_path / "development")
    values = {
        "cells": ["rnn", "lstm"], "hidden": 4096, "layers": 16, "penalty": {"lambdas": [0, 1]}, "seeds": 2,
        "epochs": 2, "batch_size": 8, "learning_rate": 0.01,
    }  # fmt: skip
    params = check_section("train", values, TrainParams)
    monkeypatch.setenv("RIDGELINE_WORKERS", "3")
    monkeypatch.setattr(stage, "train_jobs", lambda *_: pytest.fail("it began to train"))
    monkeypatch.setattr(memory, "available", lambda: 8 * 10**9)
    with pytest.raises(ValueError) as caught:
        stage.train_study(tmp_path / "development", params, MemberStore(tmp_path / "store"))
    for words in (
        "GB of memory, and 8.0 GB are free", "train.hidden = 4096", "train.layers = 16",
        "train.batch_size = 8", "window.lookback = ", "3 worker processes", "RIDGELINE_WORKERS=1",
    ):  # fmt: skip
        assert words in str(caught.value)


def test_what_fits_is_let_through():
    recipe = large(hidden=64)
    refuse_excess(10**9, recipe, 1, 10**9)
    with pytest.raises(ValueError, match=r"about 1\.0 GB of memory, and 0\.5 GB are free"):
        refuse_excess(10**9, recipe, 1, 5 * 10**8)


def group(folder: Path, limit: str, used: int, cached: int, version: int) -> None:
    names = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in zip(names, (limit, str(used)), strict=False):
        (folder / name).write_text(f"{text}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cached}\n")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("outer", "inner", "free"),
    [
        ("max", "max", []),
        ("max", "1000", [1000 - 300 + 100]),
        ("5000", "max", [5000 - 600 + 50]),
        ("5000", "1000", [800, 4450]),
        ("500", "200", [0, 0]),
    ],
)
def test_what_control_groups_allow(tmp_path, version, outer, inner, free):
    base = tmp_path / "cgroup" / ("memory" if version == 1 else "")
    group(base, outer, 600, 50, version)
    group(base / "a/b", inner, 300, 100, version)
    line = "7:cpu,memory:/a/b" if version == 1 else "0::/a/b"
    (tmp_path / "listed").write_text(f"3:cpuset:/x\n{line}\n")
    groups = memory.free_in_groups(tmp_path / "cgroup", tmp_path / "listed")
    assert sorted(groups) == sorted(free)


def test_a_group_that_is_not_shown_here_is_its_parent(tmp_path):
    """In a container the path may be that of the host."""
    group(tmp_path / "cgroup", "5000", 600, 50, 2)
    (tmp_path / "listed").write_text("0::/docker/0123\n")
    assert memory.free_in_groups(tmp_path / "cgroup", tmp_path / "listed") == [4450]
    assert memory.free_in_groups(tmp_path / "cgroup", tmp_path / "away") == []


def test_there_is_memory_here():
    assert 10**7 < memory.available() < HUGE

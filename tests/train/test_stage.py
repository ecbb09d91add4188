"""`python -m stages.train` on small synthetic windows, with a full, an empty and a damaged store."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stages.artifacts.fits import load_fits
from stages.forecast.networks import Scaled, forecast
from stages.networks.shape import Network
from stages.train.__main__ import main
from stages.train.planning.members import Member
from stages.train.pool.processes import train_jobs
from tests.support.closure import ROOT
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import recipe_of, trained

TRAIN: dict[str, Any] = {
    "cells": ["linear", "gru"],
    "hidden": 5,
    "penalty": {"kind": "l2", "lambdas": [0.0, 2.0]},
    "seeds": 2,
    "epochs": 4,
    "batch_size": 13,
    "learning_rate": 0.01,
}


def write_params(folder: Path, **changes) -> None:
    params = {**TRAIN, **changes}
    (folder / "params.yaml").write_text(yaml.safe_dump({"train": params}), encoding="utf-8")


def stage(folder: Path, out: str, **changes) -> dict[str, bytes]:
    """Run the stage; the bytes of all files it wrote."""
    write_params(folder, **changes)
    main(["--development", str(folder / "development.safetensors"), "--fits", str(folder / out)])
    return {path.name: path.read_bytes() for path in sorted((folder / out).iterdir())}


def lambdas(*values: float) -> dict[str, object]:
    return {"kind": "l2", "lambdas": list(values)}


@pytest.mark.slow
def test_a_study_that_grows_trains_what_is_new_and_gives_the_bytes_of_a_new_one(
    folder, capfd, monkeypatch
):
    small = stage(folder, "small")
    assert "training 24 members; 0 taken from the store" in capfd.readouterr().err
    assert set(small) == {"cells.json", "linear.safetensors", "gru.safetensors"}
    assert stage(folder, "again") == small
    assert "all 24 members taken from the store" in capfd.readouterr().err

    large = stage(folder, "large", penalty=lambdas(0.0, 0.7, 2.0))
    assert "training 12 members; 24 taken from the store" in capfd.readouterr().err
    one_cell = stage(folder, "one", cells=["gru"])
    assert "all 12 members taken from the store" in capfd.readouterr().err
    assert one_cell["gru.safetensors"] == small["gru.safetensors"]
    assert stage(folder, "dropped", penalty=lambdas(2.0, 0.0)) == small

    (folder / ".ridgeline" / "members").rename(folder / "old")
    monkeypatch.setenv("RIDGELINE_WORKERS", "2")
    assert stage(folder, "empty", penalty=lambdas(0.0, 0.7, 2.0)) == large
    assert "training 36 members; 0 taken from the store" in capfd.readouterr().err


def test_the_fits_say_what_was_trained(folder):
    stage(folder, "fits")
    windows = synthetic_windows(groups=2)
    linear, gru = load_fits(folder / "fits")
    assert (linear.cell, gru.cell) == ("linear", "gru")
    for fit in (linear, gru):
        network = Network(**fit.config["network"])
        assert fit.folds == ("fold0", "fold1", "final")
        assert fit.m == tuple(fold.m for fold in windows.folds)
        assert fit.lambdas == (0.0, 2.0)
        assert fit.weights.shape == (3, 2, 2, network.parameters)
        assert np.isfinite(fit.weights).all()
        assert (fit.epochs == 4).all()
        assert np.isfinite(fit.train_loss).all()
        assert np.isnan(fit.validation_loss[2]).all()
        assert set(fit.window_losses) == {"mse", "mae"} == set(fit.train_losses)
        assert all(set(folds) == {"fold0", "fold1"} for folds in fit.window_losses.values())
        for f, fold in enumerate(windows.folds[:2]):
            losses = fit.window_losses["mse"][fold.name]
            assert losses.shape == (2, 2, len(fold.validation))
            np.testing.assert_allclose(losses.mean(2), fit.validation_loss[f, :, :, -1], rtol=1e-12)
            absolute = fit.window_losses["mae"][fold.name]
            assert (absolute**2 < losses).all()  # Jensen
            data = Scaled.of(
                windows.layout,
                windows.values,
                windows.levels,
                windows.starts,
                fold.center,
                fold.scale,
            )
            error = forecast(network, fit.weights[f, 1], data, fold.validation) - windows.targets(
                fold.validation
            )
            group = windows.group_origin(fold.validation)[0]
            error /= windows.scale[group][:, None, :1]  # the split's training part
            np.testing.assert_allclose(absolute[1], np.abs(error).mean((2, 3)), rtol=1e-5)
        for g in (1, 2, 3):
            weights = fit.weights[..., network.groups == g].astype(float)
            truth = np.sqrt((weights**2).sum(-1))
            np.testing.assert_allclose(fit.norms[..., g - 1], truth, rtol=1e-12)
    assert linear.state_gradients.shape == (3, 2, 2, 2, 0, 1)
    assert (gru.state_gradients.shape, gru.spectral_radii.shape) == (
        (3, 2, 2, 2, 1, 6),
        (3, 2, 2, 1, 3),
    )
    start, end = gru.state_gradients[..., 0, :, :], gru.state_gradients[..., 1, :, :]
    assert (gru.state_gradients > 0).all()
    np.testing.assert_array_equal(start[:, 0], start[:, 1])  # one start for all λ
    assert (end[:, 0] != end[:, 1]).all()
    # λ costs training error and shrinks the head of the same network.
    assert (linear.norms[:, 1, :, 2] < linear.norms[:, 0, :, 2]).all()


@pytest.mark.slow
def test_the_curves_are_of_the_loss_that_is_trained(folder):
    longer = {"cells": ["linear"], "epochs": 300, "batch_size": 1000, "learning_rate": 0.05}
    stage(folder, "fits", **longer, loss="absolute")
    stage(folder, "squared", **longer)
    (fit,), (squared,) = load_fits(folder / "fits"), load_fits(folder / "squared")
    assert (fit.config["loss"], squared.config["loss"]) == ("absolute", "squared")
    for f in range(2):
        mae = fit.window_losses["mae"][f"fold{f}"].mean(2)
        np.testing.assert_allclose(mae, fit.validation_loss[f, :, :, -1], rtol=1e-12)
    assert (fit.train_losses["mae"] < squared.train_losses["mae"]).all()
    assert (fit.train_losses["mse"] > squared.train_losses["mse"]).all()


def test_an_l1_path_has_zeros_in_the_fits(folder):
    penalty = {"kind": "elastic_net", "ratio": 0.9, "lambdas": [0.0, 5.0, 500.0]}
    stage(folder, "fits", penalty=penalty, epochs=150, batch_size=1000)
    linear, gru = load_fits(folder / "fits")
    assert (gru.config["penalty"], gru.config["ratio"]) == ("elastic_net", 0.9)
    assert (gru.zeros[:, 0] == 0).all()
    assert (gru.zeros[:, 2] == 1).all()
    assert np.isnan(linear.zeros[..., :2]).all()
    np.testing.assert_array_equal(linear.zeros[:, 2, :, 2], 1)
    assert (np.diff(linear.zeros[..., 2], axis=1) >= 0).all()


def test_a_decay_that_takes_whole_weights_is_refused_before_any_work(folder):
    penalty = {"kind": "decoupled", "lambdas": [0.0, 1e6]}
    with pytest.raises(ValueError, match="λ = 1e\\+06 under decoupled decay takes"):
        stage(folder, "fits", penalty=penalty)
    assert not (folder / ".ridgeline").exists()


def test_folds_with_the_same_data_train_once(folder, capfd):
    """As under window.final_fit = train with one fold: the final fold lacks a validation part alone."""
    windows = synthetic_windows(groups=2)
    early = windows.folds[0]
    final = replace(early, name="final", validation=early.validation[:0])
    windows = replace(windows, folds=(early, replace(early, name="fold1"), final))
    windows.save(folder / "development.safetensors")
    stage(folder, "fits", cells=["gru"])
    stderr = capfd.readouterr().err
    assert "training 4 members; 0 taken from the store" in stderr
    assert "trained 4 members in" in stderr
    (fit,) = load_fits(folder / "fits")
    assert np.isnan(fit.validation_loss[2]).all()
    for name in ("train_loss", "validation_loss", "norms", "weights", "epochs"):
        np.testing.assert_array_equal(getattr(fit, name)[0], getattr(fit, name)[1])
    recipe = recipe_of(
        Network(**fit.config["network"]), batch_size=13, epochs=4, precision="float32"
    )
    members = [Member(lam, seed, "final", 4) for lam in (0.0, 2.0) for seed in (0, 1)]
    alone = trained(recipe, windows, members)  # on the final fold itself
    expected = [alone[member].weights for member in members]
    np.testing.assert_array_equal(fit.weights[2].reshape(4, -1), expected)


def test_a_final_fold_that_waits_for_its_epochs_trains_on_the_same_data_too(folder):
    windows = synthetic_windows(groups=2)
    early = windows.folds[0]
    final = replace(early, name="final", validation=early.validation[:0])
    replace(windows, folds=(early, final)).save(folder / "development.safetensors")
    changes = {"cells": ["rnn"], "epochs": 20, "learning_rate": 0.05, "early_stopping": 2}
    stage(folder, "fits", **changes, seeds=1)
    (fit,) = load_fits(folder / "fits")
    assert (fit.epochs[0] < 20).any()
    np.testing.assert_array_equal(fit.epochs[0], fit.epochs[1])
    np.testing.assert_array_equal(fit.weights[0], fit.weights[1])  # of one seed
    assert np.isnan(fit.validation_loss[1]).all()


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_a_damaged_member_is_reported_and_trained_again(folder, capfd, damage):
    whole = stage(folder, "fits", cells=["linear"])
    entries = sorted((folder / ".ridgeline" / "members").glob("*/*.member"))
    assert len(entries) == 12
    raw = bytearray(entries[3].read_bytes())
    raw[-5] ^= 4
    entries[3].write_bytes({"flip": bytes(raw), "truncate": raw[:-40]}[damage])
    capfd.readouterr()
    assert stage(folder, "again", cells=["linear"]) == whole
    stderr = capfd.readouterr().err
    assert f"{entries[3]} is damaged; it will be trained again" in stderr
    # Members of λ = 0 are trained before the others: they decide where early-stopped networks stop.
    assert re.search(r"training 1 members; (3|11) taken from the store", stderr)


@pytest.mark.slow
def test_the_final_fold_is_trained_for_the_best_epoch_of_its_lambda(folder):
    changes = {
        "cells": ["rnn"], "seeds": 3, "epochs": 40, "learning_rate": 0.05, "early_stopping": 2
    }  # fmt: skip
    stage(folder, "fits", **changes)
    fit = load_fits(folder / "fits")[0]
    share = [len(fold.validation) for fold in synthetic_windows(groups=2).folds[:2]]
    path = np.average(fit.validation_loss[:2].mean(2), axis=0, weights=share)  # (Λ, E)
    for i in range(2):
        expected = np.nanargmin(path[i]) + 1
        assert 1 < expected < 40
        assert (fit.epochs[2, i] == expected).all()
        assert np.isfinite(fit.train_loss[2, i, :, :expected]).all()
        assert np.isnan(fit.train_loss[2, i, :, expected:]).all()
    assert len(set(fit.epochs[:2].ravel())) > 1
    for f, s in np.ndindex(2, 3):
        for i in range(2):
            curve = fit.validation_loss[f, i, s]
            assert np.nanargmin(curve) + 1 == fit.epochs[f, i, s]


@pytest.mark.slow
def test_the_store_is_kept_within_its_limit(folder, monkeypatch):
    monkeypatch.setenv("RIDGELINE_STORE_GB", "0.00001")  # 10 kB
    small = stage(folder, "fits", cells=["linear"])
    left = list((folder / ".ridgeline" / "members").glob("*/*"))
    assert sum(path.stat().st_size for path in left) <= 10_000
    assert 0 < len(left) < 12
    assert stage(folder, "again", cells=["linear"]) == small


@pytest.mark.slow
def test_a_store_that_is_deleted_under_a_run_costs_time_alone(folder, monkeypatch):
    """As when another run prunes what this one has trained and not yet gathered."""
    changes = {"cells": ["linear", "rnn"], "early_stopping": 2}
    whole = stage(folder, "whole", **changes)
    members, left = folder / ".ridgeline" / "members", []
    shutil.rmtree(members)

    def train_and_lose(*args) -> None:
        train_jobs(*args)
        left.append(len(list(members.glob("*/*.member"))))
        if len(left) in (1, 3):  # the folds, and all
            shutil.rmtree(members)

    monkeypatch.setattr("stages.train.stage.train_jobs", train_and_lose)
    assert stage(folder, "again", **changes) == whole
    assert left == [16, 16, 24, 12, 24]  # again: a cell at a time


@pytest.mark.parametrize(
    ("name", "value"), [("RIDGELINE_WORKERS", "²"), ("RIDGELINE_STORE_GB", "nan")]
)
def test_bad_settings_are_said_before_any_work(folder, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name} = '{value}' must be a positive"):
        stage(folder, "fits")
    assert not (folder / "fits").exists()


def started(folder: Path, out: str, **variables: str) -> subprocess.Popen[str]:
    """The stage in a separate process, in a group that can be watched.

    Its numpy is pinned from the start, as in a run of the pipeline; the one of these tests may be older
    than the pin, and then sums in another order.
    """
    command = ["-m", "stages.train", "--development", "development.safetensors", "--fits", out]
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(folder: Path, out: str, **variables: str) -> dict[str, bytes]:
    """The bytes of all files that the stage wrote in a separate process."""
    process = started(folder, out, **variables)
    stderr = process.communicate()[1]
    assert process.returncode == 0, stderr
    return {path.name: path.read_bytes() for path in sorted((folder / out).iterdir())}


def alive(group: int) -> list[int]:
    """Processes of a group that are not zombies."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            pids.append(int(entry.name))
    return pids


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are watched through /proc")
def test_a_run_whose_parent_is_killed_goes_on_to_the_same_bytes(folder):
    """kill -9 of the stage itself: its workers end within seconds and leave their checkpoints."""
    few = lambdas(2.0)  # few members, each long enough for a checkpoint
    write_params(folder, cells=["gru"], hidden=16, epochs=8000, batch_size=8, seeds=1, penalty=few)
    whole = finished(folder, "whole", RIDGELINE_WORKERS="2")
    (folder / ".ridgeline" / "members").rename(folder / "whole_store")
    process = started(folder, "fits", RIDGELINE_WORKERS="2")
    store = folder / ".ridgeline" / "members"
    for _ in range(600):
        if list(store.glob("*/*.partial")):
            break
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    for _ in range(600):
        if not alive(process.pid):
            break
        time.sleep(0.05)
    assert not alive(process.pid)
    assert list(store.glob("*/*.partial"))
    assert finished(folder, "fits") == whole
    assert not list(store.glob("*/*.partial"))


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="names of x86-64 processors"
)
def test_an_old_processor_gives_the_same_bytes(folder):
    """nehalem has neither AVX nor fused multiply-adds, so its code shares no instruction with this
    machine's wide one: what agrees with it agrees by construction."""
    write_params(folder, cells=["rnn", "gru", "lstm"], layers=2, dropout=0.2, epochs=2)
    older = {"NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": ""}
    compiled = {"RIDGELINE_COMPILED": os.environ["RIDGELINE_COMPILED"] + "-nehalem"}
    assert finished(folder, "old", **older, **compiled) == finished(folder, "new")

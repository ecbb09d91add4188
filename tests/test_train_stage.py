"""`python -m stages.train` on a small made development file, with a full, an empty and a damaged store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from stages.artifacts.fits import load_fits
from stages.networks.shape import Network
from stages.train.__main__ import main
from tests.made_windows import made_windows

TRAIN = {
    "cells": ["linear", "gru"],
    "hidden": 5,
    "penalty": {"kind": "l2", "lambdas": [0.0, 2.0]},
    "seeds": 2,
    "epochs": 4,
    "batch_size": 13,
    "learning_rate": 0.01,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with development data and no store."""
    made_windows(groups=2).save(tmp_path / "development.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("RIDGELINE_WORKERS", "1")
    return tmp_path


def stage(folder: Path, out: str, **changes) -> dict[str, bytes]:
    """Run the stage; the bytes of all files it wrote."""
    params = {**TRAIN, **changes}
    (folder / "params.yaml").write_text(yaml.safe_dump({"train": params}), encoding="utf-8")
    main(["--development", str(folder / "development.safetensors"), "--fits", str(folder / out)])
    return {path.name: path.read_bytes() for path in sorted((folder / out).iterdir())}


def lambdas(*values: float) -> dict[str, object]:
    return {"kind": "l2", "lambdas": list(values)}


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
    windows = made_windows(groups=2)
    linear, gru = load_fits(folder / "fits")
    assert (linear.cell, gru.cell) == ("linear", "gru")
    for fit in (linear, gru):
        network = Network(**fit.config["network"])
        assert fit.folds == ("fold0", "fold1", "final")
        assert fit.m == tuple(fold.m for fold in windows.folds)
        assert fit.lambdas == (0.0, 2.0)
        assert fit.weights.shape == (2, 2, network.parameters)
        assert np.isfinite(fit.weights).all()
        assert (fit.epochs == 4).all()
        assert np.isfinite(fit.train_loss).all()
        assert np.isnan(fit.validation_loss[2]).all()
        assert set(fit.window_losses) == {"fold0", "fold1"}
        for f, fold in enumerate(windows.folds[:2]):
            losses = fit.window_losses[fold.name]
            assert losses.shape == (2, 2, len(fold.validation))
            np.testing.assert_allclose(losses.mean(2), fit.validation_loss[f, :, :, -1], rtol=1e-12)
        for g in (1, 2, 3):
            own = fit.weights[..., network.groups == g].astype(float)
            truth = np.sqrt((own**2).sum(-1))
            np.testing.assert_allclose(fit.norms[-1, :, :, g - 1], truth, rtol=1e-12)
        losses = [fit.window_losses[fold].mean(2) for fold in ("fold0", "fold1")]
        np.testing.assert_array_equal(fit.gap(), fit.train_mse[:2] - np.stack(losses))
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


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_a_damaged_member_is_said_and_trained_again(folder, capfd, damage):
    whole = stage(folder, "fits", cells=["linear"])
    found = sorted((folder / ".ridgeline" / "members").glob("*/*.member"))
    assert len(found) == 12
    raw = bytearray(found[3].read_bytes())
    raw[-5] ^= 4
    found[3].write_bytes({"flip": bytes(raw), "truncate": raw[:-40]}[damage])
    capfd.readouterr()
    assert stage(folder, "again", cells=["linear"]) == whole
    said = capfd.readouterr().err
    assert f"{found[3]} is damaged; it will be trained again" in said
    assert "training 1 members; 11 taken from the store" in said


def test_the_final_fold_is_trained_for_the_median_best_epoch_of_its_lambda(folder):
    changes = {
        "cells": ["rnn"], "seeds": 3, "epochs": 40, "learning_rate": 0.05, "early_stopping": 2
    }  # fmt: skip
    stage(folder, "fits", **changes)
    fit = load_fits(folder / "fits")[0]
    best = fit.epochs[:2].transpose(1, 0, 2).reshape(2, -1)  # (Λ, folds · S)
    assert best.max() < 40
    assert len(set(best.ravel())) > 1
    for i in range(2):
        expected = max(1, round(float(np.median(best[i]))))
        assert (fit.epochs[2, i] == expected).all()
        assert np.isfinite(fit.train_loss[2, i, :, :expected]).all()
        assert np.isnan(fit.train_loss[2, i, :, expected:]).all()
    for f, s in np.ndindex(2, 3):
        for i in range(2):
            curve = fit.validation_loss[f, i, s]
            assert np.nanargmin(curve) + 1 == fit.epochs[f, i, s]


def test_the_store_is_kept_within_its_limit(folder, monkeypatch):
    monkeypatch.setenv("RIDGELINE_STORE_GB", "0.00001")  # 10 kB
    small = stage(folder, "fits", cells=["linear"])
    left = list((folder / ".ridgeline" / "members").glob("*/*"))
    assert sum(path.stat().st_size for path in left) <= 10_000
    assert 0 < len(left) < 12
    assert stage(folder, "again", cells=["linear"]) == small


@pytest.mark.parametrize(
    ("name", "value"), [("RIDGELINE_WORKERS", "²"), ("RIDGELINE_STORE_GB", "nan")]
)
def test_bad_settings_are_said_before_any_work(folder, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name} = '{value}' must be a positive"):
        stage(folder, "fits")
    assert not (folder / "fits").exists()

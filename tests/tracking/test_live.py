"""What is shown while a study trains, and logged by the process that watches it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from filelock import Timeout

from stages.artifacts.windows import Windows
from stages.environment import members_folder
from stages.params import load_section
from stages.tracking.store import log as logging
from stages.tracking.store import pending
from stages.train import stage as study
from stages.train.params import TrainParams
from stages.train.planning.study_plan import Plan
from stages.train.pool.processes import Pool, train_jobs
from stages.train.pool.store import MemberStore
from tests.support.logged import RUNS, Store, live, log, start

# MLflow's use of SQLAlchemy
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def planned(folder: Path, **changes) -> Plan:
    """Two networks of one λ in each fold."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    small = {
        "cells": ["rnn"], "penalty": {"kind": "l2", "lambdas": [1.0]}, "seeds": 2, "hidden": 4, "segment": 1,
    }  # fmt: skip
    params["train"] |= small | changes
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    windows = Windows.load(folder / "development")
    return Plan(load_section("params.yaml", "train", TrainParams), windows)


def points(values: Iterable[float], first: int = 1) -> list[tuple[int, Any]]:
    """A curve as the store has it, from this step on, to the last few bits."""
    return [(step, pytest.approx(value)) for step, value in enumerate(values, first)]


def test_curves_grow_while_a_study_trains(folder):
    """The member store as a training leaves it: checkpoints of an epoch, then the finished networks."""
    keys: dict[str, list[str]] = {}
    for job in planned(folder, epochs=5).jobs({}):
        keys.setdefault(job.member.fold, []).append(job.key)
    store = MemberStore(folder / ".ridgeline/members")
    train, validation = np.random.default_rng(1).random((2, 3, 2, 5))  # fold, seed, epoch

    def reach(fold: int, seed: int, epoch: int) -> None:
        curves = np.full((5, 4), np.nan)
        curves[:epoch, :2] = np.stack([train[fold, seed], validation[fold, seed]], 1)[:epoch]
        where = {"epoch": epoch, "batch": 0}
        store.put(keys[list(keys)[fold]][seed], {"curves": curves}, where, partial=True)

    def finish(fold: int, seed: int) -> None:
        done = {"train_loss": train[fold, seed], "validation_loss": validation[fold, seed]}
        store.put(keys[list(keys)[fold]][seed], done, {"epochs": 5})

    watched = live(folder)
    watched.show()
    reach(1, 0, 3)
    reach(0, 0, 3)
    reach(0, 1, 3)
    watched.show()
    assert Store(folder).experiment is None  # nothing that all seeds of a shown fold have reached
    reach(1, 1, 2)
    watched.show()
    run = Store(folder).named("rnn λ=1")
    assert run.info.status == "RUNNING"

    def shown(name: str) -> list[tuple[int, float]]:
        return Store(folder).history(run, f"live/{name}")

    mean = validation[1].mean(0)
    assert shown("validation_loss") == points(mean[:2])
    assert shown("train_loss") == []  # of the final fold
    finish(1, 0)
    finish(1, 1)
    finish(2, 0)
    reach(2, 1, 4)
    watched.show()
    assert [step for step, _ in shown("validation_loss")] == [1, 2, 3, 4, 5]  # only what is new
    assert [value for _, value in shown("validation_loss")] == pytest.approx(list(mean))
    assert [value for _, value in shown("train_loss")] == pytest.approx(list(train[2].mean(0)[:4]))
    assert shown("networks") == [(3, 0.5)]
    watched.stop()
    assert Store(folder).named("rnn λ=1").info.status == "KILLED"
    watched.finish()  # the same run is completed
    assert Store(folder).named("rnn λ=1").info.run_id == run.info.run_id
    assert len(Store(folder).runs) == RUNS - 1


def test_with_early_stopping_the_final_fold_is_shown_once_its_epochs_are_known(folder, monkeypatch):
    """A study that is really trained, first its folds that have a validation part, then all of it."""
    plan = planned(folder, epochs=40, learning_rate=0.1, batch_size=16, early_stopping=2)
    threads = partial(Pool, ThreadPoolExecutor)
    monkeypatch.setattr(study, "Pool", threads)
    monkeypatch.setenv("RIDGELINE_WORKERS", "1")
    store, watched = MemberStore(members_folder()), live(folder)
    with threads() as pool:
        train_jobs(folder / "development", plan.jobs({}), store, pool)
    watched.show()
    run = Store(folder).named("rnn λ=1")
    assert Store(folder).history(run, "live/networks") == points([4 / 6], first=4)
    assert Store(folder).history(run, "live/train_loss") == []
    (fit,) = study.train_study(folder / "development", plan.params, store)
    watched.show()
    assert Store(folder).history(run, "live/networks")[1:] == [(6, 1.0)]
    epochs = int(fit.epochs[2, 0, 0])
    assert 0 < epochs < 40
    means = fit.train_loss[2, 0].mean(0)[:epochs]
    assert Store(folder).history(run, "live/train_loss") == points(means)


def test_early_stopped_networks_are_in_no_run(folder, monkeypatch):
    """The store has them at the first look, as where a study is trained again."""
    plan = planned(folder, epochs=40, learning_rate=0.3, batch_size=8, penalty={"lambdas": [0.0]})
    monkeypatch.setattr(study, "Pool", partial(Pool, ThreadPoolExecutor))
    (fit,) = study.train_study(folder / "development", plan.params, MemberStore(members_folder()))
    assert 0 < fit.stopped_epochs < 40
    live(folder).show()
    run = Store(folder).named("rnn λ=0")
    assert Store(folder).history(run, "live/networks") == [(6, 1.0)]
    shown: list[Any] = [
        (epoch, pytest.approx(mean)) for epoch, mean in enumerate(fit.train_loss[2, 0].mean(0), 1)
    ]
    assert Store(folder).history(run, "live/train_loss") == shown


@pytest.mark.slow
def test_the_report_leaves_it_to_the_watching_process(folder, capsys):
    """It waits for that process, and prints that process's error instead of trying again."""
    lock = logging.watching()
    failed = Path(lock.lock_file).with_suffix(".failed")
    failed.write_text("no route to host")
    log()
    assert "the study (no route to host)" in capsys.readouterr().err
    assert not failed.exists()
    assert Store(folder).experiment is None
    stale = pending.pending()[0]
    flags = ["--development", "development", "--fits", "fits", "--pid"]
    with subprocess.Popen(["sleep", "600"]) as pipeline:
        try:
            watcher = start(folder, "watch", *flags, str(pipeline.pid))
            while not taken(lock):
                time.sleep(0.1)
            assert watcher.poll() is None  # the earlier note is not this pipeline's
            stale.save()
            assert watcher.communicate(timeout=240) == ("", "")  # now it is: logged, and over
            assert len(Store(folder).runs) == RUNS
            assert not pending.pending()
            watcher = start(folder, "watch", *flags, str(pipeline.pid))
        finally:
            pipeline.kill()
    assert watcher.communicate(timeout=240) == ("", "")  # it ends with the pipeline


def taken(lock) -> bool:
    """Whether another process holds the lock."""
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True

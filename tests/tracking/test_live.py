"""What is shown and logged while a study trains, and by the process beside it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import Timeout

from stages.tracking import log as logging
from stages.tracking import note
from tests.tracking.logged import RUNS, Store, live, log, start

# MLflow's own use of SQLAlchemy
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def test_curves_grow_while_a_study_trains(folder, monkeypatch):
    """The member store as a training leaves it: checkpoints of an epoch, then the finished networks."""
    from stages.tracking import live as module
    from stages.train.store import MemberStore

    keys = {fold: [f"{fold}{seed}" for seed in (0, 1)] for fold in ("fold0", "fold1", "final")}
    monkeypatch.setattr(module, "_member_keys", lambda development: {("rnn", 1.0): keys})
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
    assert shown("validation_loss") == [(1, pytest.approx(mean[0])), (2, pytest.approx(mean[1]))]
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


def test_the_watched_networks_are_those_that_training_keeps(folder, tmp_path):
    """The keys that are looked for are the keys that `train_study` asks the store for."""
    from stages.params import load_section
    from stages.tracking.live import _member_keys
    from stages.train import study
    from stages.train.params import TrainParams

    asked: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            study, "train_jobs", lambda path, jobs, store: asked.update(j.key for j in jobs)
        )
        patch.setattr(study, "_fit", lambda *args, **kwargs: None)
        params = load_section("params.yaml", "train", TrainParams)
        study.train_study(folder / "development", params, None)
    watched = _member_keys(folder / "development").values()
    assert {key for folds in watched for keys in folds.values() for key in keys} == asked


def test_the_report_leaves_it_to_the_process_beside_it(folder, capsys):
    """It waits for that process, and says what that process met instead of trying again."""
    lock = logging.watching()
    failed = Path(lock.lock_file).with_suffix(".failed")
    failed.write_text("no route to host")
    log()
    assert "the study (no route to host)" in capsys.readouterr().err
    assert not failed.exists()
    assert Store(folder).experiment is None
    stale = note.pending()[0]
    flags = ["--development", "development", "--fits", "fits", "--pid"]
    with subprocess.Popen(["sleep", "600"]) as pipeline:
        try:
            beside = start(folder, "watch", *flags, str(pipeline.pid))
            while not taken(lock):
                time.sleep(0.1)
            assert beside.poll() is None  # the note of before is none of its business
            stale.save()
            assert beside.communicate(timeout=240) == ("", "")  # now it is: logged, and over
            assert len(Store(folder).runs) == RUNS
            assert not note.pending()
            beside = start(folder, "watch", *flags, str(pipeline.pid))
        finally:
            pipeline.kill()
    assert beside.communicate(timeout=240) == ("", "")  # it ends with the pipeline


def taken(lock) -> bool:
    """Whether another process holds the lock."""
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True

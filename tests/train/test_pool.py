"""The pool of workers: any number of them, or one that dies, leaves the same store."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.environment import store_bytes, tracking_seconds, workers
from stages.train import stage
from stages.train.planning.key import common_parts, fold_digest, member_key
from stages.train.planning.study_plan import Job
from stages.train.pool.counters import new_counters
from stages.train.pool.processes import Pool, even_parts, local_processes, train_jobs
from stages.train.pool.store import MemberStore
from stages.train.pool.worker import Task, run_task
from tests.support.closure import ROOT
from tests.support.members import CASES, WINDOWS, members_of, recipe_for

# Epochs of about four seconds of training: longer than it takes to the first checkpoint.
SECONDS = {"linear": 55_000, "rnn": 18_000, "gru": 28_000, "lstm": 18_000}


def jobs_for(folder: Path, epochs: int, cell: str = "lstm") -> tuple[Path, list[Job]]:
    path = folder / "development.safetensors"
    WINDOWS.save(path)
    recipe = recipe_for(cell, epochs)
    parts = common_parts(recipe, fold_digest(WINDOWS, WINDOWS.folds[1]))
    steps = epochs * -(-WINDOWS.folds[1].m // recipe.batch_size)
    members = members_of(9, epochs)
    return path, [Job(recipe, m, "fold1", parts, member_key(parts, m), steps) for m in members]


def task_of(path: Path, jobs: list[Job], store: MemberStore, counters: Path) -> Task:
    return Task(
        path, jobs[0].recipe, "fold1", jobs[0].parts, tuple(j.member for j in jobs),
        tuple(j.key for j in jobs), store.root, counters, 1,
    )  # fmt: skip


def train_in(executor, path: Path, jobs: list[Job], store: MemberStore) -> None:
    with Pool(executor) as pool:
        train_jobs(path, jobs, store, pool)


def contents(store: MemberStore, jobs: list[Job]) -> list[bytes]:
    return [(store.root / j.key[:2] / f"{j.key}.member").read_bytes() for j in jobs]


@pytest.mark.parametrize("cell", CASES)
def test_any_executor_with_any_number_of_workers_gives_the_same_store(cell, tmp_path, monkeypatch):
    path, jobs = jobs_for(tmp_path, 3, cell)
    stores = []
    for count in (1, 2, 3):
        monkeypatch.setenv("RIDGELINE_WORKERS", str(count))
        store = MemberStore(tmp_path / str(count))
        train_in(ThreadPoolExecutor, path, jobs, store)
        stores.append(contents(store, jobs))
    assert stores[1:] == stores[:1] * 2


@pytest.mark.slow
def test_one_worker_process_and_two_give_the_same_store(tmp_path, monkeypatch):
    path, jobs = jobs_for(tmp_path, 20)
    stores = []
    for count in ("1", "2"):
        monkeypatch.setenv("RIDGELINE_WORKERS", count)
        store = MemberStore(tmp_path / count)
        train_in(local_processes, path, jobs, store)
        stores.append(contents(store, jobs))
    assert stores[0] == stores[1]


@pytest.mark.slow
def test_workers_that_are_killed_change_no_byte(tmp_path, monkeypatch, capfd):
    """Twice, at random moments: each cell's network is cut off once, some time after a checkpoint."""
    monkeypatch.setenv("RIDGELINE_WORKERS", "2")
    jobs = [jobs_for(tmp_path, epochs, cell)[1][4] for cell, epochs in SECONDS.items()]
    whole, killed = (MemberStore(tmp_path / name) for name in ("whole", "killed"))
    train_in(local_processes, tmp_path / "development.safetensors", jobs, whole)
    cut_off: set[str] = set()

    def kill() -> None:
        for _ in range(2):
            fresh: set[str] = set()
            end = time.monotonic() + 60
            while len(fresh) < 2 and time.monotonic() < end:
                time.sleep(0.02)
                fresh = {path.stem for path in killed.root.glob("*/[!.]*.partial")} - cut_off
            time.sleep(random.uniform(0, 0.5))
            os.kill(children(os.getpid())[0], signal.SIGKILL)
            cut_off.update(fresh)

    killer = threading.Thread(target=kill)
    killer.start()
    train_in(local_processes, tmp_path / "development.safetensors", jobs, killed)
    killer.join()
    assert cut_off == {job.key for job in jobs}
    assert contents(killed, jobs) == contents(whole, jobs)
    assert capfd.readouterr().err.count("a worker died; its members go on") == 2


def children(parent: int) -> list[int]:
    """Spawned worker processes of a process (not multiprocessing's resource tracker)."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(status[1]) == parent and b"spawn_main" in (entry / "cmdline").read_bytes():
                pids.append(int(entry.name))
        except OSError:
            continue
    return pids


def test_workers_that_die_again_and_again_end_the_run_with_a_remedy(tmp_path, capfd):
    class Broken(ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            raise BrokenProcessPool

    path, jobs = jobs_for(tmp_path, 1)
    with pytest.raises(RuntimeError, match=r"a worker died 3 times.*RIDGELINE_WORKERS=1"):
        train_in(Broken, path, jobs, MemberStore(tmp_path / "store"))
    assert capfd.readouterr().err.count("its members go on from their last checkpoint") == 2


def test_results_that_do_not_arrive_end_the_run_with_a_remedy(tmp_path, capfd):
    """As of workers that write to a store of their own machine."""

    class Elsewhere(ThreadPoolExecutor):
        def submit(self, work, /, *tasks, **more):
            moved = (replace(task, store=tmp_path / "elsewhere") for task in tasks)
            return super().submit(work, *moved, **more)

    path, jobs = jobs_for(tmp_path, 1)
    store = MemberStore(tmp_path / "store")
    store.put(jobs[0].key, {}, {})
    with pytest.raises(
        RuntimeError, match=r"8 of 8 members did not arrive in \S+/store in 3 attempts.*let all"
    ):
        train_in(Elsewhere, path, jobs, store)
    assert len(contents(MemberStore(tmp_path / "elsewhere"), jobs[1:])) == 8
    assert "trained 0 members" in capfd.readouterr().err


def test_members_that_vanish_again_and_again_end_the_run_with_a_remedy(tmp_path, monkeypatch):
    path, jobs = jobs_for(tmp_path, 1)
    calls: list[int] = []
    monkeypatch.setattr(stage, "train_jobs", lambda path, jobs, *_: calls.append(len(jobs)))
    with pytest.raises(RuntimeError, match=r"members vanish from .*RIDGELINE_STORE_GB higher"):
        list(stage._entries(path, jobs, MemberStore(tmp_path / "store"), Pool()))
    assert calls == [9, 9]


@pytest.mark.parametrize(
    ("part", "setting"),
    [("code", {}), ("instructions, NUMBA_CPU_NAME", {"NUMBA_CPU_NAME": "nehalem"})],
)
def test_a_worker_that_would_train_something_else_refuses(part, setting, tmp_path):
    path, jobs = jobs_for(tmp_path, 1)
    store, other = MemberStore(tmp_path / "store"), ROOT
    if part == "code":
        other = tmp_path / "repository"
        shutil.copytree(ROOT / "stages", other / "stages")
        with (other / "stages/networks/kernels/evaluation.py").open("a") as file:
            file.write("# another commit\n")
    task = tmp_path / "task"
    task.write_bytes(pickle.dumps(task_of(path, jobs, store, tmp_path / "counters")))
    code = "import pickle, sys; from stages.train.pool.worker import run_task; "
    code += "run_task(pickle.load(open(sys.argv[1], 'rb')))"
    environment = {**os.environ, **setting, "PYTHONPATH": str(other)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(task)], cwd=other, env=environment, capture_output=True, text=True
    )  # fmt: skip
    error = done.stderr.splitlines()[-1]
    assert f"something other than planned: {part}: {setting.get('NUMBA_CPU_NAME', '')}" in error
    assert error.count(" in the plan") == 1
    assert "the same commit, data and RIDGELINE and NUMBA variables" in error
    assert not store.root.exists()


def test_a_worker_refuses_other_data_and_names_them(tmp_path):
    path, jobs = jobs_for(tmp_path, 1)
    store = MemberStore(tmp_path / "store")
    replace(WINDOWS, values=WINDOWS.values + 1e-9).save(path)
    with pytest.raises(
        ValueError, match=r"than planned: data: \w{64} here, \w{64} in the plan; give"
    ):
        train_in(ThreadPoolExecutor, path, jobs, store)
    assert not store.root.exists()


def test_a_task_trains_what_the_store_lacks(tmp_path):
    path, jobs = jobs_for(tmp_path, 3)
    store = MemberStore(tmp_path / "store")
    counters = new_counters(tmp_path / "counters", 2)

    run_task(task_of(path, jobs[:3], store, tmp_path / "counters"))
    before = contents(store, jobs[:3])
    run_task(task_of(path, jobs, store, tmp_path / "counters"))
    assert contents(store, jobs[:3]) == before
    assert counters[0].tolist() == [0, 0, 0]
    assert counters[1].tolist() == [sum(job.steps for job in jobs), 12, 0]  # the first three twice


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("RIDGELINE_WORKERS", workers),
        ("RIDGELINE_STORE_GB", store_bytes),
        ("RIDGELINE_TRACKING_SECONDS", tracking_seconds),
    ],
)
def test_bad_settings_are_refused(monkeypatch, name, read):
    for value in ("0", "many", "-1"):
        monkeypatch.setenv(name, value)
        with pytest.raises(ValueError, match=f"{name} = '{value}' must be a positive"):
            read()


def test_the_process_that_gives_out_the_work_imports_no_compiler():
    code = "import sys, stages.train.stage; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@given(st.integers(1, 300), st.integers(1, 40))
def test_tasks_are_even(count, size):
    jobs = list(range(count))
    parts = even_parts(jobs, size)
    assert [job for part in parts for job in part] == jobs
    sizes = {len(part) for part in parts}
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) == -(-count // size)

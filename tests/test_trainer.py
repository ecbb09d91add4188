"""A member's bits depend on nothing but what it is."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.artifacts.windows import Windows
from stages.networks.initial import initial_weights
from stages.networks.shape import Network
from stages.train.board import new_board
from stages.train.members import Member, Recipe, fold_digest, member_key
from stages.train.pool import Job, train_jobs, workers
from stages.train.state import State, fold_data, start_state
from stages.train.store import MemberStore, limit_bytes
from stages.train.trainer import Chunk, Outcome
from stages.train.worker import Task, _groups, run_task
from tests.made_windows import made_windows

WINDOWS = made_windows(
    steps=120, groups=2, features=2, lookback=12, horizon=5, normalise="instance"
)
EVEN = made_windows(steps=150, features=1, lookback=16, horizon=4)
ODD = made_windows(steps=131, groups=3, features=3, lookback=13, horizon=1, normalise="last")
CASES = {
    # lookbacks, hidden sizes and batch sizes that do not divide evenly
    "linear": (Network("linear", 2, 5, 12, 1, 1, normalise="instance"), 33),
    "rnn": (Network("rnn", 2, 5, 12, 1, 5, layers=2, dropout=0.3, normalise="instance"), 37),
    "gru": (Network("gru", 2, 5, 12, 1, 7, segment=3, normalise="instance"), 19),
    "lstm": (Network("lstm", 2, 5, 12, 1, 9, normalise="instance"), 50),
}


def recipe_for(cell: str, epochs: int = 4, patience: int | None = None) -> Recipe:
    network, batch = CASES[cell]
    return Recipe(
        network, epochs, batch, "adam", 0.0, 0.01, "cosine", 1.0, patience, (1.0, 0.5, 2.0)
    )


def members_of(count: int, epochs: int = 4, fold: str = "fold1") -> list[Member]:
    return [Member(0.3 * (i // 3), i % 3, fold, epochs) for i in range(count)]


def train(
    recipe: Recipe, members: list[Member], windows: Windows = WINDOWS
) -> dict[Member, Outcome]:
    fold = next(f for f in windows.folds if f.name == members[0].fold)
    found: dict[Member, Outcome] = {}
    data = fold_data(windows, fold, recipe.precision)
    Chunk(recipe, data, members, start_state(recipe, members), found.__setitem__).run()
    return found


def assert_same(one: Outcome, two: Outcome) -> None:
    for name in ("weights", "curves", "window_losses", "state_gradients"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.train_mse, one.epochs) == (two.train_mse, two.epochs)


@pytest.mark.parametrize("cell", CASES)
def test_bits_do_not_depend_on_company(cell):
    recipe = recipe_for(cell)
    own = members_of(51)
    alone = train(recipe, [own[4]])[own[4]]
    assert np.isfinite(alone.weights).all()
    assert np.isfinite(alone.curves).all()
    for company in (own[4:7], own[:10], own[9::-1], own):
        assert_same(train(recipe, company)[own[4]], alone)
    assert_same(train(recipe, [own[4]])[own[4]], alone)
    other = train(recipe, [own[7]])[own[7]]  # same seed, another λ
    assert not np.array_equal(other.weights, alone.weights)


@pytest.mark.parametrize("cell", CASES)
@pytest.mark.parametrize(
    ("windows", "shape", "batch"),
    [(EVEN, (1, 4, 16, 1, 16), 32), (ODD, (3, 1, 13, 1, 21), 29)],
    ids=["even", "odd"],
)
def test_nor_in_other_shapes(cell, windows, shape, batch):
    network = Network(cell, *shape, normalise=windows.layout.normalise)
    recipe = replace(recipe_for(cell), network=network, batch_size=batch)
    own = members_of(10)
    together = train(recipe, own, windows)
    for member in (own[0], own[9]):
        assert_same(train(recipe, [member], windows)[member], together[member])


@pytest.mark.parametrize("cell", CASES)
def test_nor_on_company_that_diverges(cell):
    network = replace(CASES[cell][0], dropout=0.3)
    recipe = replace(recipe_for(cell, 6), network=network, optimizer="sgd", clip_norm=None)
    own, lost = members_of(4, 6)[3], Member(1e12, 0, "fold1", 6)
    alone = train(recipe, [own])[own]
    assert np.isfinite(alone.weights).all()
    for company in ([lost, own], [own, lost]):
        found = train(recipe, company)
        assert not np.isfinite(found[lost].weights).any()
        assert_same(found[own], alone)


@pytest.mark.parametrize("cell", CASES)
def test_any_executor_with_any_number_of_workers_gives_the_same_store(cell, tmp_path, monkeypatch):
    path, jobs = jobs_for(tmp_path, 3, cell)
    found = []
    for count in (1, 2, 3):
        monkeypatch.setenv("RIDGELINE_WORKERS", str(count))
        store = MemberStore(tmp_path / str(count))
        train_jobs(path, jobs, store, ThreadPoolExecutor)
        found.append(contents(store, jobs))
    assert found[1:] == found[:1] * 2


def test_seeds_are_common_to_all_lambdas():
    network = CASES["lstm"][0]
    recipe = recipe_for("lstm")
    state = start_state(recipe, members_of(6))
    np.testing.assert_array_equal(state.weights[1], state.weights[4])
    assert not np.array_equal(state.weights[0], state.weights[1])
    w = initial_weights(network, 1)[: network.matrices[0].size].reshape(4 * 9, -1)
    for gate in range(4):
        block = w[9 * gate : 9 * gate + 9, 3:]
        np.testing.assert_allclose(block @ block.T, np.eye(9), atol=1e-12)
    np.testing.assert_array_equal(w[:, 2], np.repeat([0.0, 1.0, 0.0, 0.0], 9))


class KilledError(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize("cell", CASES)
def test_an_interrupted_member_goes_on_to_the_same_bits(cell, tmp_path, monkeypatch):
    recipe = recipe_for(cell)
    members = members_of(5)
    whole = train(recipe, members)
    data = fold_data(WINDOWS, WINDOWS.folds[1], "float32")
    store, keys = MemberStore(tmp_path), {m: f"{i:02d}{'a' * 62}" for i, m in enumerate(members)}
    rng = np.random.default_rng(5)
    found: dict[Member, Outcome] = {}

    def pause(chunk: Chunk) -> None:
        for k, member in enumerate(chunk.members):
            arrays = {name: getattr(chunk.state, name)[k] for name in State.ARRAYS}
            place = {"epoch": chunk.state.epoch, "batch": chunk.state.batch}
            store.put(keys[member], arrays, place, partial=True)
        if rng.random() < 0.4:
            raise KilledError

    for _ in range(200):
        left = [m for m in members if m not in found]
        if not left:
            break
        try:
            for group, state in _groups(recipe, left, keys, store):
                Chunk(recipe, data, group, state, found.__setitem__, pause).run()
        except KilledError:
            continue
    assert set(found) == set(members)
    for member in members:
        assert_same(found[member], whole[member])


def test_early_stopping_keeps_the_best_epoch():
    recipe = recipe_for("gru", epochs=60, patience=3)
    for member, outcome in train(recipe, members_of(4, 60)).items():
        validation = outcome.curves[:, 1]
        seen = validation[np.isfinite(validation)]
        assert outcome.epochs == np.argmin(seen) + 1
        assert len(seen) in (60, outcome.epochs + 3)
        assert outcome.window_losses.mean() == pytest.approx(seen.min(), rel=1e-12)
        shorter = train(
            recipe_for("gru", epochs=60), [Member(member.lam, member.seed, "fold1", outcome.epochs)]
        )
        np.testing.assert_array_equal(next(iter(shorter.values())).weights, outcome.weights)


def jobs_for(folder: Path, epochs: int, cell: str = "lstm") -> tuple[Path, list[Job]]:
    path = folder / "development.safetensors"
    WINDOWS.save(path)
    recipe = recipe_for(cell, epochs)
    digest = fold_digest(WINDOWS, WINDOWS.folds[1])
    steps = epochs * -(-WINDOWS.folds[1].m // recipe.batch_size)
    members = members_of(9, epochs)
    return path, [Job(recipe, m, member_key(recipe, m, digest), steps) for m in members]


def contents(store: MemberStore, jobs: list[Job]) -> list[bytes]:
    return [(store.root / j.key[:2] / f"{j.key}.member").read_bytes() for j in jobs]


def test_one_worker_two_workers_and_a_killed_one_give_the_same_store(tmp_path, monkeypatch, capfd):
    path, jobs = jobs_for(tmp_path, 600)
    stores = [MemberStore(tmp_path / name) for name in ("one", "two", "killed")]
    for store, count in zip(stores[:2], ("1", "2"), strict=True):
        monkeypatch.setenv("RIDGELINE_WORKERS", count)
        train_jobs(path, jobs, store)
    assert contents(stores[0], jobs) == contents(stores[1], jobs)

    def kill_one() -> None:
        for _ in range(400):
            own = children(os.getpid())
            if own and list(stores[2].root.glob("*/*")):
                os.kill(own[0], signal.SIGKILL)
                return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_one)
    killer.start()
    train_jobs(path, jobs, stores[2])
    killer.join()
    assert contents(stores[2], jobs) == contents(stores[0], jobs)
    assert "a worker died; its members go on" in capfd.readouterr().err


def test_workers_that_die_again_and_again_end_the_run_with_a_remedy(tmp_path, capfd):
    class Broken(ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            raise BrokenProcessPool

    path, jobs = jobs_for(tmp_path, 1)
    with pytest.raises(RuntimeError, match=r"a worker died 3 times.*RIDGELINE_WORKERS=1"):
        train_jobs(path, jobs, MemberStore(tmp_path / "store"), Broken)
    assert capfd.readouterr().err.count("its members go on from their last checkpoint") == 2


def children(parent: int) -> list[int]:
    """Spawned worker processes of a process (not multiprocessing's resource tracker)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(status[1]) == parent and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_a_task_trains_what_the_store_lacks(tmp_path):
    path, jobs = jobs_for(tmp_path, 3)
    store = MemberStore(tmp_path / "store")
    board = new_board(tmp_path / "board", 2)

    def task(own: list[Job]) -> Task:
        return Task(
            path, own[0].recipe, "fold1", tuple(j.member for j in own), tuple(j.key for j in own),
            store.root, tmp_path / "board", 1,
        )  # fmt: skip

    run_task(task(jobs[:3]))
    before = contents(store, jobs[:3])
    run_task(task(jobs))
    assert contents(store, jobs[:3]) == before
    assert board[0].tolist() == [0, 0, 0]
    assert board[1].tolist() == [sum(job.steps for job in jobs), 12, 0]  # the first three twice


def test_keys_name_all_that_decides(monkeypatch):
    recipe, member = recipe_for("gru"), Member(1.0, 0, "fold0", 4)
    digests = [fold_digest(WINDOWS, fold) for fold in WINDOWS.folds]
    assert len(set(digests)) == 3
    keys = {member_key(recipe, member, digests[0])}
    for other in (
        Member(1.5, 0, "fold0", 4),
        Member(1.0, 1, "fold0", 4),
        Member(1.0, 0, "fold0", 3),
    ):
        keys.add(member_key(recipe, other, digests[0]))
    keys.add(member_key(recipe, member, digests[1]))
    keys.add(member_key(recipe_for("lstm"), member, digests[0]))
    monkeypatch.setattr("stages.train.members.code_digest", lambda device: "another")
    keys.add(member_key(recipe, member, digests[0]))
    assert len(keys) == 7


@pytest.mark.parametrize(
    ("name", "read"), [("RIDGELINE_WORKERS", workers), ("RIDGELINE_STORE_GB", limit_bytes)]
)
def test_bad_settings_are_refused(monkeypatch, name, read):
    for value in ("0", "many", "-1"):
        monkeypatch.setenv(name, value)
        with pytest.raises(ValueError, match=f"{name} = '{value}' must be a positive"):
            read()

"""What one worker process does: train the members of a task that the store lacks, and store them.

Tasks go through the standard `concurrent.futures.Executor` interface and return nothing: results
travel through the store, so that another executor on a shared disk can replace local processes.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.artifacts.windows import Windows
from stages.train.engines.engine import CURVES, FoldData, State, fold_data, start_state
from stages.train.planning.key import Parts, common_parts, difference, fold_digest, member_key
from stages.train.planning.members import Member, Recipe
from stages.train.pool.counters import DONE, RUNNING, STEPS, counters_of
from stages.train.pool.store import MemberStore

if TYPE_CHECKING:
    from stages.train.engines.trainer import Chunk, Outcome

CHECKPOINT_SECONDS = 2.0
PARENT_SECONDS = 0.5


@dataclass(frozen=True)
class Task:
    """Members of one recipe and one fold's data, their keys, and where data, store and progress lie."""

    development: Path
    recipe: Recipe
    fold: str
    parts: Parts  # of the keys, which the members have in common
    members: tuple[Member, ...]
    keys: tuple[str, ...]
    store: Path
    counters: Path  # of progress; this task's row is `slot`
    slot: int


def end_with_parent(parent: int) -> None:
    """Let this worker process end when the process that started it has ended: nothing waits for its result.

    A killed parent closes nothing, so a worker of its pool would wait for work for ever. The latest
    checkpoints stay; writes are atomic, so the end may come at any moment.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_task(task: Task) -> None:
    """Train what the store lacks, from the latest checkpoints on.

    Raises:
        ValueError: this process would train something other than what was planned.
    """
    windows = Windows.load(task.development)
    fold = next(f for f in windows.folds if f.name == task.fold)
    keys = _checked_keys(task, fold_digest(windows, fold))
    from stages.train.engines.trainer import (
        Chunk,  # numba: the process that gives out the work needs none
    )

    store = MemberStore(task.store)
    data = fold_data(windows, fold, task.recipe.precision)
    missing = [member for member in task.members if keys[member] not in store]
    keeper = _Keeper(store, keys, counters_of(task.counters, task.slot), data, task)
    for member in task.members:
        if member not in missing:
            keeper.count(member)
    for members, state in _groups(task.recipe, missing, keys, store):
        keeper.counters[RUNNING] = len(members)
        Chunk(task.recipe, data, members, state, keeper.finish, keeper.pause).run()


def _checked_keys(task: Task, data: str) -> dict[Member, str]:
    """The keys of what this process would train, with its code and settings, on data of this digest."""
    parts = common_parts(task.recipe, data)
    keys = {member: member_key(parts, member) for member in task.members}
    if tuple(keys.values()) != task.keys:
        raise ValueError(
            f"a worker would train something other than planned: {difference(task.parts, parts)}; give it "
            "the same commit, data and RIDGELINE and NUMBA variables, and run `make install` there"
        )
    return keys


def _groups(
    recipe: Recipe, members: list[Member], keys: dict[Member, str], store: MemberStore
) -> list[tuple[list[Member], State]]:
    """Members that are at the same batch go on together."""
    fresh: list[Member] = []
    begun: dict[tuple[int, int], list[tuple[Member, dict[str, np.ndarray]]]] = {}
    for member in members:
        entry = store.get(keys[member], partial=True)
        if entry is None:
            fresh.append(member)
        else:
            arrays, meta = entry
            begun.setdefault((meta["epoch"], meta["batch"]), []).append((member, arrays))
    groups = [([m for m, _ in pairs], _stack(at, pairs)) for at, pairs in begun.items()]
    return groups + ([(fresh, start_state(recipe, fresh))] if fresh else [])


def _stack(at: tuple[int, int], pairs: list[tuple[Member, dict[str, np.ndarray]]]) -> State:
    return State(*at, *(np.stack([arrays[n] for _, arrays in pairs]) for n in State.ARRAYS))


class _Keeper:
    """Writes checkpoints, results and progress of one chunk."""

    def __init__(
        self, store: MemberStore, keys: dict[Member, str], counters: np.ndarray, data: FoldData, task: Task
    ) -> None:  # fmt: skip
        self.store, self.keys, self.counters = store, keys, counters
        self.batches = -(-len(data.train) // task.recipe.batch_size)  # of an epoch
        self.steps, self.saved = 0, time.monotonic()  # steps of finished members

    def count(self, member: Member) -> None:
        """Count a finished member; the steps that early stopping skipped count as done."""
        self.steps += member.epochs * self.batches
        self.counters[STEPS] = self.steps
        self.counters[DONE] += 1

    def pause(self, chunk: Chunk) -> None:
        begun = chunk.state.epoch * self.batches + chunk.state.batch
        self.counters[STEPS] = self.steps + begun * len(chunk.members)
        if time.monotonic() - self.saved < CHECKPOINT_SECONDS:
            return
        for k, member in enumerate(chunk.members):
            arrays = {name: getattr(chunk.state, name)[k] for name in State.ARRAYS}
            meta = {"epoch": chunk.state.epoch, "batch": chunk.state.batch}
            self.store.put(self.keys[member], arrays, meta, partial=True)
        self.saved = time.monotonic()

    def finish(self, member: Member, outcome: Outcome) -> None:
        arrays = {
            "weights": outcome.weights,
            "window_losses": outcome.window_losses,
            "state_gradients": outcome.state_gradients,
            **{name: outcome.curves[:, i] for i, name in enumerate(CURVES)},
        }
        meta = {"train_losses": outcome.train_losses.tolist(), "epochs": outcome.epochs}
        self.store.put(self.keys[member], arrays, meta)
        self.count(member)
        self.counters[RUNNING] -= 1

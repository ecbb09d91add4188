"""What one worker process does: train the members of a task that the store lacks, and keep them.

Tasks go through the standard `concurrent.futures.Executor` interface and return nothing: results
travel through the store, so that another engine on a shared disk can take the place of local processes.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.artifacts.windows import Windows
from stages.train.members import Member, Recipe
from stages.train.store import MemberStore
from stages.train.trainer import CURVES, Chunk, Outcome, State, fold_data, start_state

CHECKPOINT_SECONDS = 2.0


@dataclass(frozen=True)
class Task:
    """Members of one cell and fold, their keys, and where data, store and progress lie."""

    development: Path
    recipe: Recipe
    fold: str
    members: tuple[Member, ...]
    keys: tuple[str, ...]
    store: Path
    progress: Path  # int64 counters, one for each task: epochs of members that are done
    slot: int
    parent: int  # the process that gave the task; without it nobody waits for the result


def run_task(task: Task) -> None:
    """Train what the store lacks, from the latest checkpoints on."""
    store = MemberStore(task.store)
    windows = Windows.load(task.development)
    fold = next(f for f in windows.folds if f.name == task.fold)
    data = fold_data(windows, fold, task.recipe.precision)
    keys = dict(zip(task.members, task.keys, strict=True))
    missing = [member for member in task.members if keys[member] not in store]
    done = np.memmap(task.progress, np.int64, "r+", offset=8 * task.slot, shape=(1,))
    finished = sum(m.epochs for m in task.members if m not in missing)
    for members, state in _groups(task.recipe, missing, keys, store):
        keeper = _Keeper(store, keys, done, finished, task.parent)
        Chunk(task.recipe, data, members, state, keeper.finish, keeper.pause).run()
        finished = keeper.finished
    done[0] = sum(m.epochs for m in task.members)


def _groups(
    recipe: Recipe, members: list[Member], keys: dict[Member, str], store: MemberStore
) -> list[tuple[list[Member], State]]:
    """Members that stand at the same batch go on together."""
    fresh: list[Member] = []
    begun: dict[tuple[int, int], list[tuple[Member, dict[str, np.ndarray]]]] = {}
    for member in members:
        entry = store.get(keys[member], partial=True)
        if entry is None:
            fresh.append(member)
        else:
            arrays, meta = entry
            begun.setdefault((meta["epoch"], meta["batch"]), []).append((member, arrays))
    groups = [([m for m, _ in found], _stack(place, found)) for place, found in begun.items()]
    return groups + ([(fresh, start_state(recipe, fresh))] if fresh else [])


def _stack(place: tuple[int, int], found: list[tuple[Member, dict[str, np.ndarray]]]) -> State:
    return State(
        *place, *(np.stack([arrays[name] for _, arrays in found]) for name in State.ARRAYS)
    )


class _Keeper:
    """Writes checkpoints, results and progress of one chunk."""

    def __init__(
        self,
        store: MemberStore,
        keys: dict[Member, str],
        done: np.ndarray,
        finished: int,
        parent: int,
    ) -> None:
        self.store, self.keys, self.done, self.finished = store, keys, done, finished
        self.parent, self.saved = parent, time.monotonic()

    def pause(self, chunk: Chunk) -> None:
        self.done[0] = self.finished + chunk.state.epoch * len(chunk.members)
        if time.monotonic() - self.saved < CHECKPOINT_SECONDS:
            return
        for k, member in enumerate(chunk.members):
            arrays = {name: getattr(chunk.state, name)[k] for name in State.ARRAYS}
            place = {"epoch": chunk.state.epoch, "batch": chunk.state.batch}
            self.store.put(self.keys[member], arrays, place, partial=True)
        self.saved = time.monotonic()
        if os.getpid() != self.parent and os.getppid() != self.parent:
            raise SystemExit("the run that asked for this work is gone; its checkpoints are kept")

    def finish(self, member: Member, outcome: Outcome) -> None:
        arrays = {
            "weights": outcome.weights,
            "window_losses": outcome.window_losses,
            "state_gradients": outcome.state_gradients,
            **{name: outcome.curves[:, i] for i, name in enumerate(CURVES)},
        }
        meta = {"train_mse": outcome.train_mse, "epochs": outcome.epochs}
        self.store.put(self.keys[member], arrays, meta)
        self.finished += member.epochs

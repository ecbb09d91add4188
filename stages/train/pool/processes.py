"""Distribution of members over worker processes."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from stages.environment import workers
from stages.train.planning.members import Recipe
from stages.train.planning.study_plan import Job
from stages.train.pool.counters import new_counters
from stages.train.pool.progress import Progress
from stages.train.pool.store import MemberStore
from stages.train.pool.worker import Task, end_with_parent, run_task

MEMBERS_A_TASK = {"cpu": 16, "cuda": 256}  # a GPU is filled by many members at once
# A worker that is killed ends its pool; the members go on from their checkpoints.
ATTEMPTS = 3
POLL_SECONDS = 0.2
ORDER_BYTES = 1 << 26


def local_processes(count: int) -> Executor:
    """The default executor: fresh single-threaded processes on this machine."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, initializer=end_with_parent, initargs=(os.getpid(),))


class Pool:
    """Workers that train the jobs of several calls: started with the first, and again after one died.

    As a context manager; they end with it.

    Args:
        executor: count of workers → what runs them.
    """

    def __init__(self, executor: Callable[[int], Executor] = local_processes) -> None:
        self.executor = executor
        self.running: Executor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def submit(self, task: Task, count: int) -> Future[None]:
        """Give out a task; where no worker runs, `count` of them are started, at most."""
        if self.running is None:
            self.running = self.executor(count)
        return self.running.submit(run_task, task)

    def stop(self) -> None:
        """Take back what has not begun, and end the workers when they have done the rest."""
        if self.running is not None:
            self.running.shutdown(cancel_futures=True)
            self.running = None


def train_jobs(development: Path, jobs: list[Job], store: MemberStore, pool: Pool) -> None:
    """Leave every job's member in the store; a key that several jobs have is trained once.

    Raises:
        RuntimeError: workers died again and again, or what they trained did not arrive in the store.
    """
    wanted = list({job.key: job for job in jobs}.values())
    # Read, not only looked for: a damaged entry must be noticed before the work is shared out.
    missing = left = [job for job in wanted if store.get(job.key) is None]
    if not missing:
        if jobs:
            print(f"all {len(wanted)} members taken from the store", file=sys.stderr)
        return
    total, known = sum(job.steps for job in missing), len(wanted) - len(missing)
    with Progress(total, len(missing), known) as progress:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _run(development, left, missing, store, pool, progress)
            except BrokenProcessPool as error:
                if attempt == ATTEMPTS:
                    raise RuntimeError(
                        f"a worker died {ATTEMPTS} times, perhaps out of memory: each holds a fold's "
                        "series; try fewer of them (RIDGELINE_WORKERS=1). What was trained is kept"
                    ) from error
                print(
                    "a worker died; its members go on from their last checkpoint", file=sys.stderr
                )
            left = [job for job in missing if job.key not in store]
            progress.arrived = len(missing) - len(left)
            if not left:
                return
    raise RuntimeError(
        f"{len(left)} of {len(missing)} members did not arrive in {store.root} in {ATTEMPTS} attempts: the "
        "workers write elsewhere, or another run prunes them; let all workers reach this folder under this "
        "path, and set RIDGELINE_STORE_GB higher where runs share it"
    )


def _run(
    development: Path, jobs: list[Job], missing: list[Job], store: MemberStore, pool: Pool,
    progress: Progress,
) -> None:  # fmt: skip
    before = sum(job.steps for job in missing) - sum(job.steps for job in jobs)
    count = workers() if jobs[0].recipe.device == "cpu" else 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counters"
        groups = _groups(jobs, count)
        counters = new_counters(path, len(groups))
        tasks = [
            Task(development.resolve(), group[0].recipe, group[0].data, group[0].parts,
                 tuple(j.member for j in group), tuple(j.key for j in group),
                 store.root, path, slot)
            for slot, group in enumerate(groups)
        ]  # fmt: skip
        try:
            futures = {pool.submit(task, count) for task in tasks}
            while futures:
                ended, futures = wait(futures, POLL_SECONDS, "FIRST_COMPLETED")
                for future in ended:
                    future.result()
                steps, done, running = (int(total) for total in counters.sum(0))
                progress.show(before + steps, len(missing) - len(jobs) + done, running)
        except BaseException:
            pool.stop()
            raise


def _groups(jobs: list[Job], count: int) -> list[list[Job]]:
    """Members of one cell and fold side by side; the largest tasks first, enough for every worker.

    A task holds the order of the fold's windows for each of its seeds: of a long series, for few seeds.
    """
    by_kind: dict[tuple[Recipe, str, int], list[Job]] = {}
    for job in jobs:
        windows = job.steps // job.member.epochs * job.recipe.batch_size
        block = job.member.seed // max(1, ORDER_BYTES // (8 * windows))
        by_kind.setdefault((job.recipe, job.data, block), []).append(job)
    device = jobs[0].recipe.device
    size = members_at_once(device, len(jobs), count)
    groups = [part for group in by_kind.values() for part in even_parts(group, size)]
    return sorted(groups, key=_cost, reverse=True)


def members_at_once(device: str, jobs: int, workers: int) -> int:
    """How many members a worker trains side by side, at most: enough tasks for all workers come first."""
    most = MEMBERS_A_TASK[device]
    return most if device == "cuda" else max(1, min(most, jobs // (2 * workers)))


def even_parts(group: list[Any], size: int) -> list[list[Any]]:
    """The fewest parts of at most `size`, as even as can be, so that no worker ends long after the others."""
    count = -(-len(group) // size)
    bounds = [len(group) * i // count for i in range(count + 1)]
    return [group[a:b] for a, b in pairwise(bounds)]


def _cost(group: list[Job]) -> int:
    network = group[0].recipe.network
    return network.parameters * network.steps * sum(job.steps for job in group)

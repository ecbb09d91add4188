"""Training curves in MLflow while they grow: read from the member store during the training."""

from __future__ import annotations

import time
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.artifacts.fits import complete
from stages.environment import members_folder, run_tags
from stages.params import load_section
from stages.tracking.history.digests import SHORT, flatten, md5_of
from stages.tracking.store.mirror import NETWORKS, PLAN, mirror
from stages.tracking.store.pending import sections_now
from stages.tracking.store.runs import Files, lambda_name, lambda_tags, log_lambdas, plan_of

if TYPE_CHECKING:
    from stages.tracking.store.mirror import Entry, Mirror
    from stages.train.planning.study_plan import Job, Plan
    from stages.train.pool.store import MemberStore

SECONDS = 5.0  # between two looks at the training, at least
SHARE = 0.05  # of the time, at most, that is spent on looking
Keys = dict[str, list[str]]  # fold → its networks' keys in the member store, by seed


class Live:
    """The runs of a study in training, filled from the member store.

    For each (cell, λ) it shows two curves by epoch, means over seeds: the training loss on the final fold and
    the validation loss on the last fold that has one; and the share of its networks that are trained. Each
    curve is of one fold, because a logged point cannot change: a mean over folds as they finish would jump.
    These two folds are the largest, so they train first; the whole curves follow when all folds are there.
    With early stopping the final fold's networks are known and shown once the others of their λ are trained.
    Without, the early-stopped networks of λ = 0 are in no run: they are not of the λ path.
    """

    def __init__(self, development: Path, fits: Path) -> None:
        self.development, self.fits = development, fits
        self.over, self.next = False, 0.0
        self.entries: dict[tuple[str, float], Entry] = {}
        self.reached: Counter[tuple[str, float, str]] = Counter()
        self.jobs: list[Job] = []  # of the λ path, known so far
        self.curves: dict[str, np.ndarray] = {}  # key → validation loss by epoch; see `Plan.jobs`
        self.params = flatten(sections_now())

    @cached_property
    def plan(self) -> Plan:
        """All jobs of the study."""
        from stages.artifacts.windows import Windows
        from stages.train.params import TrainParams
        from stages.train.planning.study_plan import Plan

        return Plan(
            load_section("params.yaml", "train", TrainParams), Windows.load(self.development)
        )

    def step(self, training: bool) -> None:
        """Do what is due: show what is new, complete what is trained, close what was interrupted."""
        if self.over:
            return
        if complete(self.fits):
            if self.entries:  # what came since the last look
                self.show()
            self.finish()
        elif not training:
            self.stop()
        elif time.monotonic() > self.next:
            begun = time.monotonic()
            self.show()
            self.next = time.monotonic() + max(SECONDS, (time.monotonic() - begun) / SHARE)

    def show(self) -> None:
        """Log what there is since the last time."""
        from stages.train.pool.store import MemberStore

        store = MemberStore(members_folder())
        keys = self._keys(store).items()
        new = {cell_lam: self._points(store, cell_lam, folds) for cell_lam, folds in keys}
        if not any(new.values()):
            return
        with mirror() as tracker:
            for (cell, lam), points in new.items():
                if points:
                    entry = self._entry(tracker, cell, lam)
                    if NETWORKS not in entry.tags:  # one that is trained already has its curves
                        entry.live, entry.running = points, True
                        tracker.entries.append(entry)
            tracker.write()

    def _entry(self, tracker: Mirror, cell: str, lam: float) -> Entry:
        if (cell, lam) not in self.entries:
            data = md5_of(self.development)
            if not tracker.runs:
                tracker.load(f"tags.data = '{data[:SHORT]}'")
            tracker.run_tags = run_tags()
            plan = (PLAN, plan_of(data, self.params, cell, lam))
            tags = lambda_tags(cell, lam, self.plan.params.penalty.path(), data)
            self.entries[cell, lam] = tracker.entry(lambda_name(cell, lam), tags, [plan])
            tracker.entries.remove(self.entries[cell, lam])
        return self.entries[cell, lam]

    def _keys(self, store: MemberStore) -> dict[tuple[str, float], Keys]:
        """(cell, λ) → the store's keys of its networks; the final fold comes last, and has none while its
        epochs are not known."""
        waiting = self.plan.params.early_stopping and len(self.jobs) < self.plan.members
        if waiting or not self.jobs:
            for job in self.plan.deciding:
                if job.key not in self.curves and (entry := store.get(job.key)) is not None:
                    self.curves[job.key] = entry[0]["validation_loss"]
            self.jobs = [job for job in self.plan.jobs(self.curves) if not job.stopped]
        keys: dict[tuple[str, float], Keys] = {}
        for job in self.jobs:
            cell, lam = job.recipe.network.cell, job.member.lam
            folds = keys.setdefault((cell, lam), {name: [] for name in self.plan.folds})
            folds[job.member.fold].append(job.key)
        return keys

    def _points(self, store: MemberStore, cell_lam: tuple[str, float], folds: Keys) -> list[Any]:
        points, names = [], list(folds)
        for name, fold in zip(("train_loss", "validation_loss"), names[::-1], strict=False):
            if not folds[fold]:
                continue
            begin = self.reached[*cell_lam, name]
            curve = _mean_curve(store, name, folds[fold], begin)
            points += [(f"live/{name}", e, float(v)) for e, v in enumerate(curve, begin + 1)]
            self.reached[*cell_lam, name] = begin + len(curve)
        keys = [key for by_seed in folds.values() for key in by_seed]
        done, total = sum(key in store for key in keys), len(folds) * len(folds[names[0]])
        if done > self.reached[*cell_lam, "networks"]:
            points.append(("live/networks", done, done / total))
            self.reached[*cell_lam, "networks"] = done
        return [point for point in points if point[2] == point[2]]

    def finish(self) -> None:
        """Training is over: the runs get their whole curves and their errors."""
        with mirror() as tracker:
            tracker.run_tags = run_tags()
            log_lambdas(tracker, self.params, Files(self.development, self.fits))
            tracker.write()
        self.over = True

    def stop(self) -> None:
        """Training was interrupted: its runs say so, and the next training continues them."""
        if self.entries:
            with mirror() as tracker:
                for run in (entry.run for entry in self.entries.values() if entry.run):
                    tracker.client.set_terminated(run.info.run_id, "KILLED")
        self.over = True


def _mean_curve(store: MemberStore, name: str, keys: list[str], begin: int) -> np.ndarray:
    """Mean over these networks of a loss by epoch, after epoch `begin`, as far as all of them are trained."""
    curves = [_curve(store, name, key)[begin:] for key in keys]
    shortest = min(map(len, curves))
    return np.mean([curve[:shortest] for curve in curves], axis=0)


def _curve(store: MemberStore, name: str, key: str) -> np.ndarray:
    """A network's loss by epoch, as far as the store has it."""
    from stages.train.engines.engine import CURVES

    entry = store.get(key)
    if entry is not None:
        arrays, meta = entry
        return arrays[name][: meta["epochs"]]
    entry = store.get(key, partial=True)
    if entry is None:
        return np.empty(0)
    arrays, meta = entry
    return arrays["curves"][: meta["epoch"], CURVES.index(name)]

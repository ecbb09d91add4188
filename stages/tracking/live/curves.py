"""Training curves in MLflow while they grow: read from the member store, beside the training."""

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
from stages.tracking.store.mirror import MEMBER, PLAN, mirror
from stages.tracking.store.pending import sections_now
from stages.tracking.store.runs import Files, log_members, member_name, member_tags, plan_of

if TYPE_CHECKING:
    from stages.tracking.store.mirror import Entry, Mirror
    from stages.train.planning.study_plan import Job, Plan
    from stages.train.pool.store import MemberStore

SECONDS = 5.0  # between two looks at the training, at least
SHARE = 0.05  # of the time, at most, that is spent on looking
Keys = dict[str, list[str]]  # fold → its networks' keys in the member store, by seed


class Live:
    """The runs of a study in training, filled from the member store.

    Shown are, of each (cell, λ), by epoch the mean over seeds of the training loss on the final fold and of
    the validation loss on the last fold that has one, and the share of its networks that are trained. Each
    is of one fold, as a logged point stays: a mean over more folds as they come would jump. These two are
    the largest, so they train first; the whole curves follow when all folds are there. With early stopping
    the final fold's networks are known, and shown, once the others of their λ are finished.
    """

    def __init__(self, development: Path, fits: Path) -> None:
        self.development, self.fits = development, fits
        self.over, self.next = False, 0.0
        self.entries: dict[tuple[str, float], Entry] = {}
        self.reached: Counter[tuple[str, float, str]] = Counter()
        self.jobs: list[Job] = []  # known so far
        self.best: dict[str, int] = {}  # key → best epoch; see `Plan.jobs`
        self.params = flatten(sections_now())

    @cached_property
    def study(self) -> Plan:
        """All jobs of the study."""
        from stages.artifacts.windows import Windows
        from stages.train.params import TrainParams
        from stages.train.planning.study_plan import Plan

        return Plan(
            load_section("params.yaml", "train", TrainParams), Windows.load(self.development)
        )

    def step(self, training: bool) -> None:
        """What is to be done now: show what is new, complete what is trained, close what was broken off."""
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
        points = {place: self._points(store, place, folds) for place, folds in keys}
        if not any(points.values()):
            return
        with mirror() as own:
            for place, new in points.items():
                if new:
                    entry = self._entry(own, *place)
                    if MEMBER not in entry.tags:  # one that is trained already has its curves
                        entry.live, entry.running = new, True
                        own.entries.append(entry)
            own.write()

    def _entry(self, own: Mirror, cell: str, lam: float) -> Entry:
        if (cell, lam) not in self.entries:
            data = md5_of(self.development)
            if not own.runs:
                own.load(f"tags.data = '{data[:SHORT]}'")
            own.run_tags = run_tags()
            plan = (PLAN, plan_of(data, self.params, cell, lam))
            tags = member_tags(cell, lam, data)
            self.entries[cell, lam] = own.entry(member_name(cell, lam), tags, [plan])
            own.entries.remove(self.entries[cell, lam])
        return self.entries[cell, lam]

    def _keys(self, store: MemberStore) -> dict[tuple[str, float], Keys]:
        """(cell, λ) → the store's keys of its networks; the final fold comes last, and has none while its
        epochs are not known."""
        if len(self.jobs) < self.study.members:
            for job in self.jobs:
                if job.key not in self.best and (entry := store.get(job.key)) is not None:
                    self.best[job.key] = entry[1]["epochs"]
            self.jobs = self.study.jobs(self.best)
        keys: dict[tuple[str, float], Keys] = {}
        for job in self.jobs:
            cell, lam = job.recipe.network.cell, job.member.lam
            folds = keys.setdefault((cell, lam), {name: [] for name in self.study.folds})
            folds[job.member.fold].append(job.key)
        return keys

    def _points(self, store: MemberStore, place: tuple[str, float], folds: Keys) -> list[Any]:
        found, names = [], list(folds)
        for name, fold in zip(("train_loss", "validation_loss"), names[::-1], strict=False):
            if not folds[fold]:
                continue
            begin = self.reached[*place, name]
            curve = _mean_curve(store, name, folds[fold], begin)
            found += [(f"live/{name}", e, float(v)) for e, v in enumerate(curve, begin + 1)]
            self.reached[*place, name] = begin + len(curve)
        keys = [key for own in folds.values() for key in own]
        done, every = sum(key in store for key in keys), len(folds) * len(folds[names[0]])
        if done > self.reached[*place, "networks"]:
            found.append(("live/networks", done, done / every))
            self.reached[*place, "networks"] = done
        return [point for point in found if point[2] == point[2]]

    def finish(self) -> None:
        """Training is over: the runs get their whole curves and their errors."""
        with mirror() as own:
            own.run_tags = run_tags()
            log_members(own, self.params, Files(self.development, self.fits))
            own.write()
        self.over = True

    def stop(self) -> None:
        """Training was broken off: its runs say so, and the next training goes on with them."""
        if self.entries:
            with mirror() as own:
                for run in (entry.run for entry in self.entries.values() if entry.run):
                    own.client.set_terminated(run.info.run_id, "KILLED")
        self.over = True


def _mean_curve(store: MemberStore, name: str, keys: list[str], begin: int) -> np.ndarray:
    """Mean over these networks of a loss by epoch, behind epoch `begin`, as far as all of them have come."""
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

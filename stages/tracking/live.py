"""Training curves in MLflow while they grow: read from the member store, beside the training."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.params import load_section, read_yaml
from stages.tracking.digests import SHORT, flatten, md5_of
from stages.tracking.mirror import MEMBER, PLAN, mirror
from stages.tracking.note import SECTIONS
from stages.tracking.runs import Files, log_members, member_name, member_tags, plan_of
from stages.tracking.surroundings import surroundings
from stages.tracking.watch import trained

if TYPE_CHECKING:
    from stages.tracking.mirror import Entry, Mirror
    from stages.train.store import MemberStore

SECONDS = 5.0  # between two looks at the training, at least
SHARE = 0.05  # of the time, at most, that is spent on looking
Keys = dict[str, list[str]]  # fold → its networks' keys in the member store, by seed


class Live:
    """The runs of a study in training, filled from the member store.

    Shown are, of each (cell, λ), by epoch the mean over seeds of the training loss on the final fold and of
    the validation loss on the last fold that has one, and the share of its networks that are trained. Each
    is of one fold, as a logged point stays: a mean over more folds as they come would jump. These two are
    the largest, so they train first; the whole curves follow when all folds are there.
    """

    def __init__(self, development: Path, fits: Path) -> None:
        self.development, self.fits = development, fits
        self.over, self.next = False, 0.0
        self.entries: dict[tuple[str, float], Entry] = {}
        self.reached: dict[tuple[str, float, str], float] = {}
        self.keys: dict[tuple[str, float], Keys] | None = None
        self.params = _params()

    def step(self, training: bool) -> None:
        """What is to be done now: show what is new, complete what is trained, close what was broken off."""
        if self.over:
            return
        if trained(self.fits):
            self.finish()
        elif not training:
            self.stop()
        elif time.monotonic() > self.next:
            begun = time.monotonic()
            self.show()
            self.next = time.monotonic() + max(SECONDS, (time.monotonic() - begun) / SHARE)

    def show(self) -> None:
        """Log what there is since the last time."""
        from stages.train.store import MemberStore, store_folder

        if self.keys is None:
            self.keys = _member_keys(self.development)
        store = MemberStore(store_folder())
        points = {place: self._points(store, place, keys) for place, keys in self.keys.items()}
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
            own.surroundings = surroundings()
            plan = (PLAN, plan_of(data, self.params, cell, lam))
            tags = member_tags(cell, lam, data)
            self.entries[cell, lam] = own.entry(member_name(cell, lam), tags, [plan])
            own.entries.remove(self.entries[cell, lam])
        return self.entries[cell, lam]

    def _points(self, store: MemberStore, place: tuple[str, float], folds: Keys) -> list[Any]:
        found, names = [], list(folds)
        for name, fold in zip(("train_loss", "validation_loss"), names[::-1], strict=False):
            begin = int(self.reached.get((*place, name), 0))
            curve = _mean_curve(store, name, folds[fold], begin)
            found += [(f"live/{name}", e, float(v)) for e, v in enumerate(curve, begin + 1)]
            self.reached[*place, name] = begin + len(curve)
        keys = [key for own in folds.values() for key in own]
        share = sum(key in store for key in keys) / len(keys)
        if share > self.reached.get((*place, "networks"), 0.0):
            found.append(("live/networks", round(share * len(keys)), share))
            self.reached[*place, "networks"] = share
        return [point for point in found if point[2] == point[2]]

    def finish(self) -> None:
        """Training is over: the runs get their whole curves and their errors."""
        with mirror() as own:
            own.surroundings = surroundings()
            log_members(own, self.params, Files(self.development, self.fits))
            own.write()
        self.over = True

    def stop(self) -> None:
        """Training was broken off: its runs say so, and the next training goes on with them."""
        if self.entries:
            with mirror() as own:
                for entry in self.entries.values():
                    own.end(entry, "KILLED")
        self.over = True


def _params() -> dict[str, Any]:
    found = read_yaml("params.yaml")
    return flatten({section: found.get(section) or {} for section in SECTIONS})


def _member_keys(development: Path) -> dict[tuple[str, float], Keys]:
    """(cell, λ) → the store's keys of its networks; the final fold comes last."""
    from stages.artifacts.windows import Windows
    from stages.networks.compiled import use_cache

    use_cache()
    from stages.train.members import Member, fold_digest, member_key
    from stages.train.params import TrainParams
    from stages.train.study import recipe_for

    params = load_section("params.yaml", "train", TrainParams)
    windows = Windows.load(development)
    digests = {fold.name: fold_digest(windows, fold) for fold in windows.folds}
    keys: dict[tuple[str, float], Keys] = {}
    for cell in params.cells:
        recipe = recipe_for(cell, params, windows)
        for lam in params.penalty.path():
            keys[cell, float(lam)] = {
                fold: [
                    member_key(recipe, Member(lam, seed, fold, params.epochs), key)
                    for seed in range(params.seeds)
                ]
                for fold, key in digests.items()
            }
    return keys


def _mean_curve(store: MemberStore, name: str, keys: list[str], begin: int) -> np.ndarray:
    """Mean over these networks of a loss by epoch, behind epoch `begin`, as far as all of them have come."""
    curves = []
    for key in keys:
        curves.append(_curve(store, name, key)[begin:])
        if not len(curves[-1]):
            return np.empty(0)
    shortest = min(len(curve) for curve in curves)
    return np.mean([curve[:shortest] for curve in curves], axis=0)


def _curve(store: MemberStore, name: str, key: str) -> np.ndarray:
    """A network's loss by epoch, as far as the store has it."""
    from stages.train.state import CURVES

    entry = store.get(key)
    if entry is not None:
        arrays, meta = entry
        return arrays[name][: meta["epochs"]]
    entry = store.get(key, partial=True)
    if entry is None:
        return np.empty(0)
    arrays, meta = entry
    return arrays["curves"][: meta["epoch"], CURVES.index(name)]

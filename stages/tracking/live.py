"""Training curves in MLflow while they grow: read from the member store, beside the training."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

SECONDS = 5.0  # between two looks at the training


class Live:
    """The runs of a study in training, filled from the member store.

    Shown are, by epoch, the curves of each (cell, λ)'s first network (seed 0 on the first fold: the same for
    every λ, so that they compare), and the share of its networks that are trained.
    """

    def __init__(self, development: Path, fits: Path) -> None:
        self.development, self.fits = development, fits
        self.over, self.shown = False, 0.0
        self.entries: dict[tuple[str, float], Entry] = {}
        self.reached: dict[tuple[str, float, str], float] = {}
        self.keys: dict[tuple[str, float], list[str]] | None = None
        self.params = _params()

    def step(self, training: bool) -> None:
        """What is to be done now: show what is new, complete what is trained, close what was broken off."""
        if self.over:
            return
        if trained(self.fits):
            self.finish()
        elif not training:
            self.stop()
        elif time.monotonic() - self.shown > SECONDS:
            self.show()
            self.shown = time.monotonic()

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

    def _points(self, store: MemberStore, place: tuple[str, float], keys: list[str]) -> list[Any]:
        found = []
        curves = _curves(store, keys[0])
        for name, curve in curves.items():
            begin = int(self.reached.get((*place, name), 0))
            found += [(f"live/{name}", e + 1, float(curve[e])) for e in range(begin, len(curve))]
            self.reached[*place, name] = len(curve)
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


def _member_keys(development: Path) -> dict[tuple[str, float], list[str]]:
    """(cell, λ) → the store's keys of its networks, seed 0 of the first fold first."""
    from stages.artifacts.windows import Windows
    from stages.networks.compiled import use_cache

    use_cache()
    from stages.train.members import Member, fold_digest, member_key
    from stages.train.params import TrainParams
    from stages.train.study import recipe_for

    params = load_section("params.yaml", "train", TrainParams)
    windows = Windows.load(development)
    digests = {fold.name: fold_digest(windows, fold) for fold in windows.folds}
    keys: dict[tuple[str, float], list[str]] = {}
    for cell in params.cells:
        recipe = recipe_for(cell, params, windows)
        for lam in params.penalty.path():
            keys[cell, float(lam)] = [
                member_key(recipe, Member(lam, seed, fold, params.epochs), key)
                for fold, key in digests.items()
                for seed in range(params.seeds)
            ]
    return keys


def _curves(store: MemberStore, key: str) -> dict[str, Any]:
    """Training and validation loss of a network by epoch, as far as the store has them."""
    entry = store.get(key)
    if entry is not None:
        arrays, meta = entry
        return {name: arrays[name][: meta["epochs"]] for name in ("train_loss", "validation_loss")}
    entry = store.get(key, partial=True)
    if entry is None:
        return {}
    arrays, meta = entry
    both = arrays["curves"][: meta["epoch"]]
    return {"train_loss": both[:, 0], "validation_loss": both[:, 1]}

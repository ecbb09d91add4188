"""The plan of a study, made once for all modules that need it: its members, their data and their keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from stages.artifacts.windows import Fold, Windows
from stages.networks.cells import CELLS
from stages.networks.module.named import network_named
from stages.networks.module.source import is_module, known_ahead, label
from stages.train.params import TrainParams
from stages.train.planning.key import Parts, common_parts, fold_digest, member_key
from stages.train.planning.members import Member, Recipe
from stages.train.planning.stopping import best_epoch

FINAL = "final"


@dataclass(frozen=True)
class Job:
    """A member that the store must hold in the end.

    Args:
        data: the name of the fold whose rows it is trained and validated on.
        parts: what of its key it has in common with others. steps: of the optimiser, at most.
        stopped: whether it is an early-stopped network of λ = 0, which comes in addition to the λ path.
    """

    recipe: Recipe
    member: Member
    data: str
    parts: Parts
    key: str
    steps: int
    stopped: bool = False


@dataclass(frozen=True)
class Plan:
    """All members of all cells of one params.yaml, on these windows."""

    params: TrainParams
    windows: Windows

    @cached_property
    def folds(self) -> dict[str, Fold]:
        """By name; the final fold is the last."""
        return {fold.name: fold for fold in self.windows.folds}

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """The recipe of each cell; members of the final fold are trained without patience.

        Raises:
            ValueError: train.segment does not divide the lookback, or a module cannot be trained.
        """
        return {
            label(cell): recipe_for(cell, self.params, self.windows) for cell in self.params.cells
        }

    @property
    def members(self) -> int:
        """How many members the study has, with early-stopped ones."""
        params = self.params
        path = len(self.folds) * params.seeds * len(params.penalty.path())
        return len(params.cells) * (path + self.stopped)

    @property
    def stopped(self) -> int:
        """How many early-stopped networks of λ = 0 a cell has; see `jobs`."""
        rivals = not self.params.early_stopping and 0 in self.params.penalty.path()
        return self.params.seeds if rivals else 0

    @cached_property
    def validated(self) -> list[Job]:
        """The members of all folds but the final one: how long they are trained is known from the start."""
        return [
            job
            for cell in self.recipes
            for fold in self.folds
            if fold != FINAL
            for job in self._jobs(cell, fold, self._full)
        ]

    @property
    def deciding(self) -> list[Job]:
        """Those members whose validation losses decide how long others are trained; see `jobs`."""
        if self.params.early_stopping:
            return self.validated
        return [job for job in self.validated if job.member.lam == 0]

    def best_epochs(self, curves: Mapping[str, np.ndarray]) -> dict[tuple[str, float], int | None]:
        """(cell, λ) → `best_epoch` of its deciding members, once all are in `curves`; see `jobs`."""
        members: dict[tuple[str, float], list[Job]] = {}
        for job in self.deciding:
            members.setdefault((job.recipe.network.cell, job.member.lam), []).append(job)
        return {
            cell_lam: best_epoch(
                [curves[job.key] for job in group],
                [len(self.folds[job.member.fold].validation) for job in group],
            )
            for cell_lam, group in members.items()
            if all(job.key in curves for job in group)
        }

    def jobs(self, curves: Mapping[str, np.ndarray]) -> list[Job]:
        """All members whose epochs are known.

        With early stopping the final fold is trained for the best epoch of each cell and λ (for one epoch
        where there is none), the schedule's length kept. Without, it is trained for as long as the others,
        and λ = 0 also for its best epoch, the schedule's length kept: the early-stopped networks, which a
        penalty is compared with. There are none where λ = 0 has no best epoch.

        Args:
            curves: key → validation loss by epoch (E,), of finished members of the other folds.
        """
        jobs, best = list(self.validated), self.best_epochs(curves)
        for cell in self.recipes:
            decided = {lam: epoch for (name, lam), epoch in best.items() if name == cell}
            if self.params.early_stopping:
                jobs += self._jobs(cell, FINAL, {lam: epoch or 1 for lam, epoch in decided.items()})
                continue
            jobs += self._jobs(cell, FINAL, self._full)
            stopped = {lam: epoch for lam, epoch in decided.items() if epoch}
            jobs += [replace(job, stopped=True) for job in self._jobs(cell, FINAL, stopped)]
        return jobs

    @property
    def _full(self) -> dict[float, int]:
        return dict.fromkeys(self.params.penalty.path(), self.params.epochs)

    def _jobs(self, cell: str, fold: str, epochs: Mapping[float, int]) -> list[Job]:
        """A cell's members of one fold; of the λ's in `epochs`."""
        recipe = self.recipes[cell]
        if fold == FINAL:
            recipe = replace(recipe, patience=None)
        data, batches = self._data[fold], -(-self.folds[fold].m // recipe.batch_size)
        parts = common_parts(recipe, self._digests[data])
        members = [
            Member(lam, seed, fold, count)
            for seed in range(self.params.seeds)
            for lam, count in epochs.items()
        ]
        return [
            Job(recipe, m, data, parts, member_key(parts, m), m.epochs * batches) for m in members
        ]

    @cached_property
    def _data(self) -> dict[str, str]:
        """Fold → the fold whose data its members are trained on: for the final one, another with the same
        training part, if there is one, so that one network serves both."""
        final = self.folds[FINAL]
        same = [name for name, fold in self.folds.items() if name != FINAL and _alike(fold, final)]
        return {name: name for name in self.folds} | {FINAL: [*same, FINAL][0]}

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {name: fold_digest(self.windows, self.folds[name]) for name in self._data.values()}


def recipe_for(cell: str, params: TrainParams, windows: Windows) -> Recipe:
    """The recipe of a cell's members.

    Raises:
        ValueError: train.segment does not divide the lookback, or a module cannot be trained.
    """
    layout = windows.layout
    channels = 1 if layout.channels == "independent" else len(layout.series)
    # What a network lacks must not change its members' keys.
    module = is_module(cell)
    recurrent = not module and bool(CELLS[cell].products)
    sized = module or recurrent
    if module and layout.known:
        raise ValueError(known_ahead(cell))
    shape = {
        "features": windows.values.shape[1],
        "outputs": layout.horizon * channels,
        "lookback": layout.lookback,
        "channels": channels,
        "hidden": params.hidden if sized else 1,
        "layers": params.layers if sized else 1,
        "segment": params.segment if recurrent else 1,
    }
    rates = {"dropout": params.dropout if sized else 0.0, "normalise": layout.normalise}
    rates["future"] = layout.known
    network = network_named(cell, Path.cwd(), **shape, **rates)
    multipliers = params.penalty.multipliers
    return Recipe(
        network, params.epochs, params.batch_size, params.optimizer, params.momentum,
        params.learning_rate, params.schedule, params.clip_norm, params.early_stopping,
        (multipliers.input, multipliers.recurrent, multipliers.head),
        penalty=params.penalty.kind, ratio=params.penalty.ratio, device=params.device,
        loss=params.loss, warmup=params.warmup, init="glorot" if module else params.init,
        shuffle=params.shuffle,
    )  # fmt: skip


def _alike(fold: Fold, other: Fold) -> bool:
    """Whether two folds of the same windows have the same training part."""
    pairs = ((fold.train, other.train), (fold.center, other.center), (fold.scale, other.scale))
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)

"""All members of all cells: what to train, in which order, and the fits that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from stages.artifacts.fits import Fit
from stages.artifacts.windows import Fold, Windows
from stages.networks.shape import Network
from stages.train import diagnostics
from stages.train.members import Member, Recipe, fold_digest, member_key
from stages.train.memory import refuse_excess, study_bytes
from stages.train.params import TrainParams
from stages.train.penalty import refuse_overshoot
from stages.train.pool import Job, members_at_once, train_jobs, workers
from stages.train.state import CURVES
from stages.train.store import Entry, MemberStore

FINAL = "final"


def recipe_for(cell: str, params: TrainParams, windows: Windows) -> Recipe:
    """The recipe of a cell's members.

    Raises:
        ValueError: train.segment does not divide the lookback.
    """
    layout = windows.layout
    channels = 1 if layout.channels == "independent" else len(layout.series)
    linear = cell == "linear"  # what a linear network has not must not change its members' keys
    network = Network(
        cell=cell,
        features=windows.values.shape[1],
        outputs=layout.horizon * channels,
        lookback=layout.lookback,
        channels=channels,
        hidden=1 if linear else params.hidden,
        layers=1 if linear else params.layers,
        segment=1 if linear else params.segment,
        dropout=0.0 if linear else params.dropout,
        normalise=layout.normalise,
    )
    multipliers = params.penalty.multipliers
    return Recipe(
        network, params.epochs, params.batch_size, params.optimizer, params.momentum,
        params.learning_rate, params.schedule, params.clip_norm, params.early_stopping,
        (multipliers.input, multipliers.recurrent, multipliers.head),
        penalty=params.penalty.kind, ratio=params.penalty.ratio, device=params.device,
    )  # fmt: skip


def train_study(development: Path, params: TrainParams, store: MemberStore) -> list[Fit]:
    """Every cell's fit; members that the store has are not trained again.

    With early stopping the final fold waits for the others: it is trained for the median best epoch
    over folds and seeds of each λ, with the schedule's length kept.
    """
    if params.device == "cuda":
        from stages.train.stacked import check_device

        check_device(params.device)
    windows = Windows.load(development)
    folds = {fold.name: fold for fold in windows.folds}
    recipes = {cell: recipe_for(cell, params, windows) for cell in params.cells}
    lambdas, seeds = params.penalty.path(), range(params.seeds)
    _refuse_excess(list(recipes.values()), windows, len(lambdas), params.seeds)
    digests = {name: fold_digest(windows, fold) for name, fold in folds.items()}
    for recipe in recipes.values():
        refuse_overshoot(recipe, lambdas, min(fold.m for fold in folds.values()))

    def jobs(names: list[str], epochs: dict[tuple[str, float], int]) -> list[Job]:
        made = []
        for cell, recipe in recipes.items():
            for name in names:
                for seed in seeds:
                    for lam in lambdas:
                        length = (
                            epochs.get((cell, lam), params.epochs)
                            if name == FINAL
                            else params.epochs
                        )
                        own = recipe if name != FINAL else _without_patience(recipe)
                        member = Member(lam, seed, name, length)
                        steps = length * -(-folds[name].m // own.batch_size)
                        made.append(Job(own, member, member_key(own, member, digests[name]), steps))
        return made

    checked = [name for name in folds if name != FINAL]
    if params.early_stopping:
        first = jobs(checked, {})
        train_jobs(development, first, store)
        epochs = _median_epochs(_entries(development, first, store))
        every = first + jobs([FINAL], epochs)
    else:
        every = jobs([*checked, FINAL], {})
    train_jobs(development, every, store)
    fits = []
    for cell, recipe in recipes.items():
        own = [job for job in every if job.recipe.network.cell == cell]
        fits.append(_fit(cell, recipe, params, folds, _entries(development, own, store)))
    return fits


def _refuse_excess(recipes: list[Recipe], windows: Windows, lambdas: int, seeds: int) -> None:
    device, members = recipes[0].device, lambdas * seeds
    processes = workers() if device == "cpu" else 1
    jobs = members * len(windows.folds) * len(recipes)
    at_once = members_at_once(device, jobs, processes)
    needed = study_bytes(recipes, windows, members, seeds, min(processes, jobs), at_once)
    largest = max(recipes, key=lambda recipe: recipe.network.parameters)
    refuse_excess(needed, largest, processes)


def _entries(development: Path, jobs: list[Job], store: MemberStore) -> Iterator[tuple[Job, Entry]]:
    """Each job with its entry; what is gone again, pruned by another run or deleted, is trained anew."""
    for job in jobs:
        while (entry := store.get(job.key)) is None:
            train_jobs(development, jobs, store)
        yield job, entry


def _without_patience(recipe: Recipe) -> Recipe:
    return Recipe(**{**vars(recipe), "patience": None})


def _median_epochs(entries: Iterable[tuple[Job, Entry]]) -> dict[tuple[str, float], int]:
    """(cell, λ) → the median best epoch over folds and seeds, at least 1."""
    found: dict[tuple[str, float], list[int]] = {}
    for job, (_, meta) in entries:
        place = (job.recipe.network.cell, job.member.lam)
        found.setdefault(place, []).append(meta["epochs"])
    return {place: max(1, round(float(np.median(epochs)))) for place, epochs in found.items()}


def _fit(
    cell: str, recipe: Recipe, params: TrainParams, folds: dict[str, Fold],
    entries: Iterable[tuple[Job, Entry]],
) -> Fit:  # fmt: skip
    """Gather a cell's members."""
    names, lambdas = list(folds), params.penalty.path()
    shape = (len(names), len(lambdas), params.seeds)
    network = recipe.network
    weights = np.zeros((*shape[1:], network.parameters), np.float32)
    epochs, train_mse = np.zeros(shape, np.int32), np.zeros(shape)
    norms, zeros = np.zeros((*shape, 3)), np.zeros((*shape, 3))
    layers, gates = diagnostics.recurrences(network)
    radii, gradients = (
        np.zeros((*shape, layers, gates)),
        np.zeros((*shape, 2, layers, network.steps)),
    )
    curves = {name: np.zeros((*shape, params.epochs)) for name in CURVES}
    losses = {n: np.zeros((*shape[1:], len(f.validation))) for n, f in folds.items() if n != FINAL}
    for job, (arrays, meta) in entries:
        at = (names.index(job.member.fold), lambdas.index(job.member.lam), job.member.seed)
        epochs[at], train_mse[at] = meta["epochs"], meta["train_mse"]
        norms[at] = diagnostics.norms(network, arrays["weights"])
        zeros[at] = diagnostics.zeros(network, arrays["weights"])
        radii[at] = diagnostics.spectral_radii(network, arrays["weights"])
        gradients[at] = arrays["state_gradients"]
        for name in CURVES:
            curves[name][at] = arrays[name]
        if job.member.fold == FINAL:
            weights[at[1:]] = arrays["weights"]
        else:
            losses[job.member.fold][at[1:]] = arrays["window_losses"]
    m = tuple(fold.m for fold in folds.values())
    return Fit(
        cell, asdict(recipe), lambdas, params.seeds, tuple(names), m, weights, epochs,
        train_mse=train_mse, norms=norms, zeros=zeros, spectral_radii=radii, state_gradients=gradients,
        window_losses=losses, **curves,
    )  # fmt: skip

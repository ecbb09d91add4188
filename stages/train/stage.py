"""All members of all cells, trained as planned, and the fits that result."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from stages.artifacts.fits import Fit
from stages.artifacts.windows import Windows
from stages.environment import workers
from stages.losses import MEASURES
from stages.train.engines import diagnostics
from stages.train.engines.engine import CURVES
from stages.train.engines.penalty import refuse_overshoot
from stages.train.params import TrainParams
from stages.train.planning.memory import refuse_excess, study_bytes
from stages.train.planning.study_plan import FINAL, Job, Plan
from stages.train.pool.processes import ATTEMPTS, Pool, members_at_once, train_jobs
from stages.train.pool.store import Entry, MemberStore


def train_study(development: Path, params: TrainParams, store: MemberStore) -> list[Fit]:
    """Every cell's fit; members that are in the store are not trained again."""
    if params.device == "cuda":
        from stages.train.engines.cuda import check_device

        check_device(params.device)
    plan = Plan(params, Windows.load(development))
    _refuse_excess(plan)
    for recipe in plan.recipes.values():
        refuse_overshoot(recipe, params.penalty.path(), min(fold.m for fold in plan.folds.values()))
    with Pool() as pool:
        jobs = _all_jobs(development, plan, store, pool)
        train_jobs(development, jobs, store, pool)
        pool.stop()  # the fits need the workers' memory
        fits = []
        for cell in plan.recipes:
            cell_jobs = [job for job in jobs if job.recipe.network.cell == cell]
            fits.append(_fit(cell, plan, _entries(development, cell_jobs, store, pool)))
    return fits


def _all_jobs(development: Path, plan: Plan, store: MemberStore, pool: Pool) -> list[Job]:
    """All jobs, once those that decide how long others are trained are in the store; see `Plan.jobs`."""
    if any(job.key not in store for job in plan.deciding):
        train_jobs(development, plan.jobs({}), store, pool)
    entries = _entries(development, plan.deciding, store, pool)
    curves = {job.key: arrays["validation_loss"] for job, (arrays, _) in entries}
    for (cell, lam), epochs in plan.best_epochs(curves).items():
        if epochs is None:
            print(_no_best_epoch(cell, lam, plan.params), file=sys.stderr)
    return plan.jobs(curves)


def _no_best_epoch(cell: str, lam: float, params: TrainParams) -> str:
    one = "its final fold is trained for one epoch"
    so = one if params.early_stopping else "none is stopped early"
    return (
        f"train: {cell} at λ = {lam:g} has no epoch that all its networks reached with a finite validation "
        f"loss, so {so}; lower train.learning_rate or set train.clip_norm"
    )


def _refuse_excess(plan: Plan) -> None:
    params, recipes = plan.params, list(plan.recipes.values())
    device, members = params.device, len(params.penalty.path()) * params.seeds
    processes = workers() if device == "cpu" else 1
    at_once = members_at_once(device, plan.members, processes)
    needed = study_bytes(
        recipes, plan.windows, members, plan.stopped, params.seeds,
        min(processes, plan.members), at_once,
    )  # fmt: skip
    largest = max(recipes, key=lambda recipe: recipe.network.parameters)
    refuse_excess(needed, largest, processes)


def _entries(
    development: Path, jobs: list[Job], store: MemberStore, pool: Pool
) -> Iterator[tuple[Job, Entry]]:
    """Each job with its entry; what has been pruned by another run or deleted is trained again.

    Raises:
        RuntimeError: entries vanish again and again.
    """
    for job in jobs:
        attempts = 1
        while (entry := store.get(job.key)) is None:
            if attempts == ATTEMPTS:
                raise RuntimeError(
                    f"members vanish from {store.root} before they are gathered, {ATTEMPTS} times: another "
                    "run prunes them; set RIDGELINE_STORE_GB higher in all runs that share this store"
                )
            train_jobs(development, jobs, store, pool)
            attempts += 1
        yield job, entry


def _fit(cell: str, plan: Plan, entries: Iterable[tuple[Job, Entry]]) -> Fit:
    """Gather a cell's members."""
    params, recipe, folds = plan.params, plan.recipes[cell], plan.folds
    names, lambdas, network = list(folds), params.penalty.path(), recipe.network
    shape = (len(names), len(lambdas), params.seeds)
    weights, epochs = np.zeros((*shape, network.parameters), np.float32), np.zeros(shape, np.int32)
    groups = len(diagnostics.groups_of(network))
    norms, zeros = np.zeros((*shape, groups)), np.zeros((*shape, groups))
    layers, gates = diagnostics.recurrences(network)
    radii, gradients = (
        np.zeros((*shape, layers, gates)),
        np.zeros((*shape, 2, layers, network.steps)),
    )
    curves = {name: np.zeros((*shape, params.epochs)) for name in CURVES}
    train_losses = {measure: np.zeros(shape) for measure in MEASURES}
    validated = {n: len(f.validation) for n, f in folds.items() if n != FINAL}
    window_losses = {
        measure: {name: np.zeros((*shape[1:], count)) for name, count in validated.items()}
        for measure in MEASURES
    }
    stopped_epochs, stopped = 0, []
    for job, (arrays, meta) in entries:
        if job.stopped:  # by seed
            stopped_epochs = job.member.epochs
            stopped.append(arrays["weights"])
            continue
        at = (names.index(job.member.fold), lambdas.index(job.member.lam), job.member.seed)
        weights[at], epochs[at] = arrays["weights"], meta["epochs"]
        norms[at] = diagnostics.norms(network, arrays["weights"])
        zeros[at] = diagnostics.zeros(network, arrays["weights"])
        radii[at] = diagnostics.spectral_radii(network, arrays["weights"])
        gradients[at] = arrays["state_gradients"]
        for name in CURVES:
            curves[name][at] = arrays[name]
        for index, measure in enumerate(MEASURES):
            train_losses[measure][at] = meta["train_losses"][index]
            if job.member.fold in validated:
                window_losses[measure][job.member.fold][at[1:]] = arrays["window_losses"][index]
    # The final fold has no validation part, though it may share its networks with a fold that has one.
    curves["validation_loss"][names.index(FINAL)] = np.nan
    m = tuple(fold.m for fold in folds.values())
    return Fit(
        cell, asdict(recipe), lambdas, params.seeds, tuple(names), m, weights, epochs,
        norms=norms, zeros=zeros, spectral_radii=radii, state_gradients=gradients,
        train_losses=train_losses, window_losses=window_losses, stopped_epochs=stopped_epochs,
        stopped_weights=np.array(stopped, np.float32).reshape(-1, network.parameters), **curves,
    )  # fmt: skip

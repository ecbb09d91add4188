"""The memory that a study will take, and what is free: what cannot fit is refused before it begins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil

from stages.artifacts.windows import Fold, Windows
from stages.losses import LOSSES
from stages.networks.kernels.workspace import plan_of
from stages.train.planning.members import Recipe

# Bytes that a process holds before it has any data, measured: the libraries, and the compiled kernels.
STAGE = 90 << 20
WORKER = {"cpu": 100 << 20, "cuda": 3 << 30, "module": 350 << 20}
JOB = 1500  # a member that is to be trained, with its key
SLAB = 1 << 18  # steps that are scaled at once
# Of each weight at the peak, while the penalty is laid out: the weight, two moments and the penalty's
# strength in single precision; λ/m · c and its product with the share in double precision.
BYTES_A_WEIGHT = 4 * 4 + 2 * 8
CGROUPS = Path("/sys/fs/cgroup")


def training_bytes(recipe: Recipe, windows: Windows, fold: Fold, members: int, seeds: int) -> int:
    """Bytes that a worker takes which trains `members` of a fold side by side.

    With K members of n weights, U of their seeds, E epochs, and a fold of m training and v validation windows
    that touch N values of the series (SLAB steps of which are scaled at once), in single precision:

        8 N + 16 (N of a slab)       the scaled series and its units; two copies in double precision before
        8 (m + v) + 16 U m + 16 m    rows, their orders in two epochs, losses of the training windows
        32 K v                       losses of the validation windows, twice
        32 K n                       see BYTES_A_WEIGHT (4 more with early stopping: the best weights)
        64 K E                       four curves in double precision, and a copy for the checkpoint
        4 (workspace + n)            activations of one tile, and the gradient; see `Network.plan`

    A GPU holds the activations of all K members in its own memory, which is not counted here; what a module
    keeps of a batch is not known, and only its windows are counted.
    """
    m, v = len(fold.train), len(fold.validation)
    n, k, u = recipe.network.parameters, members, min(members, seeds)
    steps, width = _steps(windows, fold), windows.values.shape[1]
    series = width * (8 * steps + 16 * min(steps, SLAB))
    measures = len(LOSSES)
    rows = 8 * (m + v) + 16 * u * m + 8 * measures * m + 16 * measures * k * v
    state = (BYTES_A_WEIGHT + 4 * bool(recipe.patience)) * k * n + 64 * k * recipe.epochs
    scratch = 4 * (_workspace(recipe) + n)
    return WORKER[recipe.engine] + series + rows + state + scratch


def _workspace(recipe: Recipe) -> int:
    """Numbers that a batch takes, see `training_bytes`."""
    network, size = recipe.network, recipe.batch_size
    if network.module is not None:
        return size * (network.step_inputs + 3 * network.outputs)
    return plan_of(network, size).elements


def _steps(windows: Windows, fold: Fold) -> int:
    """Steps of all series that a fold's windows touch."""
    return sum(line.stop - line.start for line in windows.touched(fold).values())


def result_bytes(recipe: Recipe, windows: Windows, members: int, stopped: int) -> int:
    """Bytes of a cell's fit: `members` of λ and seed, each in all folds, and `stopped` early; see `Fit`."""
    network, folds = recipe.network, len(windows.folds)
    losses = 8 * len(LOSSES) * sum(len(fold.validation) for fold in windows.folds)
    states = 16 * network.layers * network.steps
    path = folds * (4 * network.parameters + 32 * recipe.epochs + states) + losses
    return members * path + stopped * 4 * network.parameters


def study_bytes(
    recipes: Iterable[Recipe],
    windows: Windows,
    members: int,
    stopped: int,
    seeds: int,
    workers: int,
    at_once: int,
) -> int:
    """Bytes of all processes at the largest moment: while members train, or while their fits are gathered.

    Args:
        recipes: of the cells. members: λ's times seeds. stopped: early-stopped networks of a cell. workers:
            processes. at_once: members that one trains side by side.
    """
    recipes = list(recipes)
    digested = 8 * max(len(fold.train) + len(fold.validation) for fold in windows.folds)  # its rows
    training = max(
        (training_bytes(r, windows, f, at_once, seeds) for r in recipes for f in windows.folds),
        default=0,
    )
    fits = [result_bytes(recipe, windows, members, stopped) for recipe in recipes]
    gathering = sum(fits) + max(
        fits, default=0
    )  # all of them, and a second copy of the one that is written
    jobs = JOB * (members * len(windows.folds) + stopped) * len(fits)
    return STAGE + jobs + max(digested, workers * training, gathering)


def available() -> int:
    """Bytes that this process and its children can still take: of the machine, and of its control groups."""
    groups = free_in_groups(CGROUPS, Path("/proc/self/cgroup"))
    return int(min([psutil.virtual_memory().available, *groups]))


def refuse_excess(needed: int, recipe: Recipe, workers: int, free: int | None = None) -> None:
    """Refuse a study that needs more memory than there is.

    Raises:
        ValueError: with both figures, and what makes it smaller.
    """
    free = available() if free is None else free
    if needed <= free:
        return
    network = recipe.network
    raise ValueError(
        f"training would take about {_gigabytes(needed)} of memory, and {_gigabytes(free)} are free: with "
        f"train.hidden = {network.hidden}, train.layers = {network.layers}, train.batch_size = "
        f"{recipe.batch_size}, window.lookback = {network.lookback} and {workers} worker processes; make one "
        "of them smaller (RIDGELINE_WORKERS=1 is one process), or train.seeds, train.epochs or the list of λ"
    )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"


def free_in_groups(root: Path, listed: Path) -> list[int]:
    """What each control group of this process still allows; [] where there is none.

    A group's files are named by its version; cached bytes count as free, as they are given up at once.
    """
    try:
        lines = [line.split(":", 2) for line in listed.read_text().splitlines()]
    except OSError:
        return []
    free: list[int] = []
    for _, controllers, path in lines:
        if controllers == "":
            names, base = ("memory.max", "memory.current", "inactive_file"), root
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            base = root / "memory"
        else:
            continue
        inner = base / path.lstrip("/")
        free += [
            left
            for folder in (inner, *inner.parents)
            if folder.is_relative_to(base) and (left := _left(folder, *names)) is not None
        ]
    return free


def _left(folder: Path, limit: str, used: str, cached: str) -> int | None:
    try:
        most, now = (int((folder / name).read_text()) for name in (limit, used))
        statistics = dict(
            line.split() for line in (folder / "memory.stat").read_text().splitlines()
        )
    except (OSError, ValueError):  # no such group, or "max": no limit
        return None
    return max(0, most - now + int(statistics.get(cached, 0)))

"""Members of a study: what each is, and the key under which its result is kept."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from typing import Literal

import numpy as np

from stages.artifacts.windows import Fold, Windows
from stages.networks.digest import code_digest
from stages.networks.shape import Network

# What numpy and numba choose their instruction set by; `stages.pin` sets it, the user may overrule.
INSTRUCTIONS = (
    "NPY_DISABLE_CPU_FEATURES",
    "NUMBA_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NUMBA_DISABLE_INTEL_SVML",
    "OPENBLAS_CORETYPE",
)


PenaltyKind = Literal["l2", "decoupled", "l1", "elastic_net", "predictions"]


@dataclass(frozen=True)
class Recipe:
    """How a cell's members are trained; the same for all of them but for λ, seed and fold.

    `epochs` is the schedule's length; a member may be told to stop before (`Member.epochs`).
    """

    network: Network
    epochs: int
    batch_size: int
    optimizer: Literal["adam", "sgd"]
    momentum: float
    learning_rate: float
    schedule: Literal["constant", "cosine"]
    clip_norm: float | None
    patience: int | None
    multipliers: tuple[float, float, float]  # input, recurrent, head
    precision: Literal["float32", "float64"] = "float32"
    penalty: PenaltyKind = "l2"  # see `penalty.py`
    ratio: float | None = None  # ρ of an elastic net
    device: Literal["cpu", "cuda"] = "cpu"

    def rates(self) -> np.ndarray:
        """(E,) learning rate of each epoch; cosine: η_e = η/2 (1 + cos πe/E), as torch's
        CosineAnnealingLR(T_max=E) stepped once an epoch."""
        if self.schedule == "constant":
            return np.full(self.epochs, self.learning_rate)
        turns = np.arange(self.epochs) / self.epochs
        return self.learning_rate / 2 * (1 + np.cos(np.pi * turns))


@dataclass(frozen=True)
class Member:
    """One network: (λ, seed, fold), trained for `epochs` epochs."""

    lam: float
    seed: int
    fold: str
    epochs: int


def member_key(recipe: Recipe, member: Member, data_digest: str) -> str:
    """The digest of everything that determines a member's bits."""
    parts = {
        "recipe": asdict(recipe),
        "lam": member.lam.hex(),
        "seed": member.seed,
        "epochs": member.epochs,
        "data": data_digest,
        "code": code_digest(recipe.device),
        "versions": _versions(recipe.device),
        "machine": platform.machine(),
        "instructions": [os.environ.get(name) for name in INSTRUCTIONS],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def _versions(device: str) -> dict[str, str]:
    """Of the packages that decide bits; numpy draws the random numbers and the orthogonal start."""
    names = ("numpy", "numba", "llvmlite", *(("torch",) if device == "cuda" else ()))
    return {name: version(name) for name in names}


def rebased(windows: Windows, lines: dict[int, slice], rows: np.ndarray) -> np.ndarray:
    """Rows of windows as rows of `lines` (group → rows) one behind another."""
    shift, total = np.zeros(len(windows.first), np.int64), 0
    for group, line in lines.items():
        shift[group] = total - line.start
        total += line.stop - line.start
    if not shift.any():
        return np.array(rows, np.int64)
    return np.asarray(rows + shift[windows.group_origin(rows)[0]], np.int64)


def fold_digest(windows: Windows, fold: Fold) -> str:
    """Digest of the values, windows and scalers that a fold's members are trained and validated on.

    Of what the fold's windows touch alone: a series that it does not admit changes nothing.
    """
    digest, lines = hashlib.sha256(), windows.touched(fold)
    groups = list(lines)
    parts = [windows.values[line] for line in lines.values()]
    parts += [rebased(windows, lines, rows) for rows in (fold.train, fold.validation)]
    for array in (*parts, fold.center[groups], fold.scale[groups]):
        array = np.ascontiguousarray(array)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.data.cast("B") if array.size else b"")
    return digest.hexdigest()

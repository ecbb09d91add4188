"""The key under which a member is kept: a digest of all that determines its entry, and of nothing else.

The name of the fold decides nothing, nor does a field of the recipe that has its default value: a new
parameter leaves the keys of the members that do not use it as they were. KEY_VERSION numbers the way keys are
formed and what entries hold; change it with them, or with a default of `Recipe` or `Network`, and all members
are trained anew.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from stages.artifacts.windows import Fold, Windows
from stages.environment import instructions
from stages.networks.digest import code_digest
from stages.train.planning.members import Member, Recipe, rebased

KEY_VERSION = 2

Parts = dict[str, Any]


def common_parts(recipe: Recipe, data: str) -> Parts:
    """What determines all members of a recipe on a fold of this digest, in this process, by name."""
    return {
        "key version": KEY_VERSION,
        "code": code_digest(recipe.engine),
        "data": data,
        "recipe": _chosen(recipe),
        "machine": platform.machine(),
        **_versions(recipe.engine),
        **{f"instructions, {name}": value for name, value in instructions(recipe.engine).items()},
    }


def member_key(common: Parts, member: Member) -> str:
    """The digest of a member's λ, seed and epochs, and of what it has in common with others."""
    parts = common | {"lam": member.lam.hex(), "seed": member.seed, "epochs": member.epochs}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def difference(planned: Parts, here: Parts) -> str:
    """The parts that differ, in words, each with both values, shortened."""
    names = [name for name in planned | here if planned.get(name) != here.get(name)]
    parts = [
        f"{n}: {str(here.get(n))[:80]} here, {str(planned.get(n))[:80]} in the plan" for n in names
    ]
    return "; ".join(parts) or "keys are formed in another way here"


def _chosen(value: Any) -> Any:
    """A dataclass as the fields whose value is not their default."""
    if not is_dataclass(value):
        return value
    pairs = [(field, getattr(value, field.name)) for field in fields(value)]
    return {field.name: _chosen(given) for field, given in pairs if given != field.default}


@cache
def _versions(engine: str) -> dict[str, str]:
    """Of the packages that decide bits: numpy draws the random numbers and the orthogonal start."""
    names = ("numpy", "numba", "llvmlite", *(() if engine == "cpu" else ("torch",)))
    return {f"version of {name}": version(name) for name in names}


def fold_digest(windows: Windows, fold: Fold) -> str:
    """Digest of the values, windows, scalers and units that a fold's members are trained and validated on.

    It covers only what the fold's windows touch: a series that the fold does not admit changes nothing.
    """
    digest, lines = hashlib.sha256(), windows.touched(fold)
    groups = list(lines)
    parts = [windows.values[line] for line in lines.values()]
    parts += [rebased(windows, lines, rows) for rows in (fold.train, fold.validation)]
    scalers = fold.center[groups], fold.scale[groups], windows.rescale(fold)[groups]
    for array in (*parts, *scalers):
        array = np.ascontiguousarray(array)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.data.cast("B") if array.size else b"")
    return digest.hexdigest()

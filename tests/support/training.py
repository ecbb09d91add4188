"""Training of members in this process, in double precision, and the regression that it amounts to."""

from __future__ import annotations

import numpy as np

from stages.artifacts.windows import Windows
from stages.networks.shape import Network
from stages.train.engines.engine import fold_data, start_state
from stages.train.engines.trainer import Chunk, Outcome
from stages.train.planning.members import Member, Recipe
from tests.oracles.windows import batch, known_of


def recipe_of(network: Network, **more) -> Recipe:
    values = {
        "epochs": 3, "batch_size": 16, "optimizer": "adam", "momentum": 0.0, "learning_rate": 0.01,
        "schedule": "cosine", "clip_norm": None, "patience": None, "multipliers": (1.0, 1.0, 1.0),
        "precision": "float64", **more,
    }  # fmt: skip
    return Recipe(network, **values)


def trained(recipe: Recipe, windows: Windows, members: list[Member]) -> dict[Member, Outcome]:
    """Train members of one fold in this process."""
    fold = next(f for f in windows.folds if f.name == members[0].fold)
    outcomes: dict[Member, Outcome] = {}
    data = fold_data(windows, fold, recipe.precision)
    Chunk(recipe, data, members, start_state(recipe, members), outcomes.__setitem__).run()
    return outcomes


def linear(windows: Windows) -> Network:
    layout = windows.layout
    channels = windows.levels.shape[1]
    return Network(
        "linear", windows.values.shape[1], layout.horizon * channels, layout.lookback, channels, 1,
        normalise=layout.normalise, future=layout.known,
    )  # fmt: skip


def design(windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (m, L·F + H·k) and targets (m, H·C) of the final fold as a linear network sees them."""
    fold = windows.folds[-1]
    x, y, _, _ = batch(windows, fold.train, fold.center, fold.scale)
    known = known_of(windows, fold.train, fold.center, fold.scale)
    return np.concatenate([x.reshape(len(x), -1), known], 1), y.reshape(len(y), -1)

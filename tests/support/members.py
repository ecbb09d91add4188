"""Members of networks whose sizes do not divide evenly, and when two outcomes are the same."""

from __future__ import annotations

import numpy as np

from stages.networks.shape import Network
from stages.train.engines.trainer import Outcome
from stages.train.planning.members import Member, Recipe
from tests.support.synthetic_windows import synthetic_windows

WINDOWS = synthetic_windows(
    steps=120, groups=2, features=2, lookback=12, horizon=5, normalise="instance"
)
CASES = {  # networks and their batch sizes
    "linear": (Network("linear", 2, 5, 12, 1, 1, normalise="instance"), 33),
    "rnn": (Network("rnn", 2, 5, 12, 1, 5, layers=2, dropout=0.3, normalise="instance"), 37),
    "gru": (Network("gru", 2, 5, 12, 1, 7, segment=3, normalise="instance"), 19),
    "lstm": (Network("lstm", 2, 5, 12, 1, 9, normalise="instance"), 50),
}


def recipe_for(cell: str, epochs: int = 4, patience: int | None = None) -> Recipe:
    """Adam, clipped, with a penalty that weighs the groups of weights differently."""
    network, batch = CASES[cell]
    return Recipe(
        network, epochs, batch, "adam", 0.0, 0.01, "cosine", 1.0, patience, (1.0, 0.5, 2.0)
    )


def members_of(count: int, epochs: int = 4, fold: str = "fold1") -> list[Member]:
    """Three seeds of each λ."""
    return [Member(0.3 * (i // 3), i % 3, fold, epochs) for i in range(count)]


def assert_same(first: Outcome, second: Outcome) -> None:
    """To the bit."""
    for name in ("weights", "curves", "window_losses", "state_gradients"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    np.testing.assert_array_equal(first.train_losses, second.train_losses)
    assert first.epochs == second.epochs

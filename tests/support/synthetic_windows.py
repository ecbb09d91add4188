"""Small windows in memory, for tests of the training."""

from __future__ import annotations

import numpy as np

from stages.artifacts.calendar import Calendar
from stages.artifacts.windows import Fold, Layout, Windows


def synthetic_windows(
    steps: int = 90, groups: int = 1, features: int = 1, lookback: int = 6, horizon: int = 3,
    channels: int = 1, normalise: str = "none", seed: int = 0, known: int = 0,
) -> Windows:  # fmt: skip
    """Random series of a stable autoregression, two folds and `final`.

    The last `known` features are known over the horizon.
    """
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(groups, steps, features))
    for t in range(1, steps):
        values[:, t] += 0.7 * values[:, t - 1]
    layout = Layout(
        lookback, horizon, normalise, "joint" if channels > 1 else "independent",
        tuple(f"s{i}" for i in range(groups * channels)), (), {"order": 0, "lag": 1}, 0, "standard",
        Calendar("D", "datetime"), known=known,
    )  # fmt: skip

    def rows(first: int, stop: int) -> np.ndarray:
        origins = np.arange(max(lookback, first) - 1, stop - horizon)
        return (np.arange(groups)[:, None] * steps + origins).reshape(-1)

    def fold(name: str, stop: int, end: int) -> Fold:
        part = values[:, :stop]
        validation = rows(stop, end) if end else np.empty(0, np.int64)
        return Fold(name, rows(0, stop), validation, part.mean(1), part.std(1))

    a, b = steps * 5 // 9, steps * 7 // 9
    folds = (fold("fold0", a, b), fold("fold1", b, steps), fold("final", steps, 0))
    flat = values.reshape(-1, features)
    levels = flat[:, :channels]
    return Windows(
        layout, flat, levels, np.ones_like(levels, bool), steps * np.arange(groups + 1),
        np.zeros(groups, np.int64), np.arange(steps) * 86_400_000_000,
        folds, np.empty(0, np.int64), folds[0].center, folds[0].scale, a, 0,
    )  # fmt: skip

"""Small windows files made by hand, for the tests of `evaluate`."""

from __future__ import annotations

import numpy as np

from stages.artifacts.windows import Fold, Layout, Windows

HOUR = 3_600_000_000  # µs


def waves(steps: int, series: int, season: int = 6) -> np.ndarray:
    """(T, n) positive levels with a season, a slow wander and noise."""
    rng = np.random.default_rng(3)
    t = np.arange(steps)[:, None] + np.arange(series)
    wander = rng.normal(size=(steps, series)).cumsum(0) * 0.3
    noise = rng.normal(size=(steps, series))
    return 40 + 10 * np.sin(2 * np.pi * t / season) * (1 + np.arange(series)) + wander + noise


def make(
    levels: np.ndarray,
    *,
    ends: tuple[int, int],
    lookback: int = 8,
    horizon: int = 3,
    normalise: str = "last",
    channels: str = "independent",
    covariates: np.ndarray | None = None,
    folds: int = 2,
    final: str = "train_and_validation",
) -> tuple[Windows, Windows]:
    """Development and test windows of levels (T, n), NaN at gaps, which are filled from the past.

    `ends` are the ends of train and validation. covariates (T, k) are every group's own.
    """
    steps, n = levels.shape
    train, validation = ends
    own = np.zeros((steps, 0)) if covariates is None else covariates
    filled = levels.copy()
    for t in range(1, steps):
        filled[t] = np.where(np.isnan(filled[t]), filled[t - 1], filled[t])
    grouped = [filled[:, [g]] for g in range(n)] if channels == "independent" else [filled]
    seen = np.isfinite(levels)
    observed = np.stack([seen[:, [g]] for g in range(n)] if channels == "independent" else [seen])
    lines = np.stack(grouped)  # (G, T, C)
    values = np.concatenate([lines, np.broadcast_to(own, (len(lines), *own.shape))], 2)

    def rows(first: int, last: int, offset: int, length: int) -> np.ndarray:
        """Rows whose targets lie in [first, last) and were observed."""
        found = [
            g * length + t - offset
            for g in range(len(lines))
            for t in range(max(first - 1, lookback - 1), last - horizon)
            if observed[g, t + 1 : t + 1 + horizon].all()
        ]
        return np.array(found, np.int64)

    def scaler(end: int) -> tuple[np.ndarray, np.ndarray]:
        return values[:, :end].mean(1), values[:, :end].std(1)

    block = (validation - train) // folds
    made = [
        Fold(
            f"fold{k}",
            rows(0, train + k * block, 0, validation),
            rows(train + k * block, train + (k + 1) * block, 0, validation),
            *scaler(train + k * block),
        )
        for k in range(folds)
    ]
    end = validation if final == "train_and_validation" else train
    none = np.zeros(0, np.int64)
    made.append(Fold("final", rows(0, end, 0, validation), none, *scaler(end)))
    layout = Layout(
        lookback=lookback,
        horizon=horizon,
        normalise=normalise,
        channels=channels,
        series=[f"s{i}" for i in range(n)],
        covariates=[f"x{i}" for i in range(own.shape[1])],
        difference={"order": 0, "lag": 1},
        frequency="h",
        time="datetime",
    )
    offset = validation - lookback - 1
    time = np.arange(steps, dtype=np.int64) * HOUR
    files = []
    for part, at, own_folds, own_rows in (
        (slice(0, validation), 0, tuple(made), none),
        (slice(offset, steps), offset, (), rows(validation, steps, offset, steps - offset)),
    ):
        files.append(
            Windows(
                layout=layout,
                values=values[:, part],
                levels=lines[:, part],
                observed=observed[:, part],
                time=time[part],
                folds=own_folds,
                rows=own_rows,
                center=scaler(train)[0],
                scale=scaler(train)[1],
                train_end=train,
                offset=at,
            )
        )
    return files[0], files[1]

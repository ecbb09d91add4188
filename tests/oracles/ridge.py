"""scikit-learn's ridge of windows, its errors in scaled units."""

from __future__ import annotations

from sklearn.linear_model import Ridge

from stages.artifacts.windows import Fold, Windows
from tests.oracles.windows import batch


def ridge(lam: float, windows: Windows, fold: Fold, channel: int = 0) -> Ridge:
    """Of a fold's training windows: from what each shows, (N, L·F), to one channel's targets (N, H)."""
    x, y, _, spread = batch(windows, fold.train, fold.center, fold.scale)
    weight = spread[:, channel] ** 2  # of the normalised error
    model = Ridge(alpha=lam, solver="svd")
    return model.fit(x.reshape(len(x), -1), y[..., channel], sample_weight=weight)

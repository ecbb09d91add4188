"""Which windows of a panel can be used."""

from __future__ import annotations

import numpy as np

from stages.window.panel import Panel


def usable(panel: Panel, lookback: int, horizon: int) -> np.ndarray:
    """(V,) bool: origins whose inputs have no gap and whose targets were all observed. O(V).

    Inputs are also the steps of the horizon of what is known over it.
    """
    rows = np.arange(len(panel.values))
    groups = panel.groups
    reach = max(lookback, panel.lag, 1)
    inside = (rows - panel.starts[groups] >= reach - 1) & (
        rows + horizon < panel.starts[groups + 1]
    )
    good = np.zeros(len(rows), bool)
    origins = rows[inside]
    gaps = _rows_before(np.isnan(panel.values))
    unscored = _rows_before(~panel.scored)
    unknown = _rows_before(np.isnan(panel.levels))
    ahead = _rows_before(np.isnan(panel.ahead))
    good[origins] = (
        (gaps[origins + 1] == gaps[origins + 1 - lookback])
        & (ahead[origins + 1 + horizon] == ahead[origins + 1])
        & (unscored[origins + 1 + horizon] == unscored[origins + 1])
        & (unknown[origins + 1] == unknown[origins + 1 - max(panel.lag, 1)])
    )
    return good


def _rows_before(flags: np.ndarray) -> np.ndarray:
    """Flags (V, X) → (V + 1,): how many rows with any flag come before each row."""
    counts = np.zeros(len(flags) + 1, np.int64)
    np.cumsum(flags.any(axis=1), out=counts[1:])
    return counts

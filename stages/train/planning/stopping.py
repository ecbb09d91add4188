"""How long early stopping trains: one number of epochs for all networks of a cell at one λ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def best_epoch(curves: npt.ArrayLike, windows: Sequence[int]) -> int | None:
    """The number of epochs after which the validation loss of a cell at one λ is lowest.

    With v_ke the validation loss of network k after e epochs and N_k the validation windows of its fold,

        v_e = Σ_k N_k v_ke / Σ_k N_k,   best = argmin_e v_e, the first of equal ones

    Every fold has the same seeds, so v is the mean over seeds, the folds weighted by their windows. Only
    epochs count that all of these networks have reached with a finite loss: a mean over fewer would jump.

    Args:
        curves: (K, E) the loss of each network by epoch, not finite where it was not trained or had diverged.
        windows: (K,) of each network's fold; where there are none, the network does not count.

    Returns:
        At least 1; None where no epoch counts.
    """
    counts = np.asarray(windows, float)
    losses, counts = np.asarray(curves, float)[counts > 0], counts[counts > 0]  # (K, E), (K,)
    reached = np.flatnonzero(np.isfinite(losses).all(axis=0))
    if not counts.size or not reached.size:
        return None
    mean = (counts[:, None] * losses[:, reached]).sum(axis=0)
    return int(reached[np.argmin(mean)]) + 1

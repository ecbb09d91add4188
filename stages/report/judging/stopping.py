"""Early stopping instead of a penalty: it regularises too, so L2 is compared with it.

λ is one value for all networks, so early stopping gets one epoch for all: the argmin over epochs of the
validation path of λ = 0, to which the final fit is trained again (see stages/train/planning/stopping.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit
from stages.report.judging.averages import over_folds
from stages.report.judging.contenders import Contender


@dataclass(frozen=True)
class Stopped:
    """A cell's networks of λ = 0 after `epochs` epochs.

    Attributes:
        validation: loss at that epoch in the trained loss's measure and scaled units, mean over folds
            (weighted by windows) and seeds. overall: metric → its mean over seeds on the test part.
        contender: test losses by window.
    """

    epochs: int
    validation: float
    overall: pd.Series
    contender: Contender


def validation_at(fit: Fit, lam_index: int, epochs: int) -> float:
    """The validation path of one λ after so many epochs."""
    curve = np.asarray(fit.validation_loss, float)[:, lam_index, :, epochs - 1]  # (folds, S)
    return float(over_folds(fit, curve).mean())


def stops_early(fit: Fit) -> bool:
    """Whether the networks themselves were trained with early stopping."""
    return fit.config.get("patience") is not None


def epochs_text(fit: Fit, lam_index: int) -> str:
    """Epochs of the final fit at a λ, with the range over the networks of the folds where they differ."""
    final = str(round(float(np.median(fit.epochs[-1, lam_index]))))
    tried = np.asarray(fit.epochs)[fit.validated, lam_index]
    return final if tried.min() == tried.max() else f"{final} ({tried.min()}–{tried.max()})"

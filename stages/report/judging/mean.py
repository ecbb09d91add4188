"""The mean of a cell's forecasts and ridge's, in equal parts, in the report (see stages/evaluate/mean.py)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from stages.report.judging.contenders import Contender, Folds, mean_of


@dataclass(frozen=True)
class Mean:
    """A cell's networks at its chosen λ, each averaged with ridge.

    Attributes:
        cell, lam: the cell and its λ. name: of the mean.
        contender: the mean of ridge and the network of each seed. ensemble: of ridge and the seeds' mean
            forecast; None with one seed.
        overall: metric → its mean over seeds on the test part. ensemble_overall: of the ensemble.
        validated: fold → losses of its validation windows in the test losses' unit, mean over seeds; empty
            where no ranked series has any. ensemble_validation: the ensemble's mean loss there, or NaN.
    """

    cell: str
    lam: float
    name: str
    contender: Contender
    ensemble: Contender | None
    overall: pd.Series
    ensemble_overall: pd.Series | None
    validated: Folds
    ensemble_validation: float

    @property
    def validation(self) -> float:
        """Validation loss in the test losses' unit; NaN where no ranked series has any."""
        return mean_of(self.validated)

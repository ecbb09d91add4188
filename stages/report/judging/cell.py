"""A cell in the report: its fit, its path, and what its members did on the test part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit
from stages.artifacts.scores import ENSEMBLE
from stages.report.judging.contenders import Contender, Folds, WindowLosses, mean_of
from stages.report.judging.intervals import Array
from stages.report.judging.selection import LambdaPath
from stages.report.judging.stopping import Stopped


@dataclass(frozen=True)
class Cell:
    """One cell of the study, judged by one measure.

    Attributes:
        measure: what λ is chosen and forecasts are compared by, a name of MEASURES.
        chosen: index of the λ chosen by the report's rule.
        zero: index of λ = 0, None where the grid lacks it.
        overall: a row per λ (in order), a column per metric, mean over seeds of members' errors.
        test_by_seed: (Λ, S) test loss in scaled units.
        contender, at_zero: the members at the chosen λ, and at λ = 0 (None where the grid lacks it).
        ensemble, ensemble_at_zero: the seeds' mean forecast at both; None with one seed.
        ensemble_overall: as `overall`, of the ensemble.
        stopped: λ = 0 with early stopping; None where there is none.
        validated: λ → fold → losses of its validation windows in the test losses' unit, mean over seeds; of
            λ = 0 and of the λ's that a rule chooses.
        ensemble_validation: mean loss of the ensemble's validation windows at the chosen λ, in that unit; NaN
            where there is none.
        squared, validated_squared: mean squared errors at the chosen λ on the test part and on validation
            windows (None where no ranked series has one).
    """

    fit: Fit
    measure: str
    path: LambdaPath
    chosen: int
    zero: int | None
    overall: pd.DataFrame
    test_by_seed: Array
    contender: Contender
    at_zero: Contender | None
    ensemble: Contender | None
    ensemble_at_zero: Contender | None
    ensemble_overall: pd.DataFrame
    stopped: Stopped | None
    validated: Mapping[float, Folds]
    ensemble_validation: float
    squared: WindowLosses
    validated_squared: WindowLosses | None

    @property
    def name(self) -> str:
        return self.fit.cell

    @property
    def lam(self) -> float:
        return self.path.lambdas[self.chosen]

    @property
    def averaged_seed(self) -> int:
        """What stands for the seed in the rows of the seeds' mean forecast."""
        return ENSEMBLE if self.fit.seeds > 1 else 0

    @property
    def test(self) -> Array:
        """(Λ,) test loss in scaled units, mean over seeds."""
        return np.asarray(self.test_by_seed.mean(axis=1))

    @property
    def validation(self) -> float:
        """Validation loss at the chosen λ in the test losses' unit; NaN where no ranked series has any."""
        return mean_of(self.validated.get(self.lam))

    @property
    def regret(self) -> float:
        """What the choice loses on the test part to the best λ in hindsight, in per cent."""
        return float(self.regrets[self.chosen])

    @property
    def regrets(self) -> Array:
        """(Λ,) what each λ loses on the test part to the best one in hindsight, in per cent."""
        finite = self.test[np.isfinite(self.test)]
        return _percent_over(self.test, float(finite.min()) if finite.size else math.nan)

    @property
    def to_zero(self) -> float:
        """What the choice loses on the test part to λ = 0, in per cent; negative is a gain.

        NaN where the grid lacks λ = 0 or a member of it diverged.
        """
        zero = math.nan if self.zero is None else float(self.test[self.zero])
        return float(_percent_over(self.test, zero)[self.chosen])


def _percent_over(losses: Array, reference: float) -> Array:
    """By how many per cent losses exceed the reference; NaN where that has no meaning."""
    if not 0 < reference < math.inf:
        return np.full(losses.shape, math.nan)
    return np.asarray(100 * (losses / reference - 1))

"""A cell in the report: its fit, its path, and what its members did on the test part."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit
from stages.report.judging.intervals import Array
from stages.report.judging.selection import LambdaPath
from stages.report.judging.verdicts import WindowLosses


@dataclass(frozen=True)
class Cell:
    """One cell of the study, judged by one measure.

    Attributes:
        measure: what λ is chosen and forecasts are compared by, a name of MEASURES.
        chosen: index of the λ chosen by the report's rule.
        zero: index of λ = 0, None where the grid lacks it.
        overall: a row per λ (in order), a column per metric, mean over seeds of members' errors.
        test_by_seed: (Λ, S) test loss in scaled units.
        losses: (Λ) test losses by window, mean over the seeds, in scaled units.
        ensemble: (Λ) test losses by window of the seeds' mean forecast; empty with one seed.
        ensemble_overall: as `overall`, of the ensemble.
        squared, validated_squared: mean squared errors at the chosen λ, as `losses`; on validation windows
            (None where no ranked series has one).
    """

    fit: Fit
    measure: str
    path: LambdaPath
    chosen: int
    zero: int | None
    overall: pd.DataFrame
    test_by_seed: Array
    losses: tuple[WindowLosses, ...]
    ensemble: tuple[WindowLosses, ...]
    ensemble_overall: pd.DataFrame
    squared: WindowLosses
    validated_squared: WindowLosses | None

    @property
    def name(self) -> str:
        return self.fit.cell

    @property
    def lam(self) -> float:
        return self.path.lambdas[self.chosen]

    @property
    def test(self) -> Array:
        """(Λ,) test loss in scaled units, mean over seeds."""
        return np.asarray(self.test_by_seed.mean(axis=1))

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

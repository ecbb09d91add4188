"""Which forecaster a study would use: of cells, their means with ridge, and baselines, by validation error.

The folds are those that choose λ, the unit that of the test losses for all. With several seeds a cell stands
here as its ensemble, the object that is served. The choice is made before the test part is seen, so its test
error is an honest one; what the two fixed questions compare is the networks (see questions.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from stages.report.judging.cell import Cell
from stages.report.judging.mean import Mean


@dataclass(frozen=True)
class Candidate:
    """A forecaster in the table of all.

    Attributes:
        name, lam: for a label; lam is NaN where it has none. detail: what else it chose; empty for nothing.
        validation, test: mean loss by window in scaled units; validation is NaN where there is none.
        scores: metric → its value on the test part, in the data's units.
        eligible: whether it is one forecaster, which can be chosen; not a mean over several networks' errors.
    """

    name: str
    lam: float
    validation: float
    test: float
    scores: pd.Series
    eligible: bool = True
    detail: str = ""


def of_cell(cell: Cell) -> Iterable[Candidate]:
    """Its networks at the chosen λ, and their ensemble."""
    at, several = cell.chosen, cell.ensemble is not None
    yield Candidate(
        cell.name, cell.lam, cell.validation, float(cell.test[at]), cell.overall.iloc[at],
        eligible=not several,
    )  # fmt: skip
    if cell.ensemble is not None:
        yield Candidate(
            cell.ensemble.name, cell.lam, cell.ensemble_validation, cell.ensemble.mean.mean_loss,
            cell.ensemble_overall.iloc[at],
        )  # fmt: skip


def of_mean(mean: Mean) -> Iterable[Candidate]:
    """As `of_cell`."""
    several = mean.ensemble is not None
    test = mean.contender.mean.mean_loss
    yield Candidate(mean.name, mean.lam, mean.validation, test, mean.overall, eligible=not several)
    if mean.ensemble is not None and mean.ensemble_overall is not None:
        yield Candidate(
            mean.ensemble.name, mean.lam, mean.ensemble_validation, mean.ensemble.mean.mean_loss,
            mean.ensemble_overall,
        )  # fmt: skip


def of_baselines(table: pd.DataFrame, details: Mapping[str, str]) -> Iterable[Candidate]:
    """The baselines of `Study.baselines`; details: see `Index`."""
    for name, row in table.iterrows():
        yield Candidate(
            str(name), row["lam"], row["validation"], row["loss"], row,
            detail=details.get(str(name), ""),
        )  # fmt: skip


def chosen(candidates: Iterable[Candidate]) -> Candidate | None:
    """The eligible one with the lowest validation error (of equals the first); None where none has any."""
    finite = [one for one in candidates if one.eligible and math.isfinite(one.validation)]
    return min(finite, key=lambda one: one.validation, default=None)

"""A cell of a study, and its mean with ridge, from the fits and the scores."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit
from stages.artifacts.linear_map import mean_name
from stages.artifacts.scores import EARLY_STOPPED, ENSEMBLE
from stages.artifacts.windows import Windows
from stages.report.judging.cell import Cell
from stages.report.judging.contenders import Contender, WindowLosses, mean_of, together
from stages.report.judging.mean import Mean
from stages.report.judging.questions import STOPPED, ZERO, ensemble_name
from stages.report.judging.selection import path_of
from stages.report.judging.stopping import Stopped, validation_at
from stages.report.params import ReportParams
from stages.report.read_losses import of_early_stopped, of_members, validated_members


def read_cell(fit: Fit, development: Windows, scores: Path, params: ReportParams) -> Cell:
    """A cell's fit, its path, and the errors of its members and ensembles.

    Raises:
        ValueError: as `path_of`.
    """
    measure = params.measured(fit.config["loss"])
    path = path_of(fit, development, measure)
    chosen = path.chosen(params.rule)
    zero = path.lambdas.index(0.0) if 0.0 in path.lambdas else None
    lam = path.lambdas[chosen]
    members = overall_scores(scores / f"{fit.cell}.parquet")
    of_ensemble = members.index.get_level_values("seed") == ENSEMBLE
    overall = members[~of_ensemble].groupby("lam").mean(skipna=False)
    test = of_members(scores, fit.cell, measure)
    squared = test if measure == "mse" else of_members(scores, fit.cell, "mse")
    validated, of_ensembles = validated_members(scores, fit.cell, measure)
    of_squared = validated
    if measure != "mse":
        of_squared, _ = validated_members(scores, fit.cell, "mse")

    def trained(name: str, at: float, label: float = math.nan) -> Contender:
        members = tuple(test[at, seed] for seed in range(fit.seeds))
        return Contender(name, members, label, seeded=True)

    def averaged(name: str, at: float, label: float = math.nan) -> Contender | None:
        one = test.get((at, ENSEMBLE))
        return None if one is None else Contender(name, (one,), label)

    return Cell(
        fit=fit,
        measure=measure,
        path=path,
        chosen=chosen,
        zero=zero,
        overall=overall.reindex(list(path.lambdas)),
        test_by_seed=np.array(
            [[test[one, seed].mean_loss for seed in range(fit.seeds)] for one in path.lambdas]
        ),
        contender=trained(fit.cell, lam, lam),
        at_zero=None if zero is None else trained(ZERO, 0.0),
        ensemble=averaged(ensemble_name(fit.cell), lam, lam),
        ensemble_at_zero=None if zero is None else averaged(ZERO, 0.0),
        ensemble_overall=members[of_ensemble].droplevel("seed").reindex(list(path.lambdas)),
        stopped=_stopped(fit, scores, measure, zero),
        validated=validated,
        ensemble_validation=mean_of(of_ensembles.get(lam)),
        squared=WindowLosses.mean([squared[lam, seed] for seed in range(fit.seeds)]),
        validated_squared=together(of_squared[lam]) if lam in of_squared else None,
    )


def _stopped(fit: Fit, scores: Path, measure: str, zero: int | None) -> Stopped | None:
    if not fit.stopped_epochs or zero is None:
        return None
    overall = overall_scores(scores / f"{EARLY_STOPPED}.parquet", ["cell", "seed"]).loc[fit.cell]
    test = of_early_stopped(scores, fit.cell, measure)
    members = tuple(test[seed] for seed in range(fit.seeds))
    return Stopped(
        epochs=fit.stopped_epochs,
        validation=validation_at(fit, zero, fit.stopped_epochs),
        overall=pd.Series(overall[overall.index != ENSEMBLE].mean(skipna=False)),
        contender=Contender(STOPPED, members, seeded=True),
    )


def read_mean(cell: Cell, scores: Path) -> Mean:
    """The mean of ridge's forecasts and of those of a cell at its chosen λ."""
    name, lam, seeds = mean_name(cell.name), cell.lam, range(cell.fit.seeds)
    test = of_members(scores, name, cell.measure)
    overall = overall_scores(scores / f"{name}.parquet")
    ensemble = test.get((lam, ENSEMBLE))
    members = overall[overall.index.get_level_values("seed") != ENSEMBLE]
    validated, of_ensembles = validated_members(scores, name, cell.measure)
    return Mean(
        cell=cell.name,
        name=name,
        lam=lam,
        contender=Contender(name, tuple(test[lam, seed] for seed in seeds), lam, seeded=True),
        ensemble=None if ensemble is None else Contender(ensemble_name(name), (ensemble,), lam),
        overall=pd.Series(members.xs(lam).mean(skipna=False)),
        ensemble_overall=None if ensemble is None else pd.Series(overall.xs(lam).xs(ENSEMBLE)),
        validated=validated.get(lam, {}),
        ensemble_validation=mean_of(of_ensembles.get(lam)),
    )


def overall_scores(path: Path, index: list[str] | None = None) -> pd.DataFrame:
    """The overall scores, a column per metric: a row per member (lam, seed), or per index."""
    rows = pd.read_parquet(path, filters=[("unique_id", "==", ""), ("step", "==", 0)])
    rows = rows.astype({"cell": str, "metric": str})
    return rows.set_index([*(index or ["lam", "seed"]), "metric"])["value"].unstack("metric")

"""Everything that the report says, gathered once: the choice of λ, test losses, verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit, load_fits
from stages.artifacts.scores import EARLY_STOPPED, ENSEMBLE, Index, load_index
from stages.artifacts.windows import Windows
from stages.report.cautions.absences import absences
from stages.report.cautions.alarms import alarms
from stages.report.cautions.dependence import outlasting
from stages.report.judging.cell import Cell
from stages.report.judging.contenders import Contender, WindowLosses, together
from stages.report.judging.intervals import by_origin
from stages.report.judging.other_tests import confidence_set
from stages.report.judging.questions import STOPPED, ZERO, Answers, ask, ensemble_name
from stages.report.judging.selection import path_of
from stages.report.judging.stopping import Stopped, validation_at
from stages.report.params import ReportParams
from stages.report.read_losses import (
    of_baselines,
    of_early_stopped,
    of_members,
    validated_baselines,
    validated_members,
)
from stages.report.writing.loss_words import units


@dataclass(frozen=True)
class Study:
    """All cells of a study with the baselines and the verdicts between them.

    Attributes:
        baselines: a row per baseline (sorted by test loss), metrics, `loss` on the test part and
            `validation` as columns; `lam` where the baseline has one. Empty where the study names none.
        baseline: the one that validation chooses: the lowest validation loss; None where none has any.
        answers: the verdicts, by family of questions.
        confidence_set: forecasters of which none is shown to be worse than another; None where the
            test part is too short for it.
        index: which forecasters there are, and what is left out of their errors.
        alarms: signs that a loss cannot be right. absences: what is left out of which numbers. Sentences.
        outlasting: pairs whose loss differences on validation are still correlated a horizon later.
        units: a sentence where validation and test errors are in different units; else empty.
    """

    params: ReportParams
    cells: tuple[Cell, ...]
    baselines: pd.DataFrame
    baseline: str | None
    answers: Answers
    confidence_set: tuple[str, ...] | None
    horizon: int
    origins: int
    index: Index
    alarms: tuple[str, ...]
    absences: tuple[str, ...]
    outlasting: tuple[str, ...]
    units: str

    @property
    def horizons(self) -> float:
        """n/H: how many independent horizons the test part holds."""
        return self.origins / self.horizon

    @property
    def best(self) -> Cell:
        """The cell that validation chooses: the lowest validation loss at its λ (ties: the first)."""
        return lowest(self.cells)

    @property
    def measure(self) -> str:
        """The measure of all errors that are compared; one for all cells, as the loss is."""
        return self.cells[0].measure


def lowest(cells: Sequence[Cell]) -> Cell:
    """The cell with the lowest validation loss at its chosen λ."""
    return min(cells, key=lambda cell: cell.path.loss[cell.chosen])


def load_study(development: Windows, fits: Path, scores: Path, params: ReportParams) -> Study:
    """Read the small files of a study and draw its conclusions."""
    index, horizon = load_index(scores), development.layout.horizon
    cells = tuple(_cell(fit, development, scores, params) for fit in load_fits(fits))
    best = lowest(cells)
    measure = best.measure
    test, validated = of_baselines(scores, measure), validated_baselines(scores, measure)
    squared, validated_squared = test, validated
    if measure != "mse":
        squared, validated_squared = of_baselines(scores, "mse"), validated_baselines(scores, "mse")
    table, baselines = _baselines(scores, index.baselines, test)
    table["validation"] = [
        together(validated[name]).mean_loss if name in validated else math.nan
        for name in table.index
    ]
    validations = table["validation"].dropna()
    baseline = str(validations.idxmin()) if len(validations) else None
    repeated = validated_squared.get("repeat_last")
    rivals = {f"{best.name} against {ZERO}": best.validated.get(0.0) if best.lam else None}
    rivals |= {f"{best.name} against {baseline}": validated.get(baseline or "")}
    rated = [one for cell in cells for one in (cell.contender, cell.ensemble) if one is not None]
    rated += baselines.values()
    return Study(
        params=params,
        cells=cells,
        baselines=table,
        baseline=baseline,
        answers=ask(cells, best, baselines, baseline, horizon, params),
        confidence_set=confidence_set(
            [one.name for one in rated],
            [by_origin(one.mean.loss, one.mean.cutoff)[0] for one in rated],
            horizon,
            params.confidence,
        ),
        horizon=horizon,
        origins=int(np.unique(best.squared.cutoff).size),
        index=index,
        alarms=alarms(
            cells,
            together(repeated) if repeated else None,
            squared.get("repeat_last"),
        ),
        absences=absences(development, index, list(best.overall.columns)),
        outlasting=outlasting(
            best.validated.get(best.lam, {}), rivals, development.validation_overlap
        ),
        units=units(development.layout),
    )


def _cell(fit: Fit, development: Windows, scores: Path, params: ReportParams) -> Cell:
    measure = params.measured(fit.config["loss"])
    path = path_of(fit, development, measure)
    chosen = path.chosen(params.rule)
    zero = path.lambdas.index(0.0) if 0.0 in path.lambdas else None
    lam = path.lambdas[chosen]
    members = _overall(scores / f"{fit.cell}.parquet")
    of_ensemble = members.index.get_level_values("seed") == ENSEMBLE
    overall = members[~of_ensemble].groupby("lam").mean(skipna=False)
    test = of_members(scores, fit.cell, measure)
    squared = test if measure == "mse" else of_members(scores, fit.cell, "mse")
    validated = validated_members(scores, fit.cell, measure)
    of_squared = validated if measure == "mse" else validated_members(scores, fit.cell, "mse")

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
        squared=WindowLosses.mean([squared[lam, seed] for seed in range(fit.seeds)]),
        validated_squared=together(of_squared[lam]) if lam in of_squared else None,
    )


def _stopped(fit: Fit, scores: Path, measure: str, zero: int | None) -> Stopped | None:
    if not fit.stopped_epochs or zero is None:
        return None
    overall = _overall(scores / f"{EARLY_STOPPED}.parquet", ["cell", "seed"]).loc[fit.cell]
    test = of_early_stopped(scores, fit.cell, measure)
    members = tuple(test[seed] for seed in range(fit.seeds))
    return Stopped(
        epochs=fit.stopped_epochs,
        validation=validation_at(fit, zero, fit.stopped_epochs),
        overall=pd.Series(overall[overall.index != ENSEMBLE].mean(skipna=False)),
        contender=Contender(STOPPED, members, seeded=True),
    )


def _baselines(
    scores: Path, names: list[str], test: Mapping[str, WindowLosses]
) -> tuple[pd.DataFrame, dict[str, Contender]]:
    if not names:
        return pd.DataFrame(columns=["lam", "loss"]), {}
    table = _overall(scores / "baselines.parquet", ["cell"]).reindex(names)
    contenders = {name: Contender(name, (test[name],)) for name in names}
    lams = pd.read_parquet(scores / "baselines.parquet", columns=["cell", "lam"])
    lam = lams.drop_duplicates("cell").set_index("cell")["lam"]
    table.insert(0, "lam", [float(lam[name]) for name in names])
    table.insert(1, "loss", [test[name].mean_loss for name in names])
    return table.sort_values("loss", kind="stable"), contenders


def _overall(path: Path, index: list[str] | None = None) -> pd.DataFrame:
    """The overall scores, a column per metric: a row per member (lam, seed), or per index."""
    rows = pd.read_parquet(path, filters=[("unique_id", "==", ""), ("step", "==", 0)])
    rows = rows.astype({"cell": str, "metric": str})
    return rows.set_index([*(index or ["lam", "seed"]), "metric"])["value"].unstack("metric")

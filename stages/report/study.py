"""Everything that the report says, gathered once: the choice of λ, test losses, verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit, load_fits
from stages.artifacts.scores import ENSEMBLE, Index, load_index
from stages.artifacts.windows import Windows
from stages.report.judging.absences import absences
from stages.report.judging.alarms import alarms
from stages.report.judging.cell import Cell
from stages.report.judging.comparisons import ZERO, chosen_losses, pairs
from stages.report.judging.intervals import by_origin
from stages.report.judging.other_tests import confidence_set
from stages.report.judging.selection import path_of
from stages.report.judging.verdicts import Verdict, WindowLosses, judge
from stages.report.params import ReportParams
from stages.report.window_losses import VALIDATION, of_baselines, of_members
from stages.report.writing.loss_words import units


@dataclass(frozen=True)
class Study:
    """All cells of a study with the baselines and the verdicts between them.

    Attributes:
        baselines: a row per baseline (sorted by test loss), metrics and `loss` as columns; `lam`
            where the baseline has one. Empty where the study names none.
        comparisons: a verdict for each pair of stages/report/judging/comparisons.py, Holm's correction
            over all of them.
        confidence_set: forecasters of which none is shown to be worse than another; None where the
            test part is too short for it.
        index: which forecasters there are, and what is left out of their errors.
        alarms: signs that a loss cannot be right. absences: what is left out of which numbers. Sentences.
        units: a sentence where validation and test errors are in different units; else empty.
    """

    params: ReportParams
    cells: tuple[Cell, ...]
    baselines: pd.DataFrame
    baseline_losses: dict[str, WindowLosses]
    comparisons: tuple[Verdict, ...]
    confidence_set: tuple[str, ...] | None
    horizon: int
    origins: int
    index: Index
    alarms: tuple[str, ...]
    absences: tuple[str, ...]
    units: str

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The headline: each cell at its chosen λ against λ = 0 and against the best baseline."""
        names = {cell.name for cell in self.cells}
        headline = (ZERO, self.best_baseline)
        return tuple(v for v in self.comparisons if v.cell in names and v.against in headline)

    @property
    def horizons(self) -> float:
        """n/H: how many independent horizons the test part holds."""
        return self.origins / self.horizon

    @property
    def measure(self) -> str:
        """The measure of all errors that are compared; one for all cells, as the loss is."""
        return self.cells[0].measure

    @property
    def best(self) -> Cell:
        """The cell with the lowest validation loss at its chosen λ (ties: the first)."""
        return min(self.cells, key=lambda cell: cell.path.loss[cell.chosen])

    @property
    def best_baseline(self) -> str | None:
        """The baseline with the lowest test loss: the hardest to beat, known in hindsight."""
        return None if self.baselines.empty else str(self.baselines.index[0])


def load_study(development: Windows, fits: Path, scores: Path, params: ReportParams) -> Study:
    """Read the small files of a study and draw its conclusions."""
    index = load_index(scores)
    cells = tuple(_cell(fit, development, scores, params) for fit in load_fits(fits))
    baselines, losses = _baselines(scores, index.baselines, cells[0].measure)
    squared = losses if cells[0].measure == "mse" else of_baselines(scores, "mse")
    validated = of_baselines(scores, "mse", VALIDATION)
    horizon = development.layout.horizon
    test = {name: one for cell in cells for name, one in chosen_losses(cell).items()} | losses
    return Study(
        params=params,
        cells=cells,
        baselines=baselines,
        baseline_losses=losses,
        comparisons=judge(pairs(cells, losses), horizon, params.confidence),
        confidence_set=confidence_set(
            list(test),
            [by_origin(one.loss, one.cutoff)[0] for one in test.values()],
            horizon,
            params.confidence,
        ),
        horizon=horizon,
        origins=int(np.unique(cells[0].losses[0].cutoff).size),
        index=index,
        alarms=alarms(cells, validated.get("repeat_last"), squared.get("repeat_last")),
        absences=absences(development, index, list(cells[0].overall.columns)),
        units=units(development.layout),
    )


def _cell(fit: Fit, development: Windows, scores: Path, params: ReportParams) -> Cell:
    measure = params.measured(fit.config["loss"])
    path = path_of(fit, development, measure)
    members = _overall(scores / f"{fit.cell}.parquet")
    of_ensemble = members.index.get_level_values("seed") == ENSEMBLE
    overall = members[~of_ensemble].groupby("lam").mean(skipna=False)
    by_member, chosen = of_members(scores, fit.cell, measure), path.chosen(params.rule)
    lam = path.lambdas[chosen]
    squared = by_member if measure == "mse" else of_members(scores, fit.cell, "mse")
    validated = of_members(scores, fit.cell, "mse", VALIDATION, lam)
    networks = [one for (_, seed), one in validated.items() if seed != ENSEMBLE]
    seeds = [[by_member[lam, s] for s in range(fit.seeds)] for lam in path.lambdas]
    return Cell(
        fit=fit,
        measure=measure,
        path=path,
        chosen=chosen,
        zero=path.lambdas.index(0.0) if 0.0 in path.lambdas else None,
        overall=overall.reindex(list(path.lambdas)),
        test_by_seed=np.array([[one.loss.mean() for one in row] for row in seeds]),
        losses=tuple(WindowLosses.mean(row) for row in seeds),
        ensemble=tuple(by_member[lam, ENSEMBLE] for lam in path.lambdas if fit.seeds > 1),
        ensemble_overall=members[of_ensemble].droplevel("seed").reindex(list(path.lambdas)),
        squared=WindowLosses.mean([squared[lam, s] for s in range(fit.seeds)]),
        validated_squared=WindowLosses.mean(networks) if networks else None,
    )


def _baselines(
    scores: Path, names: list[str], measure: str
) -> tuple[pd.DataFrame, dict[str, WindowLosses]]:
    if not names:
        return pd.DataFrame(), {}
    table = _overall(scores / "baselines.parquet", by="cell").reindex(names)
    every = of_baselines(scores, measure)
    losses = {name: every[name] for name in names}
    lams = pd.read_parquet(scores / "baselines.parquet", columns=["cell", "lam"])
    lam = lams.drop_duplicates("cell").set_index("cell")["lam"]
    table.insert(0, "lam", [float(lam[name]) for name in names])
    table.insert(1, "loss", [losses[name].mean_loss for name in names])
    return table.sort_values("loss", kind="stable"), losses


def _overall(path: Path, by: str = "member") -> pd.DataFrame:
    """The overall scores, a column per metric: a row per member (lam, seed) or per cell."""
    rows = pd.read_parquet(path, filters=[("unique_id", "==", ""), ("step", "==", 0)])
    index = ["cell"] if by == "cell" else ["lam", "seed"]
    rows = rows.astype({"cell": str, "metric": str})
    return rows.set_index([*index, "metric"])["value"].unstack("metric")

"""Everything that the report says, gathered once: the choice of λ, test losses, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts.fits import load_fits
from stages.artifacts.scores import Index, load_index
from stages.artifacts.windows import Windows
from stages.report.cautions.absences import absences
from stages.report.cautions.alarms import alarms
from stages.report.cautions.dependence import outlasting
from stages.report.judging.cell import Cell
from stages.report.judging.contenders import Contender, WindowLosses, mean_of, together
from stages.report.judging.coverage import Coverage, coverages
from stages.report.judging.family import Candidate, chosen, of_baselines, of_cell, of_mean
from stages.report.judging.intervals import by_origin
from stages.report.judging.mean import Mean
from stages.report.judging.other_tests import confidence_set
from stages.report.judging.questions import ZERO, Answers, ask
from stages.report.params import ReportParams
from stages.report.read_cells import overall_scores, read_cell, read_mean
from stages.report.read_losses import baseline_losses, validated_baselines
from stages.report.writing.loss_words import units


@dataclass(frozen=True)
class Study:
    """All cells of a study with the baselines and the verdicts between them.

    Attributes:
        means: of each cell with ridge, where the study asks for them.
        baselines: a row per baseline (sorted by test loss), metrics, `loss` on the test part and
            `validation` as columns; `lam` where the baseline has one. Empty where the study names none.
        baseline: the one that validation chooses: the lowest validation loss; None where none has any.
        leader: the best cell, or a mean with a lower validation error: what is compared with the baseline.
        candidates: all forecasters of the table; forecaster: the one of them that validation chooses.
        answers: the verdicts, by family of questions.
        confidence_set: forecasters of which none is shown to be worse than another; None where the
            test part is too short for it.
        final_fit: what the networks of the test part are trained on, as `window.final_fit`.
        index: which forecasters there are, and what is left out of their errors.
        alarms: signs that a loss cannot be right. absences: what is left out of which numbers. Sentences.
        outlasting: pairs whose loss differences on validation are still correlated a horizon later.
        coverages: name → how its prediction intervals hold on the test part: cells and their means with ridge
            at the chosen λ, then baselines; without those that have none.
        units: a sentence where validation and test errors are in different units; else empty.
    """

    params: ReportParams
    cells: tuple[Cell, ...]
    means: tuple[Mean, ...]
    baselines: pd.DataFrame
    baseline: str | None
    leader: Cell | Mean
    candidates: tuple[Candidate, ...]
    forecaster: Candidate | None
    answers: Answers
    confidence_set: tuple[str, ...] | None
    horizon: int
    origins: int
    final_fit: str
    index: Index
    alarms: tuple[str, ...]
    absences: tuple[str, ...]
    outlasting: tuple[str, ...]
    coverages: dict[str, Coverage]
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
    cells = tuple(read_cell(fit, development, scores, params) for fit in load_fits(fits))
    best = lowest(cells)
    means = tuple(read_mean(cell, scores) for cell in cells if cell.name in index.means)
    leader = _leader(best, means)
    measure = best.measure
    test, validated = baseline_losses(scores, measure), validated_baselines(scores, measure)
    squared, validated_squared = test, validated
    if measure != "mse":
        squared, validated_squared = (
            baseline_losses(scores, "mse"),
            validated_baselines(scores, "mse"),
        )
    table, baselines = _baselines(scores, index.baselines, test)
    table["validation"] = [mean_of(validated.get(name)) for name in table.index]
    validations = table["validation"].dropna()
    baseline = str(validations.idxmin()) if len(validations) else None
    repeated = validated_squared.get("repeat_last")
    at_lam, at_zero = best.validated.get(best.lam), best.validated.get(0.0) if best.lam else None
    led = leader.validated if isinstance(leader, Mean) else at_lam
    compared = {f"{best.name} against {ZERO}": (at_lam, at_zero)}
    compared |= {f"{leader.name} against {baseline}": (led, validated.get(baseline or ""))}
    networks: list[Cell | Mean] = [*cells, *means]
    rated = [one for each in networks for one in (each.contender, each.ensemble) if one]
    rated += baselines.values()
    candidates = [one for cell in cells for one in of_cell(cell)]
    candidates += [one for mean in means for one in of_mean(mean)]
    candidates += of_baselines(table, index.details)
    return Study(
        params=params,
        cells=cells,
        means=means,
        baselines=table,
        baseline=baseline,
        leader=leader,
        candidates=tuple(candidates),
        forecaster=chosen(candidates),
        answers=ask(cells, best, baselines, baseline, horizon, params, means, leader),
        confidence_set=confidence_set(
            [one.name for one in rated],
            [by_origin(one.mean.loss, one.mean.cutoff)[0] for one in rated],
            horizon,
            params.confidence,
        ),
        horizon=horizon,
        origins=int(np.unique(best.squared.cutoff).size),
        final_fit="train_and_validation"
        if "final_fit" in development.validation_used_for
        else "train",
        index=index,
        alarms=alarms(
            cells,
            together(repeated) if repeated else None,
            squared.get("repeat_last"),
        ),
        absences=absences(development, index, list(best.overall.columns)),
        outlasting=outlasting(compared, development.validation_overlap),
        coverages=coverages(
            scores,
            {one.name: one.lam for one in networks} | dict.fromkeys(table.index),
            horizon,
            params,
        ),
        units=units(development.layout),
    )


def _leader(best: Cell, means: Sequence[Mean]) -> Cell | Mean:
    """The best cell, or the mean with the lowest validation error if that is lower."""

    networks: list[Cell | Mean] = [best, *means]
    return min(networks, key=lambda one: np.nan_to_num(one.validation, nan=np.inf))


def _baselines(
    scores: Path, names: list[str], test: Mapping[str, WindowLosses]
) -> tuple[pd.DataFrame, dict[str, Contender]]:
    if not names:
        return pd.DataFrame(columns=["lam", "loss"]), {}
    table = overall_scores(scores / "baselines.parquet", ["cell"]).reindex(names)
    contenders = {name: Contender(name, (test[name],)) for name in names}
    lams = pd.read_parquet(scores / "baselines.parquet", columns=["cell", "lam"])
    lam = lams.drop_duplicates("cell").set_index("cell")["lam"]
    table.insert(0, "lam", [float(lam[name]) for name in names])
    table.insert(1, "loss", [test[name].mean_loss for name in names])
    return table.sort_values("loss", kind="stable"), contenders

"""Titles and notes of the tables that the page and report.md share."""

from __future__ import annotations

from stages.report.judging.other_tests import BLOCKS, LONG
from stages.report.study import Study
from stages.report.writing.table_rows import absent, label

ALARM = "These losses cannot be right: look at the data first"
ABSENT = "What is not in these numbers"
ERRORS = "The {} in scaled units, mean over seeds."
REGRET = (
    "Regret: what the choice loses on the test part to the grid's best λ in hindsight; the "
    "change from λ = 0 is that of the test error (negative: a gain)."
)


FINAL_FITS = {
    "train": "the training part alone",
    "train_and_validation": "the training and validation parts",
}


def fit_note(study: Study) -> str:
    """What the networks and baselines of the test part are fitted on: a name that every table says."""
    return f"Test errors are of fits on {FINAL_FITS[study.final_fit]}."


def forecasters_note(study: Study) -> str:
    """What the columns of the table of all forecasters are, and which one validation chooses."""
    text = (
        "Validation and test in the unit of the scaled test errors, metrics in the data's units; cells are "
        "the mean of their seeds' errors, an ensemble forecasts the mean of its seeds"
    )
    if study.means:
        text += ", and +ridge is the mean of a forecast and ridge's, in equal parts"
    text += f". {fit_note(study)}"
    if study.forecaster is not None:
        text += f" Of all, validation chooses {label(study.forecaster)}."
    return text + absent(study)


def comparisons_note(study: Study) -> str:
    """What the columns of all comparisons are."""
    return (
        f"Difference and {100 * study.params.confidence:g} % intervals in per cent of the reference; p and "
        "the first interval are of the equal-weighted cosine test over windows and seeds (of an ensemble "
        "or a baseline, which has no seeds, over windows), Holm's p is over the questions of a family, "
        "and questions that were not fixed before have no verdict. Detectable is the change that this "
        "test part shows four times in five. Diebold-Mariano (with Harvey, Leybourne and Newbold's "
        f"correction) and the block bootstrap (blocks of {BLOCKS} horizons) are shown as well: with few "
        "independent horizons both are overconfident (`make coverage`)."
    )


def confidence_note(study: Study) -> str:
    """The model confidence set, or why there is none."""
    if study.confidence_set is not None:
        level = f"{100 * study.params.confidence:g} %"
        return f"Model confidence set ({level}): {', '.join(study.confidence_set)}."
    short = study.horizons < LONG
    rest = "." if short else ", and two forecasters with finite losses."
    return f"No model confidence set: it needs {LONG} independent horizons{rest}"

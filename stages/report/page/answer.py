"""The answer: which λ, whether it helps, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from stages.report.cautions.warnings import warnings
from stages.report.drawing.plot import Chart, Panel, short
from stages.report.drawing.style import BLUE, EDGE, FAINT, GREEN, INK, ORANGE, PAPER
from stages.report.drawing.svg import Key
from stages.report.judging.cell import Cell
from stages.report.judging.questions import ZERO
from stages.report.judging.verdicts import Verdict
from stages.report.page.parts import Block, Facts, Notes, Section, Sources, Table, Text, Verdicts
from stages.report.study import Study
from stages.report.writing import loss_words, table_rows, verdict_words
from stages.report.writing.answers import RULES, families, headline, note
from stages.report.writing.notes import (
    ABSENT,
    ALARM,
    ERRORS,
    REGRET,
    comparisons_note,
    confidence_note,
    fit_note,
    forecasters_note,
)
from stages.report.writing.numbers import measured, number

ROW = 22  # pixels of a verdict in the figure
LETTERS = 26  # of a verdict's name in the figure
_COLORS = {"better": GREEN, "worse": ORANGE, "as good": BLUE, "open": FAINT, "not judged": EDGE}


def section(sources: Sources) -> Section:
    """Alarms, headline, what is left out, verdicts with their intervals, tables of cells and forecasters."""
    study = sources.study
    blocks: list[Block] = []
    if study.alarms:
        blocks.append(Notes(ALARM, study.alarms))
    blocks.append(Text([headline(study)], lead=True))
    if study.absences:
        blocks.append(Notes(ABSENT, study.absences))
    blocks.append(_facts(study))
    if study.units:
        blocks.append(Text([study.units.strip()]))
    if study.answers.primary:
        blocks += [Verdicts(families(study)), Text([note(study)])]
    drawn = [v for v in study.answers.primary + study.answers.secondary if v.measured]
    if drawn:
        blocks.append(intervals(drawn))
    cautions = warnings(study)
    if cautions:
        blocks.append(Notes("Read with care", cautions))
    blocks += [_cells(study), *_forecasters(study)]
    if study.answers.all:
        blocks.append(_others(study))
    return Section("answer", "The answer", blocks)


def _facts(study: Study) -> Facts:
    best = study.best
    label = table_rows.METRICS[study.measure]
    facts = [("chosen λ", number(best.lam), f"{best.name}, m = {best.fit.m[-1]}")]
    for part, errors in (("validation", best.path.loss), ("test", best.test)):
        zero = "" if best.zero is None else f"{measured(errors[best.zero])} at λ = 0"
        facts.append((f"{part} {label}, scaled", measured(errors[best.chosen]), zero))
    if study.baseline is not None:
        error = float(study.baselines["loss"][study.baseline])
        facts.append((f"best baseline's test {label}", measured(error), study.baseline))
    windows = f"{study.origins} test windows of horizon {study.horizon}"
    return Facts([*facts, ("independent horizons", f"{study.horizons:.1f}", windows)])


def intervals(verdicts: Sequence[Verdict]) -> Chart:
    """A row for each verdict: the mean loss difference in per cent, and its interval."""
    names = [f"{v.cell} – {v.against}" for v in verdicts]
    panel = Panel("", "difference of the test error in %", "", 66 + ROW * len(names), (156, 14))
    relevance = verdicts[0].relevance
    panel.ax.axvspan(-relevance, relevance, color=BLUE, alpha=0.1, lw=0)
    panel.ax.axvline(0, color=INK, lw=1.0)
    words = [v.word or "not judged" for v in verdicts]
    for row, (v, word) in enumerate(zip(verdicts, words, strict=True)):
        color = _COLORS[word]
        panel.ax.plot([v.low, v.high], [row, row], color=color, lw=2.4)
        panel.line(
            [v.percent], [row], f"λ = {v.lam:.4g}: {word}", at=[f"{v.cell} – {v.against}"],
            value=[v.percent], low=[v.low], high=[v.high],
            color=color, ls="", marker="o", ms=7, mec=PAPER, mew=1.2,
        )  # fmt: skip
    panel.ax.set_yticks(range(len(names)), [short(name, LETTERS) for name in names])
    panel.ax.set_ylim(len(names) - 0.5, -0.5)
    panel.ax.grid(axis="y", visible=False)
    panel.ax.tick_params(axis="y", length=0)
    confidence = f"{100 * verdicts[0].confidence:g} %"
    return Chart(
        name="verdicts",
        title="How sure the verdicts are",
        caption=f"Mean difference of the test loss with its {confidence} interval; left of 0 what "
        "is named first is better; the shaded band is ± what counts as as good. The words better and worse "
        "are after Holm's correction, the intervals are not.",
        alt="Intervals of the test error's difference: "
        + "; ".join(
            f"{v.cell} against {v.against} {word}" for v, word in zip(verdicts, words, strict=True)
        ),
        panels=[panel],
        keys=[Key(word, _COLORS[word]) for word in dict.fromkeys(words)],
        x="verdict",
        y="percent",
    )


def _word(study: Study, cell: Cell, against: str | None) -> str:
    verdict = study.answers.of(cell.name, against)
    return verdict.word if verdict is not None and verdict.word else "–"


def _cells(study: Study) -> Table:
    head = [*table_rows.CHOSEN, "against λ = 0", "against the best baseline"]
    rows = [
        [*table_rows.chosen(cell), _word(study, cell, ZERO), _word(study, cell, study.baseline)]
        for cell in study.cells
    ]
    errors = ERRORS.format(loss_words.MEASURES[study.measure])
    text = f"{errors} Chosen is {RULES[study.params.rule]}. {REGRET} {fit_note(study)}{study.units}"
    best = frozenset({study.cells.index(study.best)})
    return Table("The cells", head, rows, best, frozenset({9, 10}), text)


def _forecasters(study: Study) -> list[Table]:
    """Cells and baselines on the test part, best first."""
    if study.baselines.empty:
        return []
    head, forecasters = table_rows.forecasters(study)
    marked = frozenset(i for i, (is_chosen, _) in enumerate(forecasters) if is_chosen)
    rows, text = [row for _, row in forecasters], forecasters_note(study)
    return [Table("Cells and baselines", head, rows, marked, note=text)]


def _others(study: Study) -> Table:
    """Every comparison, a row each."""
    rows = [verdict_words.row(verdict) for verdict in study.answers.all]
    last = len(verdict_words.HEAD) - 1
    words = frozenset({1, last})
    text = f"{comparisons_note(study)} {confidence_note(study)}"
    return Table("All comparisons", verdict_words.HEAD, rows, words=words, note=text, folded=True)

"""The answer: which λ, whether it helps, and how sure that is."""

from __future__ import annotations

import math

from stages.report.drawing.plot import Chart, Panel, short
from stages.report.drawing.style import FAINT, GREEN, INK, ORANGE, PAPER
from stages.report.drawing.svg import Key
from stages.report.judging import comparisons
from stages.report.judging.cell import Cell
from stages.report.judging.other_tests import BLOCKS, LONG
from stages.report.judging.verdicts import Verdict
from stages.report.judging.warnings import warnings
from stages.report.page.parts import Block, Facts, Notes, Section, Sources, Table, Text, Verdicts
from stages.report.study import Study
from stages.report.writing import loss_words, table_rows
from stages.report.writing.markdown import ABSENT, ALARM, ERRORS, FORECASTERS, REGRET, RULES
from stages.report.writing.table_rows import measured, number

ROW = 22  # pixels of a verdict in the figure
LETTERS = 26  # of a verdict's name in the figure
_COLORS = {"better": GREEN, "worse": ORANGE, "no difference shown": FAINT, "same": FAINT}


def section(sources: Sources) -> Section:
    """Alarms, headline, what is left out, verdicts with their intervals, tables of cells and forecasters."""
    study = sources.study
    blocks: list[Block] = []
    if study.alarms:
        blocks.append(Notes(ALARM, study.alarms))
    blocks += [Text([headline(study)], lead=True), _facts(study)]
    if study.units:
        blocks.append(Text([study.units.strip()]))
    if study.absences:
        blocks.append(Notes(ABSENT, study.absences))
    if study.verdicts:
        blocks.append(Verdicts([(v.word, v.sentence()) for v in study.verdicts]))
    drawn = [v for v in study.verdicts if v.word != "same" and math.isfinite(v.low)]
    if drawn:
        blocks.append(intervals(drawn))
    cautions = warnings(study)
    if cautions:
        blocks.append(Notes("Read with care", cautions))
    blocks += [_cells(study), *_forecasters(study)]
    if study.comparisons:
        blocks.append(_others(study))
    return Section("answer", "The answer", blocks)


def headline(study: Study) -> str:
    """What validation chose, whether that can be shown to help, and how the best baseline compares."""
    verdict = _verdict(study, study.best, study.best_baseline)
    if verdict is None:
        return _against_zero(study)
    if _unknown(verdict):
        compares = "cannot be compared with"
    elif verdict.word in ("better", "worse"):
        compares = f"is {verdict.word} than"
    else:
        compares = "cannot be told apart from"
    baseline = f"the best baseline, {verdict.against} ({_size(verdict)})"
    return f"{_against_zero(study)} {study.best.name} {compares} {baseline}."


def _against_zero(study: Study) -> str:
    best = study.best
    who = f"Validation chooses {best.name} at λ = {number(best.lam)}. "
    verdict, penalty = _verdict(study, best, "λ = 0"), loss_words.name(best.fit)
    first = penalty[0].upper() + penalty[1:]  # as a sentence's beginning
    if best.zero is None:
        return who + f"The grid has no λ = 0, so whether {penalty} helps was not asked."
    if verdict is None or verdict.word == "same":
        return who + f"{first} does not help here: no penalty is at least as good."
    if _unknown(verdict):
        return who + f"Whether {penalty} helps is not known: {_size(verdict)}."
    size = _size(verdict)
    if verdict.word == "better":
        return who + f"{first} helps: the test error lies {size} that of λ = 0."
    if verdict.word == "worse":
        return who + f"On the test part {penalty} does harm: the error lies {size} that of λ = 0."
    who += f"That {penalty} helps cannot be shown: the test error lies {size} that of λ = 0, "
    return who + "which this test part cannot tell from chance."


def _unknown(verdict: Verdict) -> bool:
    """Whether a forecaster diverged, so that nothing can be said."""
    return verdict.word == "no difference shown" and not math.isfinite(verdict.percent)


def _size(verdict: Verdict) -> str:
    """How far the test error lies from the reference's."""
    if _unknown(verdict):
        return "a test error is not a finite number"
    if not math.isfinite(verdict.percent):
        return "above"  # a share of an error of 0 has no meaning
    return f"{abs(verdict.percent):.1f} % {'below' if verdict.percent < 0 else 'above'}"


def _verdict(study: Study, cell: Cell, against: str | None) -> Verdict | None:
    return next((v for v in study.verdicts if (v.cell, v.against) == (cell.name, against)), None)


def _facts(study: Study) -> Facts:
    best = study.best
    label = table_rows.METRICS[study.measure]
    facts = [("chosen λ", number(best.lam), f"{best.name}, m = {best.fit.m[-1]}")]
    for part, errors in (("validation", best.path.loss), ("test", best.test)):
        zero = "" if best.zero is None else f"{measured(errors[best.zero])} at λ = 0"
        facts.append((f"{part} {label}, scaled", measured(errors[best.chosen]), zero))
    if study.best_baseline is not None:
        lowest = float(study.baselines["loss"].iloc[0])
        facts.append((f"best baseline's test {label}", measured(lowest), str(study.best_baseline)))
    windows = f"{study.origins} test windows of horizon {study.horizon}"
    return Facts([*facts, ("independent horizons", f"{study.horizons:.1f}", windows)])


def intervals(verdicts: list[Verdict]) -> Chart:
    """A row for each verdict: the mean loss difference in per cent, and its interval."""
    names = [f"{v.cell} – {v.against}" for v in verdicts]
    panel = Panel("", "difference of the test error in %", "", 66 + ROW * len(names), (156, 14))
    panel.ax.axvline(0, color=INK, lw=1.0)
    for row, v in enumerate(verdicts):
        color = _COLORS[v.word]
        panel.ax.plot([v.low, v.high], [row, row], color=color, lw=2.4)
        panel.line(
            [v.percent], [row], f"λ = {v.lam:.4g}: {v.word}", at=[f"{v.cell} – {v.against}"],
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
        "is named first is better. The words are after Holm's correction, the intervals are not.",
        alt="Intervals of the test error's difference: "
        + "; ".join(f"{v.cell} against {v.against} {v.word}" for v in verdicts),
        panels=[panel],
        keys=[Key(word, _COLORS[word]) for word in dict.fromkeys(v.word for v in verdicts)],
        x="verdict",
        y="percent",
    )


def _word(study: Study, cell: Cell, against: str | None) -> str:
    verdict = _verdict(study, cell, against)
    if verdict is None:
        return "–"
    return "λ = 0 itself" if verdict.word == "same" else verdict.word


def _cells(study: Study) -> Table:
    head = [*table_rows.CHOSEN, "against λ = 0", "against the best baseline"]
    rows = [
        [
            *table_rows.chosen(cell),
            _word(study, cell, "λ = 0"),
            _word(study, cell, study.best_baseline),
        ]
        for cell in study.cells
    ]
    errors = ERRORS.format(loss_words.MEASURES[study.measure])
    note = f"{errors} Chosen is {RULES[study.params.rule]}. {REGRET}{study.units}"
    best = frozenset({study.cells.index(study.best)})
    return Table("The cells", head, rows, best, frozenset({9, 10}), note)


def _forecasters(study: Study) -> list[Table]:
    """Cells and baselines on the test part, best first."""
    if study.baselines.empty:
        return []
    head, forecasters = table_rows.forecasters(study)
    marked = frozenset(i for i, (is_cell, _) in enumerate(forecasters) if is_cell)
    rows, note = [row for _, row in forecasters], FORECASTERS + table_rows.absent(study)
    return [Table("Cells and baselines", head, rows, marked, note=note)]


def _others(study: Study) -> Table:
    """Every comparison that Holm's correction counts, a row each."""
    rows = [comparisons.row(verdict) for verdict in study.comparisons]
    level = f"{100 * study.params.confidence:g} %"
    note = (
        f"Difference and {level} intervals in per cent of the reference. p and the first interval are the "
        "equal-weighted cosine test's; p with Holm's correction decides. Diebold-Mariano and the block "
        f"bootstrap (blocks of {BLOCKS} horizons) are shown as well, uncorrected. "
    )
    if study.confidence_set is None:
        note += f"No model confidence set: it needs {LONG} independent horizons."
    else:
        note += f"Model confidence set ({level}): {', '.join(study.confidence_set)}."
    last = len(comparisons.HEAD) - 1
    words = frozenset({1, last})
    return Table("All comparisons", comparisons.HEAD, rows, words=words, note=note, folded=True)

"""Prediction intervals: how many test values lie inside, how wide they are, and by level."""

from __future__ import annotations

from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import BLUE, FAINT, INK, ORANGE
from stages.report.drawing.svg import Key
from stages.report.page.parts import Block, Section, Sources, Table, Text
from stages.report.study import Study
from stages.report.writing.intervals import by_level, head, note, row, shown

_COLORS = (BLUE, ORANGE, FAINT)


def section(sources: Sources) -> Section:
    """The table of all forecasters, and shares against levels of those that validation chooses."""
    study = sources.study
    blocks: list[Block] = []
    if study.coverages:
        rows = [row(one) for one in study.coverages.values()]
        marked = [k for k, name in enumerate(study.coverages) if name == study.leader.name]
        levels = next(iter(study.coverages.values())).intervals.levels
        blocks = [
            Text([note(study)]),
            Table("Prediction intervals on the test part", head(levels), rows, frozenset(marked)),
            _calibration(study),
        ]
    return Section("intervals", "Prediction intervals", blocks)


def _calibration(study: Study) -> Chart:
    panel = Panel("", "level in %", "share inside in %")
    panel.ax.plot([0, 100], [0, 100], color=INK, lw=0.8, ls=(0, (2, 2)))
    keys = [Key("as the level says", INK, dash="2 2", width=1)]
    for one, color in zip(shown(study), _COLORS, strict=False):
        levels, shares = by_level(one)
        panel.line(levels, shares, one.name, color=color, marker="o", ms=3.5, lw=1.4)
        keys.append(Key(one.name, color))
    panel.ax.set_xlim(0, 100)
    panel.ax.set_ylim(0, 100)
    return Chart(
        name="coverage",
        title="Share inside by level",
        caption="Share of the test part's values inside the interval of each level: below the line intervals "
        "are too narrow, above it too wide.",
        alt="Share of test values inside against the level of the interval.",
        panels=[panel],
        keys=keys,
        x="level",
        y="share",
    )

"""Forecasts: the latest test origins and what happened after them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stages.report.drawing.axes import same_range
from stages.report.drawing.plot import Chart, Panel, columns_for
from stages.report.drawing.style import BLUE, EDGE, FAINT, INK, ORANGE
from stages.report.drawing.svg import Key
from stages.report.page.parts import Section, Sources, Text
from stages.report.writing.clock import local
from stages.report.writing.latest_forecasts import latest_forecasts

KINDS: dict[str, dict[str, Any]] = {
    "actual": {"color": INK, "lw": 1.4},
    "chosen λ": {"color": BLUE, "lw": 2.2, "zorder": 3},
    "λ = 0": {"color": ORANGE, "lw": 1.6, "ls": (0, (4, 2))},
    "best baseline": {"color": FAINT, "lw": 1.7, "ls": (0, (1, 1))},
}
_DASHES = {"λ = 0": "6 3", "best baseline": "2 2"}


def section(sources: Sources) -> Section:
    """The last test origins that do not overlap, for up to three series."""
    names = sources.windows.layout.series
    folder = sources.inputs["forecasts"]
    frame = latest_forecasts(sources.study, sources.series, folder, names)
    text = "The last test origins that do not overlap; forecasts are the mean over seeds."
    series = list(frame["unique_id"].unique())
    if len(sources.windows.layout.series) > len(series):
        text += " Of all series, those are shown that the best cell forecasts best, at the median, and worst."
    zone = sources.windows.layout.calendar.zone
    keys = [
        Key(f"{one.intervals.levels[-1]:g} % interval of the chosen λ", BLUE, "band")
        for one in list(sources.study.coverages.values())[:1]
    ]
    chart = _chart(frame, series, sources.study.baseline, zone, keys)
    return Section("forecasts", "Forecasts", [Text([text]), chart])


def _chart(
    frame: pd.DataFrame, series: list[str], baseline: str | None, zone: str | None, more: list[Key]
) -> Chart:
    cells = list(frame["cell"].unique())
    panels = []
    for cell in cells:
        for name in series:
            shown = frame[(frame["cell"] == cell) & (frame["unique_id"] == name)]
            panels.append(_panel(shown, f"{cell}: {name}" if len(series) > 1 else cell, zone))
    for column in range(len(series)):
        same_range(panels[column :: len(series)])
    kinds = [kind for kind in KINDS if kind in set(frame["kind"])]
    keys = []
    for kind in kinds:
        name = f"{kind} ({baseline})" if kind == "best baseline" else kind
        keys.append(Key(name, KINDS[kind]["color"], dash=_DASHES.get(kind, "")))
    return Chart(
        name="forecasts",
        title="The latest test origins",
        caption="In the data's units. A vertical line is an origin: what lies to the right of it was "
        "not known to the forecast.",
        alt=f"Actual values and forecasts of {', '.join(cells)} at the latest test origins.",
        panels=panels,
        keys=[*keys, *more, Key("origin", EDGE, width=1)],
        columns=columns_for(len(cells), 1) if len(series) == 1 else len(series),
        x="ds",
        y="value",
    )


def _panel(shown: pd.DataFrame, title: str, zone: str | None) -> Panel:
    panel = Panel(title, "", "data's units")
    for (kind, _), line in shown.groupby(["kind", "cutoff"], sort=False):
        ds, origin = line["ds"].to_numpy(), line["cutoff"].iloc[0]
        more = {} if kind == "actual" else {"origin": local(line["cutoff"].to_numpy(), zone)}
        band: dict[str, Any] = {}
        if kind == "chosen λ" and "low" in line and line["low"].notna().all():
            band = {end: line[end].to_numpy() for end in ("low", "high")}
            panel.ax.fill_between(ds, band["low"], band["high"], color=BLUE, alpha=0.14, lw=0)
        at, look = local(ds, zone), KINDS[str(kind)]
        panel.line(ds, line["value"], str(kind), at=at, more=more, **band, **look)
        if kind == "chosen λ":
            panel.ax.axvline(origin, color=EDGE, lw=0.9, zorder=0)
    if shown["ds"].dtype.kind == "M":
        panel.dates(zone)
    panel.ax.grid(axis="x", visible=False)
    return panel

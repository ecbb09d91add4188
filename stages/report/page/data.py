"""Data: what came in, which gaps it has, and how time was cut."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from stages.artifacts.calendar import Calendar
from stages.artifacts.windows import Fold, Windows, unused_validation
from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import BLUE, GREEN, INK, ORANGE
from stages.report.drawing.svg import Key
from stages.report.judging.intervals import Array
from stages.report.page.parts import Block, Section, Sources, Table, Text
from stages.report.writing.clock import local
from stages.report.writing.latest_forecasts import PANES
from stages.report.writing.numbers import measured

POINTS = 700  # of a series drawn; beyond, the extremes of each bin
LISTED = 20  # series in the table, at most
SIGN = re.compile(r"^`(.)`")  # as `prepare` writes a separator or a decimal sign
PARTS = (("training", GREEN), ("validation", BLUE), ("test", ORANGE))


def section(sources: Sources) -> Section:
    """The series on a time line with its parts, the folds below, how the file was read and what came in."""
    layout, summary = sources.windows.layout, sources.series.summary
    text = (
        f"{len(layout.series)} series {_steps(layout.calendar)}; a forecast sees "
        f"{layout.lookback} steps and forecasts {layout.horizon}. Gaps are marked, never scored."
    )
    past = layout.covariates[: len(layout.covariates) - len(layout.future)]
    for what, names in (
        ("Covariates, known up to the origin", past),
        ("Known over the whole horizon", layout.future),
        ("Calendar", layout.cycles),
    ):
        text += f" {what}: {', '.join(names)}." if names else ""
    times = _times(sources)
    blocks: list[Block] = [Text([text]), _series(sources, times), _folds(sources, times)]
    if summary.get("source"):
        blocks.append(file_table(summary["source"]))
    return Section("data", "Data", [*blocks, _table(sources)])


def _steps(calendar: Calendar) -> str:
    """What a time step is, for a sentence."""
    if calendar.frequency == "rows":
        text = "whose steps are the rows of the file"
    else:
        text = f"at frequency {calendar.frequency}"
    return text if calendar.zone is None else f"{text}, in the time of {calendar.zone}"


def _times(sources: Sources) -> Array:
    """The time line up to the end of the test part, in UTC where there is a zone.

    With joint channels it ends where the first of the series does.
    """
    windows, frame = sources.windows, sources.series.frame
    rows = frame[frame["unique_id"].isin(windows.layout.series)]
    known = np.asarray(windows.time)
    if rows["ds"].dtype.kind == "M":
        known = known.astype("datetime64[us]")
    last = rows.groupby("unique_id")["ds"].max()
    end = last.min() if windows.layout.channels == "joint" else last.max()
    later = np.unique(rows.loc[(rows["ds"] > known[-1]) & (rows["ds"] <= end), "ds"].to_numpy())
    return np.concatenate([known, later])


def _cuts(windows: Windows, times: Array) -> list[tuple[str, str, Any, Any]]:
    """(name, colour, first, last) of the three parts of time."""
    ends = [0, windows.train_end, len(windows.time), len(times)]
    spans = zip(PARTS, ends, ends[1:], strict=False)
    return [(name, color, times[a], times[b - 1]) for (name, color), a, b in spans if b > a]


def _series(sources: Sources, times: Array) -> Chart:
    panels = []
    names, zone = sources.windows.layout.series, sources.windows.layout.calendar.zone
    for name in names[:PANES]:
        rows = sources.series.frame[sources.series.frame["unique_id"] == name]
        panel = Panel(name, "", "data's units")
        for _, color, first, last in _cuts(sources.windows, times):
            panel.ax.axvspan(first, last, color=color, alpha=0.13, lw=0)
        ds, y = rows["ds"].to_numpy(), rows["y"].to_numpy(float)
        for gap in ds[np.isnan(y)][:POINTS]:
            panel.ax.axvline(gap, ymax=0.04, color=ORANGE, lw=1)
        kept = thinned(y)
        panel.line(ds[kept], y[kept], name, at=local(ds[kept], zone), color=INK, lw=1.0)
        _time_axis(panel, sources.windows)
        panels.append(panel)
    more = f" The first {PANES} of {len(names)} series." if len(names) > PANES else ""
    return Chart(
        name="data",
        title="The series",
        caption="The series as it was read, with the parts of time; ticks at the foot are gaps."
        + more,
        alt="The series over time, shaded by training, validation and test part.",
        panels=panels,
        keys=[Key(name, color, "band") for name, color in PARTS],
        columns=min(len(panels), 3),
        x="ds",
        y="value",
    )


def thinned(y: Array) -> Array:
    """Indices to draw: all, or of long series each bin's lowest and highest, so that no peak is lost."""
    if y.size <= POINTS:
        return np.arange(y.size)
    bins = np.array_split(np.arange(y.size), POINTS // 2)
    kept = []
    for indices in bins:
        values = y[indices]
        ends = [0] if np.isnan(values).all() else [np.nanargmin(values), np.nanargmax(values)]
        kept.append(np.unique(indices[ends]))
    return np.concatenate(kept)


def _time_axis(panel: Panel, windows: Windows) -> None:
    calendar = windows.layout.calendar
    if calendar.time == "datetime":
        panel.dates(calendar.zone)
    panel.ax.grid(axis="x", visible=False)


def _span(windows: Windows, rows: Array, before: int) -> tuple[int, int] | None:
    """First and last step of windows: from `before` steps before the first origin to the last target."""
    if not rows.size:
        return None
    origins = windows.group_origin(rows)[1]
    return int(origins.min()) - before, int(origins.max()) + windows.layout.horizon


def _bars(windows: Windows, fold: Fold, steps: int) -> list[tuple[str, tuple[int, int]]]:
    train = _span(windows, fold.train, windows.layout.lookback - 1)
    spans = [("training", train), ("validation", _span(windows, fold.validation, -1))]
    if not fold.validation.size:
        spans[1] = ("test", (len(windows.time), steps - 1))
    return [(name, span) for name, span in spans if span is not None]


def _folds(sources: Sources, times: Array) -> Chart:
    windows = sources.windows
    names = [f"{fold.name} (m = {fold.m})" for fold in windows.folds]
    panel = Panel("", "", "", 76 + 24 * len(names), (110, 12))
    colors, zone = dict(PARTS), windows.layout.calendar.zone
    for row, fold in enumerate(windows.folds):
        for part, (first, last) in _bars(windows, fold, len(times)):
            ends = times[[first, last]]
            panel.line(
                ends, [row, row], f"{fold.name}: {part}", at=local(ends, zone),
                color=colors[part], lw=9, alpha=0.75, solid_capstyle="butt", readable=False,
            )  # fmt: skip
    panel.ax.set_yticks(range(len(names)), names)
    panel.ax.set_ylim(len(names) - 0.5, -0.5)
    panel.ax.tick_params(axis="y", length=0)
    _time_axis(panel, windows)
    panel.ax.grid(axis="y", visible=False)
    return Chart(
        name="folds",
        title="How time was cut",
        caption="Each fold is trained on windows that end before its validation block begins; the last "
        f"line is the fit that forecasts the test part. m counts training windows.{_notes(windows)}",
        alt="Time spans of training, validation and test for each fold.",
        panels=[panel],
        keys=[Key(name, color, width=8, opacity=0.75) for name, color in PARTS],
        x="ds",
        y="fold",
    )


def _notes(windows: Windows) -> str:
    """What is not as one expects of the folds, each with a blank before it."""
    notes, apart = [unused_validation(windows.validation_used_for)], windows.validation_spacing
    if apart > 1:
        notes.insert(0, f"Origins of validation windows lie {apart} steps apart.")
    return "".join(f" {note}" for note in notes if note)


def file_table(source: Mapping[str, Any]) -> Table:
    """How the file was read, as it was recognised or set in params.yaml."""
    rows = [[name, _text(value)] for name, value in source.items()]
    words = frozenset({1})
    return Table("How the file was read", ["what", "as"], rows, words=words, wrapped=True)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    text = {None: "–", True: "yes", False: "no"}.get(value, str(value))
    return SIGN.sub(r"“\1”", text)


def _table(sources: Sources) -> Table:
    """Every series with its life span, from its first to its last value."""
    listed = sources.series.summary["series"]
    by_name = sources.series.frame.groupby("unique_id", sort=False)["y"]
    frame = by_name.agg(["mean", "std", "min", "max"])
    gaps, filled = any(one["gaps"] for one in listed), filled_steps(sources.windows)
    rows = []
    for one in listed[:LISTED]:
        name = str(one["unique_id"])
        ends = [str(one[end]).removesuffix(" 00:00:00") for end in ("first", "last")]
        counts = [str(one["rows"]), str(one["gaps"])]
        counts += [str(filled.get(name, "–"))] if gaps else []
        rows.append([name, *ends, *counts, *map(measured, frame.loc[name])])
    head = ["series", "first", "last", "rows", "gaps", *(["filled"] if gaps else [])]
    head += ["mean", "sd", "lowest", "highest"]
    note = f"The first {LISTED} of {len(listed)} series. " if len(listed) > LISTED else ""
    note += "First and last value bound a series. "
    if gaps:
        note += "Filled: gaps before the test part that carry the value before them, so that a window may "
        note += "see them; none is ever a target."
    return Table("What came in", head, rows, words=frozenset({1, 2}), note=note.strip())


def filled_steps(windows: Windows) -> dict[str, int]:
    """For each series of the study the gaps of the development part that were filled from the past."""
    filled = np.isfinite(windows.levels) & ~np.asarray(windows.observed)
    counts = np.concatenate([filled[line].sum(axis=0) for line in windows.lines()])
    return dict(zip(windows.layout.series, counts.tolist(), strict=True))

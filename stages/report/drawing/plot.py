"""Panels and charts: what is drawn, what the pointer can read off, and the numbers behind it.

Both are created and drawn within `style.style()`. A Panel is one pair of axes. It remembers each of its
lines, so the values that the page shows at a point and the rows of the chart's CSV are what was drawn. A
Chart is panels with one legend.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.dates import (
    HOURLY,
    MINUTELY,
    MONTHLY,
    SECONDLY,
    AutoDateLocator,
    ConciseDateFormatter,
)
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from stages.report.drawing.svg import Key, composed, svg_of, themed
from stages.report.judging.intervals import Array

WIDTH, HEIGHT = 360, 236  # of a panel, in pixels: the width of a phone
TITLE = 40  # letters that fit above a panel
READ = 40  # points of a line that the pointer can read, at most
# Further steps of ticks: matplotlib has none that fits 31 to 35 months, 61 to 71 hours, …, and warns.
LONGEST = {MONTHLY: 12, HOURLY: 24, MINUTELY: 60, SECONDLY: 60}


@dataclass
class Trace:
    """A line as drawn, and what it means: `at` is the λ where x is its position on the axis."""

    name: str
    line: Line2D
    at: Any
    value: Array
    band: dict[str, Array]  # its ends, low and high, where it has one
    more: dict[str, Any]
    readable: bool


class Panel:
    """One pair of axes, with a title and labels that name quantity and unit."""

    def __init__(
        self, title: str, x: str, y: str, height: int = HEIGHT, margin: tuple[int, int] = (50, 12)
    ) -> None:
        self.figure = Figure((WIDTH / 72, height / 72))
        self.ax = self.figure.add_subplot()
        left, right = margin
        top, bottom = 26 if title else 8, 40 if x else 24
        self.figure.subplots_adjust(
            left=left / WIDTH, right=1 - right / WIDTH, bottom=bottom / height, top=1 - top / height
        )
        self.ax.set_title(short(title, TITLE), x=(6 - left) / (WIDTH - left - right))
        self.ax.set_xlabel(x)
        self.ax.set_ylabel(y)
        self.title, self.height = title, height
        self.traces: list[Trace] = []

    def line(
        self, x: Any, y: Any, name: str, *, at: Any = None, value: Any = None, low: Any = None,
        high: Any = None, more: dict[str, Any] | None = None, readable: bool = True, **look: Any,
    ) -> None:  # fmt: skip
        """Draw y against x; `low` and `high` are a band's ends, for the CSV and the pointer.

        Args:
            at: what each x stands for, where that is not x itself. value: the number to read, where that
                is not y (in a panel of horizontal rows).
            more: further columns of the CSV.
            readable: whether the pointer can read it.
            look: as for matplotlib's plot.
        """
        y = np.asarray(y, float)
        (line,) = self.ax.plot(np.asarray(x), y, **look)
        ends = {"low": low, "high": high}
        band = {end: np.asarray(z, float) for end, z in ends.items() if z is not None}
        at, value = np.asarray(x if at is None else at), y if value is None else value
        value = np.asarray(value, float)
        self.traces.append(Trace(name, line, at, value, band, more or {}, readable))

    def dates(self, zone: str | None = None) -> None:
        """Ticks of a time axis: as few and as short as they can be, and room for what they share.

        The times that are drawn are in UTC where there is a zone; the ticks are in that zone.
        """
        self.figure.subplots_adjust(bottom=36 / self.height)
        tz = None if zone is None else pd.Timestamp(0, tz=zone).tz
        locator = AutoDateLocator(tz=tz, minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
        for unit, longest in LONGEST.items():
            locator.intervald[unit] = [*locator.intervald[unit], longest]
        self.ax.xaxis.set_major_locator(locator)
        self.ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=tz))  # type: ignore[no-untyped-call]
        self.ax.xaxis.set_minor_locator(NullLocator())

    def points(self, prefix: str) -> list[tuple[str, list[tuple[float, float, str]]]]:
        """For each line its name and (x, y, text): what the pointer reads, in the SVG's units."""
        self.ax.get_xlim(), self.ax.get_ylim()  # settles the scales
        lines = []
        for trace in (trace for trace in self.traces if trace.readable):
            xy = self.ax.transData.transform(trace.line.get_xydata())
            inside = np.isfinite(xy).all(axis=1) & (xy[:, 1] > 0) & (xy[:, 1] < self.height)
            indices = np.flatnonzero(inside)
            if indices.size > READ:
                indices = indices[np.linspace(0, indices.size - 1, READ).round().astype(int)]
            points = []
            for i in indices.tolist():
                x, y = float(xy[i, 0]), self.height - float(xy[i, 1])
                text = f"{prefix}{label(trace.at[i])}: {_value(trace, i)}"
                points.append((round(x, 1), round(y, 1), text))
            if points:
                lines.append((trace.name, points))
        return lines

    def frame(self, x: str, y: str) -> pd.DataFrame:
        """What is drawn: columns panel, line, x, y, and low and high where a line has a band."""
        parts = []
        for trace in self.traces:
            part = {"panel": self.title, "line": trace.name, x: trace.at, y: trace.value}
            parts.append(pd.DataFrame(part | trace.more | trace.band))
        return pd.concat(parts, ignore_index=True)


def label(value: Any) -> str:
    """A value of the x-axis for a reader: a date as short as possible, or a number."""
    if isinstance(value, np.datetime64 | datetime | pd.Timestamp):
        clock = pd.Timestamp(value).tz_localize(None)  # the wall clock of its zone
        return re.sub(r"( 00:00| 00:00:00)$", "", str(clock).removesuffix(":00"))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short(name: str, letters: int) -> str:
    """A name cut in its middle: what distinguishes names is often at their end."""
    if len(name) <= letters:
        return name
    half = (letters - 1) // 2
    return name[: letters - 1 - half] + "…" + name[-half:]


def _value(trace: Trace, i: int) -> str:
    text = f"{trace.value[i]:.4g}"
    if trace.band and np.isfinite(trace.band["low"][i]):
        text += f" ({trace.band['low'][i]:.4g} to {trace.band['high'][i]:.4g})"
    return text.replace("-", "−")


# The text before x where the pointer reads a point.
POINTED = {"lam": "λ = ", "epoch": "epoch ", "lag": "lag ", "step": "step "}


@dataclass
class Chart:
    """Panels with one legend, a caption, and a text for those who do not see it.

    Attributes:
        title: the text above it. name: of its files, figures/<name>.svg and figures/<name>.csv.
        x, y: columns of the CSV. columns: in which the panels are drawn; None: as `columns_for` says.
    """

    name: str
    title: str
    caption: str
    alt: str
    panels: Sequence[Panel]
    keys: Sequence[Key]
    x: str
    y: str
    columns: int | None = None
    kind = "chart"

    @property
    def width(self) -> int:
        """In panels."""
        return self.columns or columns_for(len(self.panels), 1)

    @cached_property
    def drawn(self) -> list[str]:
        """Each panel's <svg>."""
        return [svg_of(panel.figure, f"{self.name}{i}-") for i, panel in enumerate(self.panels)]

    def inline(self) -> list[dict[str, Any]]:
        """What the page's template needs of each panel."""
        return [
            {
                "title": panel.title,
                "svg": themed(svg),
                "points": panel.points(POINTED.get(self.x, "")),
            }
            for panel, svg in zip(self.panels, self.drawn, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write <name>.svg and <name>.csv."""
        folder.mkdir(parents=True, exist_ok=True)
        size = (WIDTH, max(panel.height for panel in self.panels))
        text = composed(self.drawn, size, self.width, self.keys, self.alt)
        (folder / f"{self.name}.svg").write_text(text, encoding="utf-8", newline="\n")
        frame = pd.concat([panel.frame(self.x, self.y) for panel in self.panels])
        if frame[self.x].dtype == float:  # exact: a λ is a key
            frame[self.x] = [repr(value).removesuffix(".0") for value in frame[self.x].tolist()]
        path = folder / f"{self.name}.csv"
        frame.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def columns_for(count: int, panels: int) -> int:
    """The number of columns in which `count` cells with some panels each are drawn."""
    if count == 1:
        return min(panels, 3)
    return count if count <= 3 else 2

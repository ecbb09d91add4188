"""The one look of every figure: colours, type, and files whose bytes are a function of the data.

Colours are those of Okabe & Ito (2008), which stay apart for colour-blind readers; kinds of lines
differ in dash as well. matplotlib is imported here and in figures.py alone, and without pyplot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK = "#2b2b2b"
FAINT = "#8c8c8c"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PURPLE = "#8f4f86"

_RC: dict[Any, Any] = {
    "svg.hashsalt": "ridgeline",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": "#b5b5b5",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ececec",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "xtick.color": "#6a6a6a",
    "ytick.color": "#6a6a6a",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@contextmanager
def style() -> Iterator[None]:
    """matplotlib's defaults (whatever the user's own file says) with the settings above."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def panels(
    shape: tuple[int, int], size: tuple[float, float], sharey: Literal["row", "col"] = "row"
) -> tuple[Figure, list[list[Axes]]]:
    """A figure of (rows, columns) panels of (width, height) inches, with room for a legend."""
    (rows, columns), (width, height) = shape, size
    figure = Figure((max(width * columns, 6.0), height * rows + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=sharey, sharex="col")
    return figure, [list(row) for row in grid]


def legend(figure: Figure, axes: Sequence[Axes], columns: int, order: Sequence[str] = ()) -> None:
    """One legend below all panels from the labels of `axes`, those in `order` first."""
    entries: dict[str, Artist] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    first = [label for label in order if label in entries]
    labels = first + [label for label in entries if label not in first]
    artists = [entries[label] for label in labels]
    figure.legend(artists, labels, loc="outside lower center", ncols=columns)


def save(figure: Figure, stem: Path, png: bool = False) -> None:
    """Write stem.svg, and stem.png where asked, without dates or versions."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    engine = figure.get_layout_engine()
    if engine is not None:  # once, not for every file: the layout is half of the time
        engine.execute(figure)
        figure.set_layout_engine("none")
    figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
    if png:
        figure.savefig(stem.with_suffix(".png"), dpi=144, metadata={"Software": None})

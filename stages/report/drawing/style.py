"""The one look of every figure: colours for light and dark, type, and lines.

Colours are those of Okabe & Ito (2008), which colour-blind readers can distinguish, and brighter
variants of them on a dark page; kinds of lines differ in dash as well. λ has a separate scale
(`lambda_scale`): a larger λ stands out more from the page. matplotlib is imported here, in plot.py and
in svg.py alone, and without pyplot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from stages import lambda_scale

INK = lambda_scale.ZERO_COLOR
FAINT = "#767676"
EDGE = "#b5b5b5"
GRID = "#ececec"
PAPER = "#ffffff"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PURPLE = "#8f4f86"


def plasma(first: float, last: float) -> list[str]:
    """Colours of plasma from `first` to `last`, as many as λ has."""
    shares = np.linspace(first, last, len(lambda_scale.COLORS)).tolist()
    return [to_hex(mpl.colormaps["plasma"](share)) for share in shares]


_DARK = plasma(0.41, 1.0)  # all stand out from the dark page, as COLORS do from the light one

# Name of the page's variable → colour on a light page (as in the figures' files), on a dark one.
PALETTE: dict[str, tuple[str, str]] = {
    "ink": (INK, "#e9e7e3"),
    "faint": (FAINT, "#a3a8ae"),
    "edge": (EDGE, "#5d646c"),
    "grid": (GRID, "#2b3138"),
    "paper": (PAPER, "#161a1f"),
    "blue": (BLUE, "#56b4e9"),
    "orange": (ORANGE, "#ff9a55"),
    "green": (GREEN, "#3dcfa4"),
    "purple": (PURPLE, "#dca6d5"),
    **{f"lam{k}": pair for k, pair in enumerate(zip(lambda_scale.COLORS, _DARK, strict=True))},
}

_RC: dict[Any, Any] = {
    "svg.hashsalt": "ridgeline",
    "text.parse_math": False,  # a series may be named $x$
    "svg.fonttype": "none",  # text stays text: read aloud, searched, in the page's font
    "figure.dpi": 72.0,  # a point is a unit of the file and a pixel of the page
    "font.size": 11.0,
    "axes.titlesize": 12.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.labelcolor": INK,
    "axes.labelsize": 11.0,
    "axes.labelpad": 3.0,
    "axes.edgecolor": EDGE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "xtick.color": EDGE,
    "ytick.color": EDGE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 10.0,
    "ytick.labelsize": 10.0,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}


@contextmanager
def style() -> Iterator[None]:
    """matplotlib's defaults (whatever the user's matplotlibrc says) with the settings above."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def variables(dark: bool) -> str:
    """The palette as CSS declarations."""
    return " ".join(f"--{name}: {pair[dark]};" for name, pair in PALETTE.items())


_NAMES = {light: name for name, (light, _) in PALETTE.items()}


def variable(color: str) -> str:
    """A colour of the palette as the page's variable."""
    return f"var(--{_NAMES[color]})"

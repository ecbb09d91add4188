"""From matplotlib's figures to SVG: as a part of a page, and several panels as one file.

The bytes are a function of what is drawn: ids are salted, and no date or version is written.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from stages.report.drawing.style import INK, PAPER, variable

LETTER = 6.1  # mean width of a letter in a legend of 11 px
MARGIN = 10
FONT = "'DejaVu Sans', system-ui, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a name and how its line looks.

    `kind` is line, band, dot, circle or diamond; `dash` is an SVG dash array, empty for a solid line.
    """

    name: str
    color: str
    kind: str = "line"
    dash: str = ""
    width: float = 2.0
    opacity: float = 1.0

    def swatch(self, color: str) -> str:
        """SVG elements in a box of 26 × 10."""
        paint = f'stroke="{color}" stroke-width="{self.width:g}" opacity="{self.opacity:g}"'
        if self.kind == "band":
            return f'<rect x="1" y="0" width="24" height="10" fill="{color}" opacity="0.2"/>'
        if self.kind == "dot":
            return f'<circle cx="13" cy="5" r="4" fill="{color}"/>'
        if self.kind == "circle":
            return f'<circle cx="13" cy="5" r="4" fill="none" stroke="{color}" stroke-width="1.6"/>'
        if self.kind == "diamond":
            return f'<path d="M13 0.5L17.5 5L13 9.5L8.5 5Z" fill="{color}"/>'
        dash = f' stroke-dasharray="{self.dash}"' if self.dash else ""
        return f'<line x1="1" y1="5" x2="25" y2="5" {paint}{dash}/>'

    def themed(self) -> str:
        """The swatch as a part of a page, in its colours."""
        style = 'class="swatch" viewBox="0 0 26 10" aria-hidden="true"'
        return f"<svg {style}>{self.swatch(variable(self.color))}</svg>"


def svg_of(figure: Figure, prefix: str) -> str:
    """The figure as an <svg> element without a size; `prefix` keeps its ids apart from others."""
    file = io.StringIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(file, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # only what is referred to keeps its id
    text = re.sub(r'( id="|xlink:href="#|url\(#)', rf"\g<1>{prefix}", text)
    text = text.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    text = text.replace("xlink:href", "href")
    text = re.sub(r"font: (?:bold |700 )?([\d.]+)px [^;\"]*", _font, text)
    text = re.sub(r'(<svg)[^>]*?(viewBox="[^"]*")[^>]*>', r"\1 \2>", text, count=1)
    text = re.sub(r"<[^>]+>", _rounded, text)  # coordinates, never the text between elements
    return re.sub(r"\n\s*", "\n", text).strip()


def _rounded(match: re.Match[str]) -> str:
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", match[0])


def _font(match: re.Match[str]) -> str:
    weight = "font-weight: 600; " if "bold" in match[0] or "700" in match[0] else ""
    return f"{weight}font-size: {match[1]}px"


def themed(svg: str) -> str:
    """The element in the page's variables, so that it follows light and dark."""
    return re.sub(r"(?<=: )#[0-9a-f]{6}", lambda match: variable(match[0]), svg)


def composed(
    panels: Sequence[str], size: tuple[int, int], columns: int, keys: Sequence[Key], title: str
) -> str:
    """Panels in rows of `columns` over a legend: a file that stands alone."""
    width, height = size
    wide = columns * width + (columns + 1) * MARGIN
    rows = math.ceil(len(panels) / columns)
    top = rows * (height + MARGIN) + MARGIN
    legend, below = _legend(keys, wide, top + MARGIN)
    parts = []
    for i, panel in enumerate(panels):
        x, y = MARGIN + i % columns * (width + MARGIN), MARGIN + i // columns * (height + MARGIN)
        box = f'x="{x}" y="{y}" width="{width}" height="{height}"'
        parts.append(f"<svg {box}{panel.removeprefix('<svg')}")
    whole = f'width="{wide}" height="{below}" viewBox="0 0 {wide} {below}" font-family="{FONT}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {whole} role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="100%" height="100%" fill="{PAPER}"/>',
            *parts,
            *legend,
            "</svg>\n",
        ]
    )


def _legend(keys: Sequence[Key], width: int, top: int) -> tuple[list[str], int]:
    """The entries in lines of the given width, and where the legend ends."""
    parts, x, y = [], 2 * MARGIN, top
    for key in keys:
        room = round(32 + LETTER * len(key.name) + 18)
        if x > 2 * MARGIN and x + room > width:
            x, y = 2 * MARGIN, y + 18
        text = f'<text x="32" y="9" font-size="11" fill="{INK}">{escape(key.name)}</text>'
        parts.append(f'<g transform="translate({x} {y})">{key.swatch(key.color)}{text}</g>')
        x += room
    return parts, y + 18 + MARGIN if keys else top

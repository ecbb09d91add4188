"""Panels as drawings: colours, scales, labels, and the values that the pointer reads."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from stages.lambda_scale import COLORS, color
from stages.report.drawing.axes import common_scale
from stages.report.drawing.plot import Panel
from stages.report.drawing.style import GREEN, INK, PALETTE, plasma, style
from stages.report.drawing.svg import svg_of
from tests.support.synthetic_study import GRID


def test_colours_stand_out_on_both_papers() -> None:
    """WCAG 2.2: 4.5 for text, 3 for the lines of a figure."""
    for dark in (0, 1):
        paper = PALETTE["paper"][dark]
        for name in ("ink", "faint", "blue"):
            assert contrast(PALETTE[name][dark], paper) >= 4.5, (name, dark)
        for name in ("orange", "green", "purple", *(f"lam{k}" for k in range(len(COLORS)))):
            assert contrast(PALETTE[name][dark], paper) >= 3, (name, dark)
    assert list(COLORS) == plasma(0.64, 0.0)
    assert color(0.0, GRID) == INK
    shades = [contrast(color(lam, GRID), PALETTE["paper"][0]) for lam in GRID[1:]]
    assert shades == sorted(shades)


def contrast(one: str, two: str) -> float:
    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def test_a_blow_up_does_not_flatten_the_rest() -> None:
    with style():
        panel = Panel("a", "λ", "MSE")
        common_scale([panel], [np.array([1.0, 1.2, 1.1, 900.0, np.nan])])
        assert panel.ax.get_ylim()[1] < 8
        common_scale([panel], [np.array([2.0, 2.0])])
        assert panel.ax.get_ylim() == pytest.approx((1.8, 2.2))


def test_the_pointer_reads_what_is_drawn() -> None:
    with style():
        panel = Panel("a", "λ", "MSE")
        panel.line([1.0, 10.0], [0.5, -2.0], "one", at=(0.0, 10.0), low=[0.4, -3], high=[0.6, 1])
        panel.line([1.0], [0.1], "faint", readable=False, color=GREEN)
        ((name, points),) = panel.points("λ = ")
    assert name == "one"
    assert [text for *_, text in points] == ["λ = 0: 0.5 (0.4 to 0.6)", "λ = 10: −2 (−3 to 1)"]
    assert points[0][0] < points[1][0]
    assert points[0][1] < points[1][1]  # downwards, as on a page


def test_labels_and_names_are_written_as_they_are() -> None:
    with style():
        panel = Panel("cost_$a & <b>$", "λ", "MSE")
        panel.line([1.0, 2.0], [0.0005, 0.0015], "one")
        panel.ax.set_yticks([0.0005, 0.0015])
        drawn = svg_of(panel.figure, "x-")
    assert ">cost_$a &amp; &lt;b&gt;$<" in drawn
    assert ">0.0005<" in drawn
    assert not re.search(r'"M [^"]*\d\.\d{3}', drawn)


@pytest.mark.parametrize("unit", ["s", "min", "h", "D", "W", "MS", "YS"])
def test_a_time_axis_has_ticks_however_long_it_is(unit: str) -> None:
    """Without a warning of matplotlib's, which would be an error here."""
    for steps in (1, 2, 3, 5, 17, 33, 65, 130, 170):
        with style():
            panel = Panel("a", "", "y")
            times = pd.date_range("2009-02-03 05:07", periods=steps + 1, freq=unit)[[0, -1]]
            panel.line(times, [0.0, 1.0], "one")
            panel.dates()
            svg_of(panel.figure, "x")
            assert len(panel.ax.get_xticks()) >= 1

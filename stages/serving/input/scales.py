"""The scaler of each series that is served: the study's, or for an unseen series one of the rows sent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.artifacts.windows import Layout
from stages.normalise import NORMALISE
from stages.window.panel import Panel
from stages.window.scaler import fit_scaler, refusals


@dataclass(frozen=True)
class Scales:
    """center, scale (G, F) of the panel's groups. Of unseen series: rows the scale comes from, or why not."""

    center: np.ndarray
    scale: np.ndarray
    rows: dict[int, int]
    refused: dict[int, str]


def scales(panel: Panel, layout: Layout, center: np.ndarray, scale: np.ndarray) -> Scales:
    """The model's center and scale (as stored, in the order of layout.series) for the panel's groups.

    A known series always has its stored scale; one without (the final fit did not admit it) counts as
    unseen. An unseen series is scaled as the study scales: the same scaler, on the observed rows, under the
    same rule of admission. Under `instance` without covariates any rows that vary are enough: each
    window is divided by its standard deviation, and the scale matters only through EPSILON: its spread is
    √(variance + EPSILON · scale²) in the data's units.
    """
    if layout.channels == "joint":
        return Scales(center, scale, {}, {})
    index = {name: i for i, name in enumerate(layout.series)}
    stored = np.array([index.get(name, -1) for name in panel.names])
    unseen = (stored < 0) | np.isnan(scale[stored, 0])
    least = layout.lookback + 2 * layout.horizon
    if NORMALISE[layout.normalise].deviation and not layout.covariates:
        least = 0
    groups = np.flatnonzero(unseen).tolist()
    with np.errstate(over="ignore", invalid="ignore"):  # no finite scale, no forecast: refused
        reasons = refusals(panel.of_groups(unseen), least)
        refused = {groups[group]: _refusal(why) for group, why in reasons.items()}
        fresh = np.array([new and group not in refused for group, new in enumerate(unseen)])
        centers, widths = fit_scaler(layout.scaler, layout.scaler_range, panel, fresh)
    centers[~unseen], widths[~unseen] = center[stored[~unseen]], scale[stored[~unseen]]
    seen = [int(panel.scored[line, 0].sum()) for line in panel.lines()]
    rows = {group: seen[group] for group in np.flatnonzero(fresh).tolist()}
    return Scales(centers, widths, rows, refused)


def _refusal(why: str) -> str:
    remedy = "send rows that vary" if why.endswith("do not vary") else "send more of its past"
    sent = "the model has no scale for it, and the rows sent, from which to take one, have"
    return f"{sent} {why}; {remedy}"

"""The answer to a table: a forecast for each series, or why there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.intervals import Intervals
from stages.artifacts.windows import Layout
from stages.serving.input.admission import Admitted, none_left
from stages.serving.input.lives import Lives
from stages.serving.input.times import ahead, dated
from stages.serving.input.value_cells import TableError

NOT_FINITE = "its forecast is not a finite number; its values lie too far from those the model was trained on"


class Answer(pd.DataFrame):
    """A table whose records hold None where there is no value.

    MLflow's server writes records, and would write NaN, which is not JSON.
    """

    def to_dict(self, *args: Any, **kwargs: Any) -> Any:
        """As pandas', with None for null."""
        plain = pd.DataFrame(self).astype(object)
        return plain.where(plain.notna(), None).to_dict(*args, **kwargs)


def answer(
    lives: Lives, admitted: Admitted, y: np.ndarray, layout: Layout, intervals: Intervals | None
) -> Answer:
    """unique_id, ds, y_hat, bounds, y_hat_spread, note; H rows for each series, or one if it is refused.

    Args:
        y: (S, series, H) forecasts in the order of admitted.panel.names.

    Raises:
        TableError: no forecast is a finite number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = y.mean(0)
        spread = y.std(0, ddof=1) if len(y) > 1 else np.full(mean.shape, np.nan)
    bounds, lent = _bounds(mean, admitted, layout, intervals)
    index = {name: i for i, name in enumerate(admitted.panel.names)}
    finite = np.isfinite(y).all(axis=(0, 2))
    refused = admitted.refused | {name: NOT_FINITE for name, i in index.items() if not finite[i]}
    if not finite.any():
        raise TableError(none_left(refused))
    lasts = {lives.by_name[name].last for name in index}
    after = {last: ahead(layout.calendar, lives.union, last, layout.horizon) for last in lasts}
    nothing, rows = np.full((2 + len(bounds), 1), np.nan), []
    values = np.stack([mean, *bounds.values(), spread])  # (columns, series, H)
    for name in lives.names:
        if name in refused:
            rows.append((np.zeros(1, np.int64), nothing, f"refused: {refused[name]}"))
        else:
            i, note = index[name], _note(lives, admitted, name, layout, name in lent)
            rows.append((after[lives.by_name[name].last], values[:, i], note))
    stamps, columns, notes = zip(*rows, strict=True)
    names = ["y_hat", *bounds, "y_hat_spread"]
    counts = list(map(len, stamps))
    known = np.repeat([name not in refused for name in lives.names], counts)
    return Answer(
        {
            "unique_id": np.repeat(np.array(lives.names, dtype=object), counts),
            "ds": dated(layout.calendar, np.concatenate(stamps), known),
            **dict(zip(names, np.concatenate(columns, axis=1), strict=True)),
            "note": np.repeat(np.array(notes, dtype=object), counts),
        }
    )


def _bounds(
    y_hat: np.ndarray, admitted: Admitted, layout: Layout, intervals: Intervals | None
) -> tuple[dict[str, np.ndarray], set[str]]:
    """Column → (series, H) of each bound; and the series whose intervals are from other series' residuals."""
    if intervals is None:
        return {}, set()
    names = admitted.panel.names
    known = dict(zip(layout.series, intervals.size.tolist(), strict=True))
    size = np.array([known.get(name, np.nan) for name in names])
    size[np.isin(names, list(admitted.rows))] = np.nan  # its scale is that of the rows sent
    lent = {name for name, one in zip(names, size, strict=True) if np.isnan(one)}
    channels = len(names) // len(admitted.scale)
    size = intervals.sizes(size, admitted.scale[:, :channels].ravel())
    with np.errstate(over="ignore", invalid="ignore"):  # of a forecast that is not finite
        columns = {name: intervals.at(tau, y_hat, size) for name, tau in intervals.bounds.items()}
    return columns, lent


def _note(lives: Lives, admitted: Admitted, name: str, layout: Layout, lent: bool) -> str:
    """What a user should know about a series' forecast; usually empty."""
    notes, ended = [], admitted.ended[name]
    if name in admitted.rows:
        notes.append(f"scale from {admitted.rows[name]} rows")
    if lent:
        notes.append("interval from the errors of other series")
    if ended:
        notes.append(f"ends {ended} step{'s' if ended > 1 else ''} before the others")
    if layout.calendar.numbered:
        last = layout.calendar.text(lives.by_name[name].last)
        notes.append(f"steps after {last}; the study's dates show no pattern to continue")
    return "; ".join(notes)

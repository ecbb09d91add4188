"""The picture of a forecast: the last steps of each series and the next ones, with their intervals.

Without intervals the band is the seeds' spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.artifacts.intervals import bound_names
from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import BLUE, INK, style
from stages.report.drawing.svg import Key
from stages.serving.input.lives import Life, Lives
from stages.serving.input.times import dated

PANES = 12  # series that are drawn: the first ones that have a forecast
COLUMNS = 3


def draw(
    lives: Lives,
    forecast: pd.DataFrame,
    calendar: Calendar,
    steps: int,
    folder: Path,
    levels: Sequence[float] = (),
) -> None:
    """folder/picture.svg and picture.csv; of each series the last `steps` steps and its forecast.

    Args:
        levels: of the intervals that `forecast` has, ascending.
    """
    served = forecast[forecast["y_hat"].notna()]
    names = list(dict.fromkeys(served["unique_id"]))[:PANES]
    keys = [Key("observed", INK), Key("forecast, mean over seeds", BLUE)]
    if levels:
        listed = " and ".join(f"{level:g}" for level in levels)
        keys.append(Key(f"intervals of {listed} %", BLUE, "band"))
    elif served["y_hat_spread"].notna().any():  # one seed has no spread
        keys.append(Key("± standard deviation over seeds", BLUE, "band"))
    with style():
        panels = []
        for name in names:
            ahead = served[served["unique_id"] == name]
            panels.append(_panel(name, lives.by_name[name], ahead, calendar, steps, levels))
        alt = f"The last steps of {', '.join(names)}, and their forecasts."
        columns = min(COLUMNS, len(names))
        Chart("picture", "Forecast", "", alt, panels, keys, "ds", "y", columns).save(folder)


def _panel(
    name: str, life: Life, ahead: pd.DataFrame, calendar: Calendar, steps: int,
    levels: Sequence[float],
) -> Panel:  # fmt: skip
    past, before = life.values[-steps:, 0], _before(life, calendar, steps)
    panel = Panel(name, "", "data's units")
    y, spread = ahead["y_hat"], ahead["y_hat_spread"]
    ds = _plain(ahead["ds"])
    bands = [bound_names(level) for level in levels]
    ends = [(ahead[low], ahead[high]) for low, high in bands] or [(y - spread, y + spread)]
    panel.line(before, past, "observed", color=INK, lw=1.3)
    for low, high in ends:
        panel.ax.fill_between(ds, low, high, color=BLUE, alpha=0.2, lw=0)
    low, high = ends[-1]  # the widest
    panel.line(ds, y, "forecast", low=low, high=high, color=BLUE)
    if ds.dtype.kind == "M":
        panel.dates()
    panel.ax.grid(axis="x", visible=False)
    return panel


def _before(life: Life, calendar: Calendar, steps: int) -> np.ndarray:
    """Times of the past steps; … −1, 0 where those of the forecast are numbered."""
    stamps = life.stamps[-steps:]
    if calendar.numbered:
        return np.arange(1 - len(stamps), 1)
    return _plain(dated(calendar, stamps, np.ones(len(stamps), bool)))


def _plain(ds: pd.Series) -> np.ndarray:
    """Without a zone: its wall clock is what the axis shows."""
    if isinstance(ds.dtype, pd.DatetimeTZDtype):
        return ds.dt.tz_localize(None).to_numpy()
    return ds.to_numpy("int64") if pd.api.types.is_integer_dtype(ds) else ds.to_numpy()

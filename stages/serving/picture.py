"""The picture of a forecast: the last steps of each series and the next ones, with their intervals.

Without intervals the band is the seeds' spread.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import BLUE, INK, style
from stages.report.drawing.svg import Key
from stages.serving.input.lives import Life, Lives
from stages.serving.input.times import dated

PANES = 12  # series that are drawn: the first ones that have a forecast
COLUMNS = 3
LOW, HIGH = "y_hat-lo-", "y_hat-hi-"  # columns of bounds, the level after it


def draw(
    lives: Lives, forecast: pd.DataFrame, calendar: Calendar, steps: int, folder: Path
) -> None:
    """folder/picture.svg and picture.csv; of each series the last `steps` steps and its forecast."""
    served = forecast[forecast["y_hat"].notna()]
    names = list(dict.fromkeys(served["unique_id"]))[:PANES]
    keys = [Key("observed", INK), Key("forecast, mean over seeds", BLUE)]
    levels = _levels(served)
    if levels:
        keys.append(Key(f"intervals of {' and '.join(levels)} %", BLUE, "band"))
    elif served["y_hat_spread"].notna().any():  # one seed has no spread
        keys.append(Key("± standard deviation over seeds", BLUE, "band"))
    with style():
        panels = [
            _panel(name, lives.by_name[name], served[served["unique_id"] == name], calendar, steps)
            for name in names
        ]
        alt = f"The last steps of {', '.join(names)}, and their forecasts."
        columns = min(COLUMNS, len(names))
        Chart("picture", "Forecast", "", alt, panels, keys, "ds", "y", columns).save(folder)


def _panel(name: str, life: Life, ahead: pd.DataFrame, calendar: Calendar, steps: int) -> Panel:
    past, before = life.values[-steps:, 0], _before(life, calendar, steps)
    panel = Panel(name, "", "data's units")
    y, spread = ahead["y_hat"], ahead["y_hat_spread"]
    ds = _plain(ahead["ds"])
    bands = [(ahead[LOW + level], ahead[HIGH + level]) for level in _levels(ahead)]
    panel.line(before, past, "observed", color=INK, lw=1.3)
    for band in bands or [(y - spread, y + spread)]:
        panel.ax.fill_between(ds, *band, color=BLUE, alpha=0.2, lw=0)
    low, high = (bands or [(y - spread, y + spread)])[-1]  # the widest
    panel.line(ds, y, "forecast", low=low, high=high, color=BLUE)
    if ds.dtype.kind == "M":
        panel.dates()
    panel.ax.grid(axis="x", visible=False)
    return panel


def _levels(forecast: pd.DataFrame) -> list[str]:
    return [str(name).removeprefix(LOW) for name in forecast if str(name).startswith(LOW)]


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

"""The picture of a forecast: the last steps of each series and the next ones, with the seeds' spread."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stages.report.plot import Chart, Panel
from stages.report.style import BLUE, INK, style
from stages.report.svg import Key
from stages.serving.chosen import Chosen

PANES = 12  # series that are drawn: the first of the table
COLUMNS = 3


def draw(chosen: Chosen, table: pd.DataFrame, forecast: pd.DataFrame, folder: Path) -> None:
    """folder/picture.svg and picture.csv; of each series twice as many steps as a forecast looks back on."""
    names = list(dict.fromkeys(forecast["unique_id"]))[:PANES]
    keys = [Key("observed", INK), Key("forecast, mean over seeds", BLUE)]
    if forecast["y_hat_spread"].notna().any():  # there is none of one seed
        keys.append(Key("± standard deviation over seeds", BLUE, "band"))
    with style():
        panels = []
        for name in names:
            own = table[table["unique_id"].astype(str) == name].tail(2 * chosen.steps)
            panels.append(_panel(name, own, forecast[forecast["unique_id"] == name]))
        Chart(
            name="picture",
            title="Forecast",
            caption="",
            alt=f"The last steps of {', '.join(names)}, and their forecasts.",
            panels=panels,
            keys=keys,
            columns=min(COLUMNS, len(names)),
            x="ds",
            y="y",
        ).save(folder)


def _panel(name: str, own: pd.DataFrame, ahead: pd.DataFrame) -> Panel:
    panel = Panel(name, "", "data's units")
    y, spread = ahead["y_hat"], ahead["y_hat_spread"]
    ds, ends = ahead["ds"].to_numpy(), (y - spread, y + spread)
    panel.line(_times(own["ds"], ahead["ds"]).to_numpy(), own["y"], "observed", color=INK, lw=1.3)
    panel.ax.fill_between(ds, *ends, color=BLUE, alpha=0.2, lw=0)
    panel.line(ds, y, "forecast", low=ends[0], high=ends[1], color=BLUE)
    if ahead["ds"].dtype.kind == "M":
        panel.dates()
    panel.ax.grid(axis="x", visible=False)
    return panel


def _times(raw: pd.Series, ahead: pd.Series) -> pd.Series:
    """The table's times in the forecast's type."""
    if not pd.api.types.is_datetime64_any_dtype(ahead):
        return raw.astype(ahead.dtype)
    whole = pd.api.types.is_numeric_dtype(raw)  # years
    return pd.to_datetime(raw.astype(str) + "-01-01" if whole else raw).astype(ahead.dtype)

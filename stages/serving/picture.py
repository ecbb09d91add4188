"""The picture of a forecast: the last steps of each series and the next ones, with the seeds' spread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from stages.report.style import BLUE, INK, legend, panels, save, style
from stages.serving.chosen import Chosen

PANES = 12  # series that are drawn: the first of the table
COLUMNS = 3


def draw(chosen: Chosen, table: pd.DataFrame, forecast: pd.DataFrame, stem: Path) -> None:
    """stem.svg and stem.png; of each series twice as many steps as a forecast looks back on."""
    names = list(dict.fromkeys(forecast["unique_id"]))[:PANES]
    columns = min(COLUMNS, len(names))
    with style():
        shape = (-(-len(names) // columns), columns)
        figure, axes = panels(shape, (7.0 if columns == 1 else 3.7, 2.4))
        every = [ax for row in axes for ax in row]
        for ax, name in zip(every, names, strict=False):
            own = table[table["unique_id"].astype(str) == name].tail(2 * chosen.steps)
            ahead = forecast[forecast["unique_id"] == name]
            time = pd.concat([_times(own["ds"], ahead["ds"]), ahead["ds"]]).to_numpy()
            known, y = time[: len(own)], ahead["y_hat"].to_numpy()
            spread = np.nan_to_num(ahead["y_hat_spread"].to_numpy())
            ax.plot(known, own["y"].to_numpy(float), color=INK, label="observed", lw=1.3)
            ax.plot(time[len(own) :], y, color=BLUE, label="forecast, mean over seeds")
            label = "± standard deviation over seeds"
            band = (y - spread, y + spread)
            ax.fill_between(time[len(own) :], *band, color=BLUE, alpha=0.2, lw=0, label=label)
            ax.set_title(name)
        for ax in every[len(names) :]:
            ax.set_visible(False)
        legend(figure, every[:1], 3)
        save(figure, stem, png=True)


def _times(raw: pd.Series, ahead: pd.Series) -> pd.Series:
    """The table's times in the forecast's type."""
    if not pd.api.types.is_datetime64_any_dtype(ahead):
        return raw.astype(ahead.dtype)
    whole = pd.api.types.is_numeric_dtype(raw)  # years
    return pd.to_datetime(raw.astype(str) + "-01-01" if whole else raw).astype(ahead.dtype)

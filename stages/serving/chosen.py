"""The chosen model of a study: all seeds of the chosen λ, from a table to forecasts in the data's units."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts import container
from stages.artifacts.fits import Fit
from stages.artifacts.series import Series
from stages.artifacts.windows import Layout, Windows
from stages.networks.forecast import forecast
from stages.serving.table import checked
from stages.window.panel import build_panel
from stages.window.params import Split, WindowParams


@dataclass(frozen=True)
class Chosen:
    """weights (S, n); center, scale (G, F) of the final fold's scaler; meta as `report` wrote it."""

    weights: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    meta: dict[str, Any]

    @classmethod
    def load(cls, path: Path | str) -> Chosen:
        """From `model.safetensors`.

        Raises:
            FileNotFoundError: there is none. ValueError: it is damaged.
        """
        arrays, meta = container.load(path)
        weights, center, scale = (np.array(arrays[n]) for n in ("weights", "center", "scale"))
        return cls(weights, center, scale, meta)

    @property
    def layout(self) -> dict[str, Any]:
        layout: dict[str, Any] = self.meta["layout"]
        return layout

    @property
    def steps(self) -> int:
        """How many steps a forecast looks back on."""
        difference = self.layout["difference"]
        lag = difference["lag"] if difference["order"] else 0
        return int(self.layout["lookback"]) + lag

    def forecast(self, table: pd.DataFrame) -> pd.DataFrame:
        """The next H steps of every series in the table.

        Args:
            table: unique_id, ds, y, covariates; at least the last `steps` steps of each series.

        Returns:
            unique_id, ds, y_hat (mean over the seeds) and y_hat_spread (their standard deviation), in the
            data's units; with one seed the spread is NaN.

        Raises:
            TableError: see `checked`.
        """
        rows = checked(table, self.layout, self.steps)
        names = list(dict.fromkeys(rows["unique_id"]))
        horizon = int(self.layout["horizon"])
        following = self._following(rows["ds"].iloc[-1], horizon)
        windows, center, scale = self._windows(_extended(rows, names, following), names)
        groups, length = windows.values.shape[:2]
        origins = np.arange(groups) * length + self.steps - 1
        raw = forecast(self._fit(), windows, origins, center, scale)[0]  # (S, G, H, C)
        _, _, shift, spread = windows.batch(origins, center, scale)
        y = windows.undo(origins, raw, center, scale, shift, spread)  # (S, G, H, C)
        by_series = np.moveaxis(y, -1, 2).reshape(len(y), len(names), -1)  # (S, series, H)
        several = len(y) > 1
        spread_y = by_series.std(0, ddof=1) if several else np.full(by_series.shape[1:], np.nan)
        return pd.DataFrame(
            {
                "unique_id": np.repeat(names, horizon),
                "ds": np.tile(following, len(names)),
                "y_hat": by_series.mean(0).ravel(),
                "y_hat_spread": spread_y.ravel(),
            }
        )

    def _windows(
        self, rows: pd.DataFrame, names: list[str]
    ) -> tuple[Windows, np.ndarray, np.ndarray]:
        """The rows as windows of one origin, and the scaler of their series."""
        layout = self.layout
        joint = layout["channels"] == "joint"
        features = self.center.shape[1]
        covariates = len(layout["covariates"])
        shared = joint and features == len(layout["series"]) + covariates
        summary = {
            "series": [{"unique_id": name} for name in names],
            "covariates": list(layout["covariates"]),
            "shared_covariates": shared,
        }
        params = WindowParams(
            lookback=layout["lookback"], horizon=layout["horizon"], channels=layout["channels"],
            normalise=layout["normalise"], split=Split(validation=1, test=1), missing="drop",
        )  # fmt: skip
        difference = layout["difference"]
        panel = build_panel(
            Series(rows, summary), params, difference["lag"] if difference["order"] else 0
        )
        own = {**layout, "series": tuple(names), "covariates": tuple(layout["covariates"])}
        at = [0] if joint else [layout["series"].index(name) for name in names]
        empty, center, scale = np.empty(0, np.int64), self.center[at], self.scale[at]
        # Gaps are left only where no forecast looks (`checked`), but the kernels compute there too.
        values = np.nan_to_num(panel.values)
        windows = Windows(
            Layout(**own), values, panel.levels, panel.observed, panel.time, (), empty,
            center, scale, 0, 0,
        )  # fmt: skip
        return windows, center, scale

    def _fit(self) -> Fit:
        """The weights as a fit of one λ, all that a forecast needs of one."""
        values: dict[str, Any] = {field.name: np.empty(0) for field in fields(Fit)}
        values |= {name: self.meta[name] for name in ("cell", "config")}
        values |= {"lambdas": (self.meta["lam"],), "m": (self.meta["m"],), "folds": ("final",)}
        values |= {"seeds": len(self.weights), "weights": self.weights[None]}
        return Fit(**values)

    def _following(self, last: Any, horizon: int) -> Any:
        """The H times after the last one."""
        frequency = self.layout["frequency"]
        if self.layout["time"] == "datetime":
            return pd.date_range(last, periods=horizon + 1, freq=frequency, unit="us")[1:]
        return last + int(frequency) * np.arange(1, horizon + 1)


def _extended(rows: pd.DataFrame, names: list[str], following: Any) -> pd.DataFrame:
    """Behind each series H steps of which nothing is known: where the windows' targets would lie."""
    parts = []
    for name in names:
        parts += [
            rows[rows["unique_id"] == name],
            pd.DataFrame({"unique_id": name, "ds": following}),
        ]
    return pd.concat(parts, ignore_index=True)

"""The chosen model of a study: all seeds of the chosen λ, from a table to forecasts in the data's units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts import container
from stages.artifacts.series import Series
from stages.artifacts.windows import Layout, Windows
from stages.networks.forecast import forecasts_of, network_of
from stages.serving.admission import Admitted, admit
from stages.serving.answer import Answer, answer
from stages.serving.lives import Lives, lives
from stages.serving.table import of_series, of_table


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

    @cached_property
    def layout(self) -> Layout:
        return Layout.of(self.meta["layout"])

    @property
    def date_format(self) -> str | None:
        """Of the dates of the study's file, if they were text."""
        words = str(self.meta.get("dates", "")).split(" and ")
        return words[0] if words[0].startswith("%") else None

    @property
    def lag(self) -> int:
        """Of the difference; 0: none."""
        return self.layout.difference["lag"] if self.layout.difference["order"] else 0

    @property
    def steps(self) -> int:
        """How many steps a forecast looks back on."""
        return self.layout.lookback + self.lag

    def forecast(self, data: Any) -> Answer:
        """The next H steps of every series.

        Args:
            data: a table of unique_id, ds, y and the model's covariates (see `of_table`), or what `prepare`
                wrote; at least the last `steps` steps of each series.

        Returns:
            In the data's order of series: unique_id, ds, y_hat (mean over the seeds) and y_hat_spread (their
            standard deviation; NaN with one seed) in the data's units, and note: what is to be known about
            the series' forecast. A series that cannot be forecast has one row without ds and y_hat, and
            the reason in its note.

        Raises:
            TableError: the table cannot be read, or nothing in it can be forecast.
        """
        return self.forecast_lives(self.read(data))

    def read(self, data: Any) -> Lives:
        """The series of a table, or of what `prepare` wrote, on the model's calendar.

        Raises:
            TableError: as a whole it cannot be read.
        """
        if isinstance(data, Series):
            rows = of_series(data, self.layout)
        else:
            rows = of_table(data, self.layout, self.date_format)
        return lives(rows, self.layout.calendar)

    def forecast_lives(self, every: Lives) -> Answer:
        """As `forecast`, of what `read` returned."""
        admitted = admit(every, self.layout, self.steps, self.lag, self.center, self.scale)
        return answer(every, admitted, self._ahead(admitted), self.layout)

    def _ahead(self, admitted: Admitted) -> np.ndarray:
        """(S, series, H) forecasts in the data's units."""
        windows, rows = self._windows(admitted)
        center, scale = admitted.center, admitted.scale
        network = network_of(self.meta["config"])
        with np.errstate(over="ignore", invalid="ignore"):  # `answer` refuses what is not finite
            raw = forecasts_of(self.weights, network, windows, rows, center, scale)  # (S, G, H, C)
            x, _, shift, spread = windows.batch(rows, center, scale)
            y = windows.undo(rows, raw, center, scale, shift, spread)
            y[:, ~np.isfinite(x.astype(np.float32)).all((1, 2))] = (
                np.nan
            )  # a gate would take infinity
        return np.moveaxis(y, -1, 2).reshape(len(y), -1, self.layout.horizon)

    def _windows(self, admitted: Admitted) -> tuple[Windows, np.ndarray]:
        """The last steps of each group, and as many rows of zeros as a window's targets take; the origins."""
        panel, steps, horizon = admitted.panel, self.steps, self.layout.horizon
        tail = panel.starts[1:, None] + np.arange(-steps, 0)  # (G, steps)
        groups, length = len(tail), steps + horizon

        def padded(array: np.ndarray) -> np.ndarray:
            parts = np.zeros((groups, length, array.shape[1]), array.dtype)
            parts[:, :steps] = np.nan_to_num(array[tail])
            return parts.reshape(groups * length, -1)

        starts = np.arange(groups + 1) * length
        windows = Windows(
            self.layout, padded(panel.values), padded(panel.levels), padded(panel.observed), starts,
            np.zeros(groups, np.int64), np.arange(length), (), np.empty(0, np.int64), admitted.center,
            admitted.scale, 0, 0,
        )  # fmt: skip
        return windows, starts[:-1] + steps - 1

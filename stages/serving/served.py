"""The chosen model of a study at work: from a table to forecasts in the data's units."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.artifacts.chosen import Chosen
from stages.artifacts.series import Series
from stages.forecast.networks import Scaled, forecast, forecast_linear, network_of
from stages.serving.answer import Answer, answer
from stages.serving.input.admission import admit
from stages.serving.input.horizon import extended
from stages.serving.input.lives import Lives, lives
from stages.serving.input.table import of_series, of_table


class Served(Chosen):
    """The chosen model, and the tables it answers."""

    @property
    def date_format(self) -> str | None:
        """The format of the dates in the study's file, if they were text."""
        words = self.dates.split(" and ")
        return words[0] if words[0].startswith("%") else None

    def forecast(self, data: Any) -> Answer:
        """The next H steps of every series.

        Args:
            data: a table of unique_id, ds, y and the model's covariates (see `of_table`), or what `prepare`
                wrote; at least the last `steps` steps of each series.

        Returns:
            In the data's order of series: unique_id, ds, y_hat (mean over the seeds), the bounds of each
            level's prediction interval (y_hat-lo-95, y_hat-hi-95) and y_hat_spread (standard deviation over
            the seeds; NaN with one) in the data's units, and note: what a user should know about the
            series' forecast. A series that cannot be forecast has one row without ds and y_hat, and the
            reason in its note.

        Raises:
            TableError: the table cannot be read, or nothing in it can be forecast.
        """
        return self.forecast_lives(self.read(data))

    def read(self, data: Any) -> Lives:
        """The series of a table, or of what `prepare` wrote, on the model's calendar.

        Raises:
            TableError: the table as a whole cannot be read.
        """
        if isinstance(data, Series):
            rows = of_series(data, self.layout)
        else:
            rows = of_table(data, self.layout, self.date_format)
        return lives(rows, self.layout.calendar)

    def forecast_lives(self, lives: Lives) -> Answer:
        """As `forecast`, of what `read` returned."""
        layout, network = self.layout, network_of(self.config)
        admitted = admit(lives, layout, self.steps, self.lag, self.center, self.scale)
        center, scale = admitted.center, admitted.scale
        values, levels, starts, rows = extended(admitted.panel, admitted.known)

        def seen(dtype: Any) -> Scaled:
            return Scaled.of(layout, values, levels, starts, center, scale, dtype)

        y = forecast(network, self.weights, seen(np.float32), rows)  # (S, G, H, C)
        if self.ridge is not None:
            y = (y + forecast_linear(self.ridge, seen(np.float64), rows)) / 2
        y = np.moveaxis(y, -1, 2).reshape(len(y), -1, layout.horizon)  # (S, series, H)
        return answer(lives, admitted, y, layout, self.intervals)

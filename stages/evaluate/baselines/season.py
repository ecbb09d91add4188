"""The season that baselines and metrics use: the user's, or what the calendar implies."""

from __future__ import annotations

from stages.artifacts.calendar import Calendar
from stages.evaluate.season_params import SeasonParams
from stages.params import ParameterError
from stages.season import unknown_season


def season_of(params: SeasonParams, calendar: Calendar) -> int | None:
    """Steps of one season: the user's, else what the calendar implies; None where nothing needs one.

    Raises:
        ParameterError: there is none, and something that was asked for needs it.
    """
    season = params.season if params.season is not None else calendar.season()
    if season is None and params.seasonal:
        raise ParameterError(unknown_season(params.seasonal, calendar.frequency))
    return season

"""The season that baselines and metrics use: the user's, or what the calendar implies."""

from __future__ import annotations

from stages.artifacts.calendar import Calendar
from stages.evaluate.params import EvaluateParams
from stages.params import ParameterError


def season_of(params: EvaluateParams, calendar: Calendar) -> int | None:
    """Steps of one season: the user's, else what the calendar implies; None where nothing needs one.

    Raises:
        ParameterError: there is none, and something that was asked for needs it.
    """
    season = params.season if params.season is not None else calendar.season()
    needs = [name for name in ("seasonal_repeat",) if name in params.baselines]
    needs += [name for name in ("mase",) if name in params.metrics]
    if season is None and needs:
        raise ParameterError(
            f"evaluate.season is null, but {' and '.join(needs)} need a season and the frequency "
            f"{calendar.frequency!r} implies none; set evaluate.season to the steps of one cycle (11 for "
            "yearly sunspots, 12 for monthly data with a yearly cycle, 1 if there is none)"
        )
    return season

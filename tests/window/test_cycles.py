"""The calendar as inputs: against Python's own, what is refused, and that it stands in for a season."""

from __future__ import annotations

import calendar as python_calendar
import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.calendar import Calendar
from stages.evaluate.baselines.ridge import fit, scaled, validation_error
from stages.params import ParameterError
from stages.window.cycles import CYCLES, positions, refuse_useless_cycles
from stages.window.params import WindowParams
from stages.window.stage import make_windows
from tests.support.synthetic_series import synthetic_series

MICRO = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1)


def by_hand(moment: datetime) -> dict[str, float]:
    """The share of each cycle that has passed, by Python's datetime."""
    year, week, day = moment.isocalendar()
    weeks = datetime(year, 12, 28).isocalendar().week
    length = python_calendar.monthrange(moment.year, moment.month)[1]
    return {
        "quarter": (moment.month - 1) // 3 / 4, "month": (moment.month - 1) / 12,
        "week_of_year": (week - 1) / weeks, "day_of_month": (moment.day - 1) / length,
        "weekday": (day - 1) / 7, "hour": moment.hour / 24, "minute": moment.minute / 60,
    }  # fmt: skip


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_positions_are_those_of_pythons_calendar(zone):
    """Eight years around turns of ISO years, at odd hours; in a zone by its own clock."""
    stamps = np.arange(0, 8 * 366 * 24 * 60, 997) * 60_000_000 + 1_230_000_000_000_000
    names = list(CYCLES)
    values = positions(names, Calendar("997min", "datetime", zone), stamps)
    assert values.shape == (len(stamps), 2 * len(names))
    for row, stamp in zip(values[::7], stamps[::7].tolist(), strict=True):
        moment = EPOCH + stamp * MICRO
        if zone:
            moment = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        shares = by_hand(moment)
        wanted = [f(2 * math.pi * shares[n]) for n in names for f in (math.sin, math.cos)]
        np.testing.assert_allclose(row, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("frequency", "fits"),
    [
        ("15min", set(CYCLES)),
        ("h", set(CYCLES) - {"minute"}),
        ("D", {"quarter", "month", "week_of_year", "day_of_month", "weekday"}),
        ("B", {"quarter", "month", "week_of_year", "day_of_month", "weekday"}),
        ("W-SUN", {"quarter", "month", "week_of_year", "day_of_month"}),
        ("ME", {"quarter", "month", "week_of_year"}),
        ("QS", {"quarter", "month", "week_of_year"}),
        ("YS", set()),
    ],
)
def test_what_does_not_vary_at_the_frequency_is_refused_by_name(frequency, fits):
    periods = {"15min": 40_000, "h": 10_000, "D": 800, "B": 800}.get(frequency, 120)
    index = pd.date_range("2019-01-01", periods=periods, freq=frequency, unit="us")
    clock = Calendar(frequency, "datetime")
    listed = ", ".join(name for name in CYCLES if name in fits) or "none"
    for name in CYCLES:
        if name in fits:
            refuse_useless_cycles([name], clock, index.asi8)
            continue
        with pytest.raises(ParameterError) as error:
            refuse_useless_cycles([name], clock, index.asi8)
        assert str(error.value).startswith(f"window.calendar = {name!r} does not vary: no ")
        assert str(error.value).endswith(f"choose of {listed}")


def test_times_without_dates_ahead_are_refused():
    with pytest.raises(ParameterError, match=r"window\.calendar = \['month'\] needs dates, but"):
        refuse_useless_cycles(["month"], Calendar("1", "integer"), np.arange(9))
    with pytest.raises(
        ParameterError, match=r"show no pattern to continue; set window\.calendar to"
    ):
        refuse_useless_cycles(["month"], Calendar("rows", "datetime"), np.arange(9))
    split: Any = {"validation": 2, "test": 2}
    with pytest.raises(ValueError, match="names 'month' twice"):
        WindowParams(lookback=2, horizon=1, split=split, folds=1, calendar=("month", "month"))


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_the_calendar_comes_last_unscaled_and_is_known_over_the_horizon(channels):
    rng = np.random.default_rng(1)
    lives = {name: (3, rng.normal(size=90)) for name in ("a", "b")}
    rain = {"rain": {name: rng.normal(9, 2, 90) for name in lives}}
    rules: dict[str, Any] = {
        "lookback": 6,
        "horizon": 3,
        "split": {"validation": 20, "test": 20},
        "folds": 1,
    }
    series = synthetic_series(lives, rain)
    params = WindowParams(**rules, channels=channels, calendar=("weekday",), scaler="minmax")
    plain = WindowParams(**rules, channels=channels, scaler="minmax")
    windows, test = make_windows(series, params, None)
    before, before_test = make_windows(series, plain, None)
    assert windows.layout.known == 2
    for file, old in ((windows, before), (test, before_test)):
        np.testing.assert_array_equal(file.values[:, :-2], old.values)
        steps = np.concatenate([file.time[: line.stop - line.start] for line in file.lines()])
        clock = positions(["weekday"], series.calendar, steps)
        np.testing.assert_array_equal(file.values[:, -2:], clock)
    for fold in windows.folds:
        assert (fold.center[:, -2:] == 0).all()
        assert (fold.scale[:, -2:] == 1).all()


def test_the_calendar_stands_in_for_a_seasonal_difference():
    """A wave over the week, seen through one day: what a difference takes out, dates tell."""
    rng = np.random.default_rng(2)
    week = 6 * np.sin(2 * np.pi * (np.arange(7) + 1.3) / 7)
    shop = 50 + week[np.arange(700) % 7] + rng.normal(size=700)
    series = synthetic_series({"shop": (0, shop)})
    rules: dict[str, Any] = {
        "lookback": 1,
        "horizon": 7,
        "split": {"validation": 140, "test": 140},
        "folds": 1,
    }

    def error(**changes) -> float:
        """Mean squared validation error of ridge, in squared units of the data."""
        windows, _ = make_windows(series, WindowParams(**rules, **changes), 7)
        fold = windows.folds[0]
        path = fit(scaled(windows, fold), fold)
        total = validation_error(path, scaled(windows, fold), windows, fold, [1.0], "mse")[0]
        return float(total / len(fold.validation) / 7 * windows.scale[0, 0] ** 2)

    plain, seasonal = error(), error(difference="seasonal")
    dated = error(calendar=("weekday",))
    assert plain > 5
    assert seasonal > 1.7  # a difference doubles the noise
    assert dated < 0.75 * seasonal

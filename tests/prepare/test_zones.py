"""Zones and offsets: local days stay on their day, hours cross a change of the clock."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from tests.support.time_columns import refused, times

# Zones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("typed", [True, False])
def test_local_midnights_stay_on_their_day(zone, typed):
    days = pd.date_range("2023-01-01", periods=365, tz=zone).as_unit("us")
    got = times(days if typed else [day.isoformat() for day in days])
    assert got.zone is None
    assert got.stamps.tolist() == days.tz_localize(None).asi8.tolist()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("month", [3, 10])
def test_hours_cross_a_change_of_the_clock(zone, month):
    hours = pd.date_range(f"2023-{month}-05", periods=40 * 24, freq="h", tz="UTC").as_unit("us")
    local = hours.tz_convert(zone)
    expected = hours.asi8.tolist()
    typed = times(local)
    assert (typed.stamps.tolist(), typed.zone) == (expected, zone)
    offsets = times([moment.isoformat() for moment in local])
    last = local[-1].strftime("%z")
    assert (offsets.stamps.tolist(), offsets.zone) == (expected, f"{last[:3]}:{last[3:]}")
    assert last[:3] in offsets.description["offsets"]
    converted = times([moment.isoformat() for moment in local], zone=zone)
    assert (converted.stamps.tolist(), converted.zone) == (expected, zone)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("freq", ["h", "30min", "15min"])
@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("layout", ["by series", "by time"])
def test_a_wall_clock_is_localised_by_the_order_of_rows(zone, freq, falling, layout):
    moments = pd.date_range("2023-10-25", "2023-11-10", freq=freq, tz="UTC").as_unit("us")
    moments = moments[::-1] if falling else moments
    wall = moments.tz_convert(zone).tz_localize(None).strftime("%d.%m.%Y %H:%M").to_numpy()
    repeat = np.tile if layout == "by series" else np.repeat
    number = np.arange(2)
    series = np.repeat(number, len(wall)) if layout == "by series" else np.tile(number, len(wall))
    got = times(repeat(wall, 2), zone=zone, series=series)
    assert got.zone == zone
    assert got.stamps.tolist() == repeat(moments.asi8, 2).tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2023-03-26 02:30", "which the clock of that zone skips"),
        ("2023-10-29 02:30", "which the clock of that zone shows twice, but the file has it once"),
    ],
)
def test_wall_clocks_that_do_not_exist_or_are_two(text, words):
    refused(words, [text, "2023-12-01 00:00"], zone="Europe/Berlin")


@pytest.mark.parametrize("zone", ["Europe/Berln", "", "../etc/passwd", "+25:00", "CET/x"])
def test_unknown_zones(zone):
    refused("is not a time zone", ["2023-12-01 00:00", "2023-12-01 01:00"], zone=zone)


@pytest.mark.parametrize(
    ("texts", "zone"),
    [
        (["2020-01-01T00:00Z", "2020-01-01T01:00Z"], "UTC"),
        (["2020-01-01 00:00+02:00", "2020-01-01 01:00+02:00"], "+02:00"),
        (["2020-01-01 00:00 -0330", "2020-01-01 01:00 -0330"], "-03:30"),
        (["2020-01-01 00:00-03", "2020-01-01 01:00-03"], "-03:00"),
    ],
)
def test_constant_offsets(texts, zone):
    got = times(texts)
    expected = [pd.Timestamp(re.sub(" -", "-", text)) for text in texts]
    assert got.zone == zone
    assert got.stamps.tolist() == [moment.value // 1000 for moment in expected]

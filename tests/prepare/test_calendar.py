"""The calendar: which stamps come next, the season, stamps as text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.artifacts.calendar import Calendar
from stages.artifacts.pattern import Monthly, Weekly, parse
from stages.frequency import WEEKDAYS
from stages.season import infer_season

ALIASES = [
    "s", "15min", "h", "2h", "36h", "D", "3D", "W-SAT", "2W-WED", "B", "2B", "MS", "ME", "2MS", "BMS",
    "BME", "SMS", "SME", "QS", "QS-FEB", "QE", "BQE", "YS", "YE", "YS-APR", "WOM-3FRI",
]  # fmt: skip


def stamp(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


def texts(calendar: Calendar, last: str, count: int) -> list[str]:
    return [calendar.text(value) for value in calendar.following(stamp(last), count)]


@pytest.mark.parametrize("alias", ALIASES)
@settings(max_examples=20, deadline=None)
@given(
    start=st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2100-01-01")),
    count=st.integers(1, 40),
)
def test_the_next_stamps_are_those_of_pandas(alias, start, count):
    whole = pd.date_range(pd.Timestamp(start).floor("s"), periods=count + 1, freq=alias).as_unit(
        "us"
    )
    calendar = Calendar(alias, "datetime")
    got = calendar.following(whole[0], count)
    assert got.dtype == np.int64
    assert got.tolist() == whole[1:].asi8.tolist()
    assert calendar.following_index(whole.asi8[0], count).tolist() == whole[1:].tolist()
    assert (
        Calendar("rows", "datetime", None, alias).following(whole[0], count).tolist()
        == got.tolist()
    )


@settings(deadline=None)
@given(
    names=st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    last=st.datetimes(pd.Timestamp("1950-01-01"), pd.Timestamp("2050-01-01")),
    count=st.integers(1, 30),
)
def test_days_of_the_week_against_a_walk_day_by_day(names, last, count):
    pattern = str(Weekly(tuple(day for day in WEEKDAYS if day in names)))
    got = Calendar("rows", "datetime", None, pattern).following(pd.Timestamp(last), count)
    day = pd.Timestamp(last).as_unit("us")
    expected: list[int] = []
    while len(expected) < count:
        day += pd.Timedelta(days=1)
        if day.day_name()[:3] in names:
            expected.append(day.value // 1000)
    assert got.tolist() == expected


@settings(deadline=None)
@given(
    last=st.dates(pd.Timestamp("1950-01-01").date(), pd.Timestamp("2050-01-01").date()),
    months=st.integers(1, 24),
    count=st.integers(1, 30),
)
def test_days_of_the_month_against_pandas(last, months, count):
    calendar = Calendar("rows", "datetime", None, str(Monthly(last.day, months)))
    expected = [pd.Timestamp(last) + pd.DateOffset(months=months * k) for k in range(1, count + 1)]
    assert calendar.following_index(pd.Timestamp(last), count).tolist() == expected


def test_the_end_of_the_month_stays_the_end():
    calendar = Calendar("rows", "datetime", None, "day 31 every 1 months")
    assert texts(calendar, "2020-02-29", 3) == ["2020-03-31", "2020-04-30", "2020-05-31"]


def test_opening_hours_go_on_the_next_open_day_and_cross_a_change_of_the_clock():
    pattern = "Mon Tue Wed Thu Fri 09:30:00-15:30:00 every 3600 s"
    wall = Calendar("rows", "datetime", None, pattern)
    assert texts(wall, "2020-03-06 14:30", 3) == [
        "2020-03-06 15:30",
        "2020-03-09 09:30",
        "2020-03-09 10:30",
    ]
    zoned = Calendar("rows", "datetime", "America/New_York", pattern)
    assert texts(zoned, "2020-03-06 20:30", 2) == [
        "2020-03-09 09:30-04:00",
        "2020-03-09 10:30-04:00",
    ]
    assert texts(zoned, "2020-03-06 19:30", 2)[0] == "2020-03-06 15:30-05:00"


def test_hours_of_a_zone_are_steps_of_utc():
    calendar = Calendar("h", "datetime", "Europe/Berlin")
    assert texts(calendar, "2023-10-29 00:00", 3) == [
        "2023-10-29 02:00+01:00", "2023-10-29 03:00+01:00", "2023-10-29 04:00+01:00",
    ]  # fmt: skip
    index = calendar.following_index(stamp("2023-10-29 00:00"), 2)
    assert isinstance(index, pd.DatetimeIndex)
    assert str(index.tz) == "Europe/Berlin"


def test_whole_numbers_and_numbered_steps():
    assert Calendar("5", "integer").following(7, 3).tolist() == [12, 17, 22]
    assert Calendar("rows", "integer", None, "2").following(np.int64(7), 2).tolist() == [9, 11]
    for time in ("integer", "datetime"):
        calendar = Calendar("rows", time)
        assert calendar.numbered
        assert calendar.following(stamp("2020-01-01"), 3).tolist() == [1, 2, 3]
        assert calendar.following_index(stamp("2020-01-01"), 3).tolist() == [1, 2, 3]
    assert not Calendar("D", "datetime").numbered


@pytest.mark.parametrize(
    ("calendar", "value", "text"),
    [
        (Calendar("D", "datetime"), "2020-01-31", "2020-01-31"),
        (Calendar("D", "datetime"), "2020-01-31 13:00", "2020-01-31 13:00"),
        (Calendar("h", "datetime"), "2020-01-31", "2020-01-31 00:00"),
        (Calendar("rows", "datetime"), "2020-01-31", "2020-01-31"),
        (Calendar("s", "datetime"), "2020-01-31 13:00:05", "2020-01-31 13:00:05"),
        (Calendar("h", "datetime", "+02:00"), "2020-01-31 11:00", "2020-01-31 13:00+02:00"),
        (Calendar("h", "datetime", "UTC"), "2020-01-31", "2020-01-31 00:00+00:00"),
        (Calendar("YS", "datetime"), "1700-01-01", "1700-01-01"),
    ],
)
def test_stamps_as_text(calendar, value, text):
    for form in (
        stamp(value),
        np.datetime64(value, "us"),
        pd.Timestamp(value),
        np.datetime64(value, "ns"),
    ):
        assert calendar.text(form) == text


def test_whole_numbers_as_text():
    assert Calendar("1", "integer").text(17) == "17"
    assert Calendar("1", "integer").text(np.int64(17)) == "17"


def test_integers_of_every_kind_of_stamp():
    calendar = Calendar("h", "datetime", "Europe/Berlin")
    index = pd.date_range("2023-10-28 20:00", periods=9, freq="h").as_unit("us")
    aware = index.tz_localize("UTC").tz_convert("Europe/Berlin")
    for form in (index, aware, index.to_series(), aware.to_series(), index.to_numpy(), index.asi8):
        assert calendar.integers(form).tolist() == index.asi8.tolist()
    assert calendar.stamps(index.asi8).tolist() == aware.tolist()


@pytest.mark.parametrize(
    ("frequency", "season"),
    [
        ("s", 86_400), ("15min", 96), ("900s", 96), ("1h30min", 16), ("h", 24), ("2h", 12),
        ("24h", 7), ("36h", None),
        ("D", 7), ("7D", 52), ("B", 5), ("W", 52), ("W-SAT", 52), ("2W-SAT", 26), ("4W", 13),
        ("SMS-15", 24), ("MS", 12),
        ("ME", 12), ("2MS", 6), ("3MS", 4), ("12MS", None), ("5MS", None), ("QS-FEB", 4), ("QE", 4),
        ("BQE-DEC", 4),
        ("WOM-3FRI", 12), ("YS", None), ("YE-DEC", None), ("0D", None), ("-1D", None), ("0MS", None),
        ("1", None),
        ("5", None), ("rows", None), ("", None), ("nonsense", None),
    ],
)  # fmt: skip
def test_seasons(frequency, season):
    assert infer_season(frequency) == season


@pytest.mark.parametrize(
    ("pattern", "season"),
    [
        ("B", 5), ("MS", 12), ("Mon Tue Wed Thu Fri Sat", 6), ("Fri", 52), ("day 15 every 1 months", 12),
        ("day 1 every 3 months", 4), ("day 1 every 12 months", None), ("day 1 every 5 months", None),
        ("Mon Tue 09:00:00-17:00:00 every 3600 s", 9), (None, None),
    ],
)  # fmt: skip
def test_seasons_of_patterns(pattern, season):
    assert Calendar("rows", "datetime", None, pattern).season() == season
    assert Calendar("D", "datetime").season() == 7
    assert Calendar("1", "integer").season() is None


def test_patterns_are_read_as_written():
    for pattern in (Weekly(("Mon", "Sat")), Weekly(("Fri",), 34_200, 57_600, 60), Monthly(31, 2)):
        assert parse(str(pattern)) == pattern
    for alias in ALIASES:
        assert parse(alias) is None

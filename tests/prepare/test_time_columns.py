"""Whole numbers, several columns and Parquet's types as times."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.support.time_columns import arrow, refused, times, whole

# Whole numbers ---------------------------------------------------------------------------------------------

HOURS = pd.date_range("2020-01-01", periods=200, freq="h").as_unit("us").asi8


@pytest.mark.parametrize("per", [1_000_000, 1000, 1, 0.001])
@pytest.mark.parametrize("text", [True, False])
def test_unix_time(per, text):
    numbers = (HOURS / per).astype(np.int64)
    got = times(numbers.astype(str) if text else numbers)
    assert got.stamps.tolist() == HOURS.tolist()
    assert got.zone == "UTC"


def test_unix_midnights_are_days():
    days = pd.date_range("2020-01-01", periods=9).as_unit("us").asi8
    assert times(days // 1_000_000).zone is None
    assert times(days // 1_000_000).stamps.tolist() == days.tolist()


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (np.arange(50), np.arange(50)),
        (np.arange(1885, 1930), np.arange(1885, 1930)),
        (np.arange(43831, 43900), np.arange(43831, 43900)),
        (np.arange(100_000, 100_300), np.arange(100_000, 100_300)),
        (np.arange(20_200_100, 20_200_300), np.arange(20_200_100, 20_200_300)),
        (np.arange(-5, 20), np.arange(-5, 20)),
        (np.array(["007", "8.0", "+9", "10."]), np.array([7, 8, 9, 10])),
        (np.array([1.0, 2.0, 5.0]), np.array([1, 2, 5])),
    ],
)
def test_counts(numbers, expected):
    got = times(numbers)
    assert got.kind == "integer"
    assert got.stamps.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("numbers", "more", "words"),
    [
        (np.arange(10**9, 10**9 + 50), {}, 'time of the format unix s; set prepare.date_format: "unix s"'),
        (np.arange(2020001, 2020101), {}, 'set prepare.date_format: "%Y%j"'),
        ([20200130, 20200131, 20200132, 20200201], {}, "line 4 has 20200132, which is not a date of the"),
        ([202001, 202002, 202013, 202103], {}, "line 4 has 202013, which is not a date of the format %Y%m"),
        ([f"{day:02d}012020" for day in range(1, 20)], {}, 'prepare.date_format: "%d%m%Y"'),
        (np.arange(43831, 43900), {"frequency": "D"}, "if they are Excel's day numbers"),
        (np.arange(1885, 1930), {"frequency": "D"}, "if they are years, use prepare.frequency: YS"),
        (np.arange(50), {"frequency": "D"}, "needs dates"),
        ([10_000, 10_001], {"frequency": "YS"}, "line 2 has 10000, which is not a year from 1 to 9999"),
        ([1577836800000000001], {}, "round it"),
        (["2020010100", "2020010123"], {}, 'set prepare.date_format: "%Y%m%d%H" or "unix s"'),
        (np.array([10**18, 10**19], np.uint64), {}, "which is too large for a time"),
        ([str(10**19), "1"], {}, "neither a date nor a whole number"),
    ],
)  # fmt: skip
def test_numbers_that_can_be_two_things_are_refused(numbers, more, words):
    refused(words, numbers, **more)


@pytest.mark.parametrize("kind", [np.int64, np.float64, str, Decimal])
def test_dates_without_signs(kind):
    days = pd.date_range("2019-12-20", periods=40)
    got = times([kind(day) for day in days.strftime("%Y%m%d").astype(int)])
    assert got.stamps.tolist() == days.as_unit("us").asi8.tolist()


# Several columns -------------------------------------------------------------------------------------------

MOMENTS = pd.date_range("2019-12-30", periods=90, freq="h")


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize(
    "names",
    [
        {"year": "year", "month": "month", "day": "day", "hour": "hour"},
        {"HH": "hour", "DD": "day", "MM": "month", "yyyy": "year"},
        {
            "Minute": "minute",
            "Hr": "hour",
            "Day": "day",
            "mo": "month",
            "Yr": "year",
            "sec": "second",
        },
    ],
)
def test_parts_in_any_order(names, text):
    columns = {key: getattr(MOMENTS, part).to_numpy() for key, part in names.items()}
    columns = {
        k: pa.array(v.astype(str) if text else v.astype(np.int64)) for k, v in columns.items()
    }
    assert times(columns).stamps.tolist() == MOMENTS.as_unit("us").asi8.tolist()


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%Y-%m-%d", "%Y%m%d", "%d %b %Y"])
@pytest.mark.parametrize("clock", ["%H:%M", "%I:%M %p", "%H:%M:%S"])
def test_date_and_time(form, clock):
    columns = {
        "clock": pa.array(MOMENTS.strftime(clock).to_numpy()),
        "d": pa.array(MOMENTS.strftime(form).to_numpy()),
    }
    assert times(columns).stamps.tolist() == MOMENTS.as_unit("us").asi8.tolist()


def test_a_typed_date_with_an_hour_or_a_time():
    date = pa.array(MOMENTS.date)
    for column in ({"hour": pa.array(MOMENTS.hour)}, {"time": pa.array(MOMENTS.time)}):
        got = times({"date": date} | column)
        assert got.stamps.tolist() == MOMENTS.as_unit("us").asi8.tolist()


def test_months_and_quarters_of_years():
    got = times({"Month": pa.array(["Jan", "Feb"]), "Year": pa.array([2020, 2020])})
    assert got.stamps.tolist() == whole([dt.datetime(2020, 1, 1), dt.datetime(2020, 2, 1)])
    got = times({"year": pa.array([2020.0, 2021.0]), "quarter": pa.array([4, 1])})
    assert got.stamps.tolist() == whole([dt.datetime(2020, 10, 1), dt.datetime(2021, 1, 1)])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"month": [1], "day": [1]}, "there is a column of the month, but none of the year"),
        ({"year": [2020], "day": [1]}, "there is a column of the day, but none of the month"),
        ({"year": [2020], "hour": [1]}, "none of the day"),
        ({"year": [2020], "week": [1]}, "name either a column of dates and one of times of day"),
        ({"year": [2020], "yr": [2020]}, "'yr' would be the second column with the year"),
        (
            {"a": ["2020-01-01"], "b": ["2020-01-01"]},
            "'b' would be the second column with the date",
        ),
        ({"d": [dt.datetime(2020, 1, 1, 5)], "hour": [1]}, "has times of day already"),
        ({"d": ["2020-01-01"], "minute": [1]}, "none of the hour"),
        ({"d": ["2020-01-01", "2020-01-01"], "hour": [1, 24]}, "hours 1 to 24 are 0 to 23"),
        (
            {"year": [2021], "month": [2], "day": [29]},
            "line 2 has '2021-02-29': the month has no day 29",
        ),
        ({"year": [20], "month": [2], "day": [28]}, "two digits"),
        ({"year": [2020, None], "month": [2, 3]}, "line 3 has no time"),
    ],
)
def test_columns_that_do_not_make_a_time_are_refused(columns, words):
    refused(words, {name: pa.array(values) for name, values in columns.items()})


def test_a_format_reads_several_columns_joined_by_a_blank():
    columns = {"d": pa.array(["02/01/2020"]), "t": pa.array(["13.30"])}
    got = times(columns, date_format="%d/%m/%Y %H.%M")
    assert got.stamps.tolist() == whole([dt.datetime(2020, 1, 2, 13, 30)])


def test_rows_are_numbered_within_series():
    got = times({}, series=np.array([5, 7, 5, 7, 5]))
    assert got.kind == "integer"
    assert got.stamps.tolist() == [1, 1, 2, 2, 3]


# Types of Parquet ------------------------------------------------------------------------------------------

TYPED = pd.date_range("2020-01-30", periods=5).as_unit("us")


@pytest.mark.parametrize(
    "array",
    [
        pa.array(TYPED), pa.array(TYPED.as_unit("s")), pa.array(TYPED.as_unit("ns")), pa.array(TYPED.date),
        pa.array(TYPED.date).cast(pa.date64()), pa.array(TYPED.strftime("%Y-%m-%d").to_numpy()),
        pa.array(TYPED.strftime("%Y-%m-%d").to_numpy()).dictionary_encode(),
        pa.array(TYPED).dictionary_encode(),
        pa.array(TYPED.to_period("D")), arrow(TYPED.tz_localize("Europe/Berlin")),
        arrow(TYPED.tz_localize("UTC")),
        pa.chunked_array([pa.array(["2020-01-30", "2020-01-31"]).dictionary_encode(),
                          pa.array(["2020-02-01", "2020-02-02", "2020-02-03"]).dictionary_encode()]),
    ],
)  # fmt: skip
def test_types(array):
    got = times({"t": array})
    assert (got.kind, got.zone) == ("datetime", None)
    assert got.stamps.tolist() == TYPED.asi8.tolist()


def test_nanoseconds_are_not_cut():
    stamps = pd.DatetimeIndex(["2020-01-01 00:00:00", "2020-01-01 00:00:00.000000001"])
    refused("line 3 has 2020-01-01 00:00:00.000000001", stamps.as_unit("ns"))

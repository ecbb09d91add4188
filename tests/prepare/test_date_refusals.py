"""Dates that would have to be guessed are refused by a sentence; prepare.date_format."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.params import ParameterError
from stages.prepare.dates.date_format import check_format
from stages.prepare.grid import regular
from tests.support.time_columns import refused, times

# What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["2020-01-01", "01/02/2020"], "line 2 has '2020-01-01' (%Y-%m-%d), but line 3 has '01/02/2020'"),
        (["13/01/2020", "01/13/2020"], "line 3 has '01/13/2020': there is no month 13 (%d/%m/%Y); and"),
        (["1/1/19", "2/1/19", "13/1/19"], 'prepare.date_format: "%d/%m/%y" (69 to 99'),
        (["1/1/19", "2/1/19"], 'prepare.date_format: "%d/%m/%y" or "%m/%d/%y" (69'),
        (["Jan-55", "Feb-55"], "no year or one of two digits; write years with four digits"),
        (["Jan-05", "Feb-05"], 'two digits; write four digits, or set prepare.date_format: "%b-%y"'),
        (["1-Jan", "2-Jan"], "has no year"),
        (["Jan", "Feb"], "has no year"),
        (["01/02", "01/03"], "has no year"),
        (["13:00", "14:00"], "a time of day without a date"),
        (["1:00 PM", "2:00 PM"], "a time of day without a date"),
        (["30/06/2020", "31/06/2020"], "line 3 has '31/06/2020': the month has no day 31"),
        (["2021-02-29"], "the month has no day 29"),
        (["2020-13-01"], "there is no month 13"),
        (["0000-01-01"], "there is no year 0"),
        (["2021-W53"], "2021 has no week 53"),
        (["2020-01-01 24:00"], "hours run from 0 to 23 (24:00 is 00:00 of the next day"),
        (["2020-01-01 23:60"], "minutes and seconds run from 0 to 59"),
        (["2016-12-31 23:59:60"], "minutes and seconds run from 0 to 59"),
        (["2020-01-01 13:00 PM"], "hours run from 1 to 12"),
        (["2020-01-01 0:30 AM"], "hours run from 1 to 12"),
        (["2020-01-01 00:00:00.1234567"], "times are kept in microseconds; round it"),
        (["2020-01-01 00:00+24:00"], "an offset is below 24 hours"),
        (["3 Januar 2020"], "'Januar' is not the English name of a month"),
        (["Tue, 06 Jan 2020"], "that day is not a Tue"),
        (["2020-01-01 1:00 PM", "2020-01-01 14:00"], "'2020-01-01 1:00 PM' with AM or PM, but line 3"),
        (["2020-01-01 01:00Z", "2020-01-01 14:00"], "line 2 has '2020-01-01 01:00Z' with an offset from UTC"),
        (["2020-01-01", ""], "line 3 has no time"),
        (["2020-01-01", None], "line 3 has no time"),
        (["2020-01-01", "   "], "line 3 has no time"),
        (["2020-01-01", "Total"], "line 3 has 'Total', which has no known date format"),
        (["1", "2", "Total"], "line 2 has '1', a whole number, but line 4 has 'Total'"),
        (["2020", "2020-01-05"], "a whole number, but line 3 has '2020-01-05'"),
        (["1959.25", "1959.5"], "decimal year"),
        ([1959.25, 1959.5], "decimal year"),
        (["1.57E+12"], "neither a date nor a whole number"),
        ([True, False], "the column holds bool"),
        ([dt.time(1), dt.time(2)], "a time of day without a date"),
        ([b"2020-01-01"], "the column holds binary"),
        ([float("nan"), 1.0], "line 2 has no time"),
        ([2.0**70, 1.0], "too large for a time"),
        (["2020-01-01 13:00 CET"], "has no known date format"),
    ],
)  # fmt: skip
def test_what_would_be_a_guess_is_refused(texts, words):
    refused(words, texts)


def test_a_row_without_a_line_is_named_by_its_number():
    refused("row 2 has no time", ["2020-01-01", None], line=lambda row: f"row {row + 1}")
    refused("line 8 has no time", ["2020-01-01", None], line=lambda row: f"line {row + 7}")


# prepare.date_format ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "text", "expected"),
    [
        ("%d/%m/%Y", "02/01/2020", "2020-01-02"),
        ("%m/%d/%Y", "02/01/2020", "2020-02-01"),
        ("%d/%m/%Y", "02/01/2020 13:00", "2020-01-02T13:00"),
        ("%-d.%-m.%Y", "2.1.2020", "2020-01-02"),
        ("%d/%m/%y", "2/1/19", "2019-01-02"),
        ("%b-%y", "Jan-99", "1999-01-01"),
        ("%Y-%d-%m", "2020-02-01", "2020-01-02"),
        ("%Y%m%d", "20200102", "2020-01-02"),
        ("%d%m%Y", "02012020", "2020-01-02"),
        ("%F %T", "2020-01-02 03:04:05", "2020-01-02T03:04:05"),
        ("%d/%m/%Y %I:%M %p", "02/01/2020 12:30 AM", "2020-01-02T00:30"),
        ("%d/%b/%Y:%H:%M:%S %z", "02/Jan/2020:13:00:00 +0100", "2020-01-02T13:00"),
        ("%H:%M %d.%m.%Y", "13:00 02.01.2020", "2020-01-02T13:00"),
        ("%YT%q", "2020T3", "2020-07-01"),
        ("on %d.%m.%Y (%%)", "on 02.01.2020 (%)", "2020-01-02"),
        ("unix s", "1577836800", "2020-01-01"),
        ("unix ms", "1577836800000", "2020-01-01"),
    ],
)
def test_a_format_is_set(format, text, expected):
    got = times([text], date_format=format)
    assert got.stamps.tolist() == [int(np.datetime64(expected, "us").astype(int))]


@pytest.mark.parametrize(
    ("format", "words"),
    [
        ("%d/%m", "must contain the year"), ("", "must contain the year"), ("%H:%M", "must contain the year"),
        ("%Y-%d", "%d needs the month"), ("%Y %H", "%H needs the day"), ("%Y-%m-%d %M", "%M needs the hour"),
        ("%Y-%m-%d %I", "%I needs AM or PM"), ("%Y %Y", "%Y occurs twice"), ("%y %Y", "%Y and %y mean"),
        ("%Y-%m-%b", "mean the same"), ("%Y-%Q", "%Q is not a known directive"), ("%Y%", "% is not a known"),
        ("%Y-%V", "%V needs the ISO year"), ("%Y-%m-%d %c", "%c is not a known directive"),
    ],
)  # fmt: skip
def test_a_format_without_a_date_is_refused(format, words):
    with pytest.raises(ParameterError, match=re.escape(words)):
        check_format(format)
    refused(words, ["2020-01-01"], date_format=format)


def test_a_format_that_is_set_must_read_all_rows():
    refused("line 3 has '2020-01-02', which does not have this format", ["1/2/2020", "2020-01-02"],
            date_format="%d/%m/%Y")  # fmt: skip
    refused("line 2 has '1/13/2020': there is no month 13", ["1/13/2020"], date_format="%d/%m/%Y")
    refused("needs whole numbers", ["2020-01-01"], date_format="unix s")


@pytest.mark.parametrize("text", ["Jan-40", "Jan-55", "Dec-68"])
def test_a_year_of_two_digits_is_never_in_the_future_by_accident(text):
    refused("write years with four digits", [text], date_format="%b-%y")


PIECES = [
    "2020", "20", "1", "01", "13", "31", "00", "-", "/", ".", ":", " ", ",", "T", "Z", "+02:00", "AM", "pm",
    "Jan",
    "Q1", "W05", "M01", "é", "\u00a0", "12:30", "24:00", "2020-01-01", "01/02/2020", "20200101", "1577836800",
    "nan",
    "NaT", "'", "%", "(", "2020-02-30", "9999-12-31", "0001-01-01", "1e5", ".5", "Mon",
]  # fmt: skip
FREQUENCIES = [
    "infer",
    "rows",
    "D",
    "h",
    "MS",
    "ME",
    "B",
    "W",
    "QS",
    "10YS",
    "s",
    "bh",
    "WOM-1MON",
    "0D",
    "x",
]


@settings(deadline=None, max_examples=300)
@given(
    texts=st.lists(
        st.lists(st.sampled_from(PIECES), max_size=4).map("".join), min_size=1, max_size=8
    )
    | st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map(lambda few: ["".join(few)] * 3)
    | st.lists(st.integers(-(2**63), 2**63 - 1).map(str), min_size=1, max_size=4),
    frequency=st.sampled_from(FREQUENCIES),
    zone=st.sampled_from([None, "Europe/Berlin", "UTC", "+02:00"]),
    date_format=st.sampled_from([None, "%d/%m/%Y", "%Y", "%b-%y", "unix s", "unix ns"]),
)
def test_whatever_a_column_holds_is_stamps_or_a_sentence(texts, frequency, zone, date_format):
    """Never an error of another kind, through the grid and the calendar."""
    try:
        got = times(texts, frequency=frequency, zone=zone, date_format=date_format)
        rows = pd.DataFrame({"unique_id": "a", "y": np.ones(len(texts))})
        frame, calendar = regular(rows, got, frequency)
    except ParameterError:
        return
    assert len(calendar.following(frame["ds"].iloc[-1], 3)) == 3
    assert calendar.text(frame["ds"].iloc[0])


def test_years_that_no_calendar_has():
    refused("about the year 33659", ["1000000000000", "1000000000060"], date_format="unix s")
    refused("line 2 is about the year 1;", ["0001-01-01"])

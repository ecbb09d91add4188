"""Dates in every format → stamps: one reading for the whole column."""

from __future__ import annotations

import ast
import datetime as dt
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.closure import ROOT
from tests.support.time_columns import refused, times, whole

# Every format, each written here by the standard library or by hand, never by the code under test -----------

MONTHS = [dt.date(2020, month, 1).strftime("%B") for month in range(1, 13)]
DAYS = {
    "2020-01-31": lambda d: d.isoformat(),
    "2020/1/31": lambda d: f"{d.year}/{d.month}/{d.day}",
    "2020.01.31": lambda d: f"{d:%Y.%m.%d}",
    "2020 01 31": lambda d: f"{d:%Y %m %d}",
    "31.01.2020": lambda d: f"{d:%d.%m.%Y}",
    "31.1.2020": lambda d: f"{d.day}.{d.month}.{d.year}",
    "31/01/2020": lambda d: f"{d:%d/%m/%Y}",
    "31-1-2020": lambda d: f"{d.day}-{d.month}-{d.year}",
    "01/31/2020": lambda d: f"{d:%m/%d/%Y}",
    "1-31-2020": lambda d: f"{d.month}-{d.day}-{d.year}",
    "31 Jan 2020": lambda d: f"{d.day} {MONTHS[d.month - 1][:3]} {d.year}",
    "31-Jan-2020": lambda d: f"{d.day:02d}-{MONTHS[d.month - 1][:3].upper()}-{d.year}",
    "31. January 2020": lambda d: f"{d.day}. {MONTHS[d.month - 1]} {d.year}",
    "31JAN2020": lambda d: f"{d.day:02d}{MONTHS[d.month - 1][:3].upper()}{d.year}",
    "Jan 31, 2020": lambda d: f"{MONTHS[d.month - 1][:3]} {d.day}, {d.year}",
    "january 31 2020": lambda d: f"{MONTHS[d.month - 1].lower()} {d.day} {d.year}",
    "Jan. 31, 2020": lambda d: f"{MONTHS[d.month - 1][:3]}. {d.day}, {d.year}",
    "2020-Jan-31": lambda d: f"{d.year}-{MONTHS[d.month - 1][:3]}-{d.day}",
    "Fri, 31 Jan 2020": lambda d: f"{d:%a}, {d.day} {MONTHS[d.month - 1][:3]} {d.year}",
    "20200131": lambda d: f"{d:%Y%m%d}",
    "2020-W05-5": lambda d: "{}-W{:02d}-{}".format(*d.isocalendar()),
}
CLOCKS = {
    " 13:05": (lambda t: f" {t:%H:%M}", {"second": 0, "microsecond": 0}),
    " 3:05": (lambda t: f" {t.hour}:{t.minute:02d}", {"second": 0, "microsecond": 0}),
    "T13:05:09": (lambda t: f"T{t:%H:%M:%S}", {"microsecond": 0}),
    " 13:05:09.25": (lambda t: f" {t:%H:%M:%S}.{t.microsecond:06d}", {}),
    ", 13:05:09,250000": (lambda t: f", {t:%H:%M:%S},{t.microsecond:06d}", {}),
    " 1:05 PM": (
        lambda t: f" {t.hour % 12 or 12}:{t.minute:02d} {'AM' if t.hour < 12 else 'PM'}",
        {"second": 0, "microsecond": 0},
    ),
    " 01:05:09pm": (
        lambda t: f" {t.hour % 12 or 12:02d}:{t:%M:%S}{'am' if t.hour < 12 else 'pm'}",
        {"microsecond": 0},
    ),
}
ANCHORS = [
    dt.date(2020, 1, 31),
    dt.date(2019, 12, 13),
]  # only one order of day and month has both


@pytest.mark.parametrize("written", DAYS)
@settings(max_examples=25, deadline=None)
@given(days=st.lists(st.dates(dt.date(1600, 1, 1), dt.date(2199, 12, 31)), max_size=12))
def test_dates_come_back_from_every_format(written, days):
    days = ANCHORS + days
    expected = whole(dt.datetime.combine(day, dt.time()) for day in days)
    got = times([DAYS[written](day) for day in days])
    assert got.kind == "datetime"
    assert got.zone is None
    assert got.stamps.tolist() == expected


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("written", [name for name in DAYS if name != "20200131"])
@settings(max_examples=5, deadline=None)
@given(
    moments=st.lists(st.datetimes(dt.datetime(1600, 1, 1), dt.datetime(2199, 12, 31)), max_size=8)
)
def test_times_of_day_come_back_after_every_date(written, clock, moments):
    write, cut = CLOCKS[clock]
    extremes = [dt.datetime(2020, 1, 31, hour, 59) for hour in (0, 11, 12, 23)]
    moments = [moment.replace(**cut) for moment in [*extremes, dt.datetime(2019, 12, 13), *moments]]
    got = times([DAYS[written](moment.date()) + write(moment) for moment in moments])
    assert got.stamps.tolist() == whole(moments)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2020-01", "2020-11"], ["2020-01-01", "2020-11-01"]),
        (["2020/1", "2020/11"], ["2020-01-01", "2020-11-01"]),
        (["1/2020", "11/2020"], ["2020-01-01", "2020-11-01"]),
        (["01.2020", "11.2020"], ["2020-01-01", "2020-11-01"]),
        (["2020M01", "2020M11"], ["2020-01-01", "2020-11-01"]),
        (["2020m1", "2020m11"], ["2020-01-01", "2020-11-01"]),
        (["January 2020", "Sept 2020"], ["2020-01-01", "2020-09-01"]),
        (["Jan-2020", "NOV-2020"], ["2020-01-01", "2020-11-01"]),
        (["2020-Jan", "2020-Nov"], ["2020-01-01", "2020-11-01"]),
        (["2020Q1", "2020Q4"], ["2020-01-01", "2020-10-01"]),
        (["2020-Q1", "2020-Q4"], ["2020-01-01", "2020-10-01"]),
        (["Q1 2020", "Q4 2020"], ["2020-01-01", "2020-10-01"]),
        (["2020-W01", "2020-W53"], ["2019-12-30", "2020-12-28"]),
        (["2020W05", "2020W06"], ["2020-01-27", "2020-02-03"]),
        (["200501", "200512", "200601"], ["2005-01-01", "2005-12-01", "2006-01-01"]),
        (["20200101T0000", "20200101T0130"], ["2020-01-01T00:00", "2020-01-01T01:30"]),
        (["2020010122", "2020010123", "2020010200"],
         ["2020-01-01T22:00", "2020-01-01T23:00", "2020-01-02T00:00"]),
        (["202001010000", "202001010130"], ["2020-01-01T00:00", "2020-01-01T01:30"]),
        (["2020365", "2020366", "2021001"], ["2020-12-30", "2020-12-31", "2021-01-01"]),
        (["2020-01-01", "2020-01-01 13:00"], ["2020-01-01T00:00", "2020-01-01T13:00"]),
        (["2020-01-01 05", "2020-01-01 06"], ["2020-01-01T05:00", "2020-01-01T06:00"]),
        ([" 2020-01-01", "2020-01-02  "], ["2020-01-01", "2020-01-02"]),
        (["Mon Jan 6 13:00:00 2020"], ["2020-01-06T13:00"]),
    ],
)  # fmt: skip
def test_periods_and_other_formats(texts, expected):
    got = times(texts)
    assert got.stamps.tolist() == np.array(expected, "datetime64[us]").astype(int).tolist()


@pytest.mark.parametrize(
    ("texts", "frequency", "expected"),
    [
        (["2020-01", "2020-02"], "ME", ["2020-01-31", "2020-02-29"]),
        (["2020-01", "2020-02"], "MS", ["2020-01-01", "2020-02-01"]),
        (["2020Q1", "2020Q2"], "QE", ["2020-03-31", "2020-06-30"]),
        (["2020-W05", "2020-W06"], "W-SUN", ["2020-02-02", "2020-02-09"]),
        (["1700", "1701"], "YS", ["1700-01-01", "1701-01-01"]),
        (["1700", "1701"], "YE", ["1700-12-31", "1701-12-31"]),
        (["1700", "1701"], "YS-APR", ["1700-04-01", "1701-04-01"]),
        (["2020-01-01", "2020-02-01"], "ME", ["2020-01-01", "2020-02-01"]),  # they name a day
    ],
)
def test_a_period_has_the_stamp_that_its_frequency_names(texts, frequency, expected):
    got = times(texts, frequency=frequency)
    assert got.stamps.tolist() == np.array(expected, "datetime64[us]").astype(int).tolist()


@pytest.mark.parametrize(
    ("text", "frequency"),
    [
        ("2020-01", "D"),
        ("2020-01", "W"),
        ("2020Q1", "h"),
        ("2020-W05", "D"),
        ("200501", "B"),
        ("January 2020", "D"),
    ],
)
def test_a_period_has_no_steps_shorter_than_itself(text, frequency):
    refused("and no days; use", [text], frequency=frequency)


# The order of day and month --------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["/", "-", "."])
@pytest.mark.parametrize("day_first", [True, False])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_order_is_never_read_wrongly(separator, day_first, data):
    """Any dates, any rows: the order that was written, or a refusal that names both."""
    days = data.draw(st.lists(st.dates(dt.date(2000, 1, 1), dt.date(2030, 1, 1)), min_size=1))
    form = separator.join(["%d", "%m", "%Y"] if day_first else ["%m", "%d", "%Y"])
    texts = [day.strftime(form) for day in days]
    expected = whole(dt.datetime.combine(day, dt.time()) for day in days)
    if any(day.day > 12 for day in days):
        assert times(texts).stamps.tolist() == expected
    else:
        assert times(texts, date_format=form).stamps.tolist() == expected


@pytest.mark.parametrize("day_first", [True, False])
@pytest.mark.parametrize(
    ("alias", "count"), [("MS", 13), ("MS", 60), ("QS", 12), ("h", 24 * 12), ("30min", 24 * 2 * 5)]
)
def test_a_regular_calendar_decides(day_first, alias, count):
    stamps = pd.date_range("2015-01-01", periods=count, freq=alias)
    texts = stamps.strftime("%d/%m/%Y %H:%M" if day_first else "%m/%d/%Y %H:%M")
    got = times(texts.to_numpy())
    assert got.stamps.tolist() == stamps.as_unit("us").asi8.tolist()
    assert "evenly spaced" in got.description["dates read so because"]


def test_gaps_do_not_hide_the_calendar():
    stamps = pd.date_range("2015-01-01", periods=72, freq="MS").delete([5, 6, 40])
    got = times(stamps.strftime("%d/%m/%Y").to_numpy())
    assert got.stamps.tolist() == stamps.as_unit("us").asi8.tolist()


def test_the_order_of_rows_decides_where_nothing_else_does():
    days = pd.to_datetime(["2020-01-03", "2020-02-01", "2020-04-09", "2020-05-07", "2020-09-02"])
    got = times(days.strftime("%d/%m/%Y").to_numpy())
    assert got.stamps.tolist() == days.as_unit("us").asi8.tolist()
    assert (
        got.description["dates read so because"] == "only this order has the rows in order of time"
    )
    series = np.array([0, 0, 0, 1, 1])  # a second series that begins anew
    times(days.strftime("%d/%m/%Y").to_numpy(), series=series)


def test_twelve_days_or_twelve_months_are_refused_unless_the_frequency_decides():
    texts = [f"01/{number:02d}/2020" for number in range(1, 13)]
    words = refused("the order of day and month is open: line 3 has '01/02/2020'", texts)
    assert "2020-02-01 by %d/%m/%Y and 2020-01-02 by %m/%d/%Y" in words
    assert 'prepare.date_format: "%d/%m/%Y" or "%m/%d/%Y"' in words
    days = pd.date_range("2020-01-01", periods=12, freq="D").as_unit("us").asi8.tolist()
    months = pd.date_range("2020-01-01", periods=12, freq="MS").as_unit("us").asi8.tolist()
    assert times(texts, frequency="D").stamps.tolist() == days
    assert times(texts, frequency="MS").stamps.tolist() == months
    assert times(texts, date_format="%m/%d/%Y").stamps.tolist() == days


def test_day_and_month_that_are_equal_need_no_order():
    got = times(["01/01/2018", "01/01/2019", "01/01/2020"])
    assert got.stamps.tolist() == whole(dt.datetime(y, 1, 1) for y in (2018, 2019, 2020))


def test_one_day_above_twelve_far_down_decides_for_all_rows():
    stamps = [*pd.date_range("2020-01-01", periods=12), pd.Timestamp("2020-03-13")]
    days = pd.DatetimeIndex(stamps)
    got = times(days.strftime("%d/%m/%Y").to_numpy())
    assert got.stamps.tolist() == days.as_unit("us").asi8.tolist()
    assert "line 14 has 13/03/2020" in got.description["dates read so because"]


# No clock, no language of the machine ----------------------------------------------------------------------

MODULES = sorted((ROOT / "stages/prepare").glob("*.py")) + [
    ROOT / f"stages/{name}.py" for name in ("zones", "frequency", "season")
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_code_asks_the_clock(path):
    """Neither today's date nor pandas' parser, which falls back to it."""
    asked = {"now", "today", "utcnow", "time", "localtime", "to_datetime", "strptime", "parse"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in asked or path.stem == "calendar"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not {"time", "dateutil", "locale", "dateutil.parser"} & set(names)


def test_the_machine_s_zone_and_language_do_not_matter():
    code = (
        "import json, pyarrow as pa; from stages.prepare.dates.parse import parse_times as p\n"
        "t = [p({'t': pa.array(v)}, date_format=None, zone=None, frequency='infer', series=None) for v in\n"
        "  (['3 Mar 2020 01:00', '3 May 2020 02:00'], ['2020-03-29 02:30', '2020-03-29T03:30'])]\n"
        "print(json.dumps([x.stamps.tolist() for x in t]))"
    )
    answers = set()
    for zone, language in (("Pacific/Kiritimati", "C"), ("America/Adak", "de_DE.UTF-8")):
        env = os.environ | {"TZ": zone, "LC_ALL": language, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(json.dumps(json.loads(run.stdout)))
    assert len(answers) == 1

"""Rows → the common grid: life spans, gaps, frequencies that are inferred, named or the file's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.artifacts.calendar import Calendar
from stages.params import ParameterError
from stages.prepare.dates.times import Times
from stages.prepare.grid import regular


def gridded(series, frequency="infer", zone=None, values=None) -> tuple[pd.DataFrame, Calendar]:
    """Series (name → stamps or whole numbers) on the grid; y counts the rows of the file."""
    index = {name: pd.Index(stamps) for name, stamps in series.items()}
    ids = np.repeat(list(index), [len(stamps) for stamps in index.values()])
    kind = "datetime" if isinstance(next(iter(index.values())), pd.DatetimeIndex) else "integer"
    stamps = np.concatenate(
        [s.as_unit("us").asi8 if kind == "datetime" else s.to_numpy() for s in index.values()]
    )
    y = np.arange(len(ids), dtype=float) if values is None else np.array(values, dtype=float)
    rows = pd.DataFrame({"unique_id": ids, "y": y, "covariate:x": -y})
    return regular(rows, Times(stamps.astype(np.int64), kind, zone), frequency)


def refused(words: str, *args, **more) -> str:
    with pytest.raises(ParameterError) as error:
        gridded(*args, **more)
    assert words in str(error.value)
    return str(error.value)


def days(begin: str, count: int, freq: str = "D") -> pd.DatetimeIndex:
    return pd.date_range(begin, periods=count, freq=freq)


# Life spans and gaps ---------------------------------------------------------------------------------------


def test_series_run_from_their_first_to_their_last_value():
    series = {"late": days("2020-01-05", 6), "early": days("2020-01-01", 6).delete([2])}
    values = [np.nan, 1, np.nan, 3, np.nan, np.nan, 10, 11, 12, 13, 14]
    frame, calendar = gridded(series, values=values)
    assert calendar == Calendar("D", "datetime")
    assert frame["unique_id"].tolist() == ["late"] * 3 + ["early"] * 6
    assert frame["ds"].tolist() == [*days("2020-01-06", 3), *days("2020-01-01", 6)]
    assert frame["ds"].dtype == "datetime64[us]"
    expected = [1, np.nan, 3, 10, 11, np.nan, 12, 13, 14]
    np.testing.assert_array_equal(frame["y"], expected)
    np.testing.assert_array_equal(frame["covariate:x"], -np.array(expected))


@settings(deadline=None)
@given(data=st.data())
def test_the_grid_is_what_reindexing_each_series_gives(data):
    """Against pandas, series by series, with rows in any order."""
    rows = []
    for name in ("b", "a", "c"):
        numbers = data.draw(st.lists(st.integers(0, 40), min_size=1, unique=True))
        seen = data.draw(st.lists(st.booleans(), min_size=len(numbers), max_size=len(numbers)))
        rows += [(name, n, float(n) if s else np.nan) for n, s in zip(numbers, seen)]
    rows = data.draw(st.permutations(rows))
    table = pd.DataFrame(rows, columns=["unique_id", "n", "y"])
    start = pd.Timestamp("2020-01-01").as_unit("us")
    stamps = (start + pd.to_timedelta(table["n"], unit="D")).astype("datetime64[us]")
    times = Times(stamps.astype(np.int64).to_numpy(), "datetime")
    alive = table.dropna()
    inside = [
        (row.unique_id, row.n)
        for row in table.itertuples()
        if not (lived := alive[alive["unique_id"] == row.unique_id]).empty
        and lived["n"].min() <= row.n <= lived["n"].max()
    ]
    if len({n for _, n in inside}) < 3:
        with pytest.raises(ParameterError):
            regular(table[["unique_id", "y"]], times, "D")
        return
    frame, _ = regular(table[["unique_id", "y"]], times, "D")
    expected = []
    for name in dict.fromkeys(table["unique_id"]):
        lived = alive[alive["unique_id"] == name].set_index("n")["y"]
        if len(lived):
            span = range(lived.index.min(), lived.index.max() + 1)
            expected += [(name, start + pd.Timedelta(n, "D"), lived.get(n, np.nan)) for n in span]
    assert frame["unique_id"].tolist() == [name for name, _, _ in expected]
    assert frame["ds"].tolist() == [stamp for _, stamp, _ in expected]
    np.testing.assert_array_equal(frame["y"], [y for _, _, y in expected])


def test_a_series_without_a_value_has_no_rows():
    frame, _ = gridded(
        {"a": days("2020-01-01", 3), "b": days("2020-01-01", 2)}, values=[1, 2, 3] + [np.nan] * 2
    )
    assert frame["unique_id"].tolist() == ["a"] * 3
    refused("no series has a value", {"a": days("2020-01-01", 3)}, values=[np.nan] * 3)


def test_time_through_which_no_series_lives_costs_nothing():
    seconds = {"a": days("1900-01-01", 100, "s"), "b": days("2020-01-01", 100, "s")}
    frame, calendar = gridded(seconds)
    assert (len(frame), calendar.frequency) == (200, "s")


def test_ten_thousand_series_and_a_long_one():
    count = 10_000
    stamps = np.tile(days("2015-01-01", 60, "MS").as_unit("us").asi8, count)
    ids = np.repeat([f"s{i}" for i in range(count)], 60)
    frame, calendar = regular(
        pd.DataFrame({"unique_id": ids, "y": 1.0}), Times(stamps, "datetime"), "infer"
    )
    assert (len(frame), calendar.frequency) == (60 * count, "MS")
    frame, calendar = gridded({"a": days("2015-01-01", 1_000_000, "min")})
    assert (len(frame), calendar.frequency) == (1_000_000, "min")


# Frequencies -----------------------------------------------------------------------------------------------

ALIASES = {
    "D": "D", "W-SAT": "W-SAT", "2W-SAT": "2W-SAT", "10D": "10D", "MS": "MS", "ME": "ME", "2MS": "2MS",
    "QS": "QS-JAN", "QS-FEB": "QS-FEB", "QE": "QE-DEC", "QE-JAN": "QE-JAN", "YS": "YS-JAN", "YE": "YE-DEC",
    "YS-JUL": "YS-JUL", "2YS": "2YS-JAN",
    "10YS": "10YS-JAN", "BMS": "BMS", "BME": "BME", "BQE": "BQE-DEC", "SMS": "SMS",
    "SME": "SME", "h": "h", "2h": "2h", "15min": "15min", "s": "s", "100ms": "100ms", "WOM-3FRI": "WOM-3FRI",
}  # fmt: skip


@pytest.mark.parametrize("gaps", [[], [20, 21], [3, 30]])
@pytest.mark.parametrize("alias", ALIASES)
def test_a_frequency_is_inferred(alias, gaps):
    whole = days("1990-01-05", 60, alias)
    frame, calendar = gridded({"a": whole.delete(gaps)})
    assert calendar.frequency == ALIASES[alias]
    assert frame["ds"].tolist() == whole.tolist()
    assert list(np.flatnonzero(frame["y"].isna())) == gaps
    named, _ = gridded({"a": whole.delete(gaps)}, alias)
    pd.testing.assert_frame_equal(named, frame)


def test_business_days_without_a_holiday_are_inferred_and_with_holidays_are_not():
    whole = days("2020-01-02", 200, "B")
    assert gridded({"a": whole})[1].frequency == "B"
    words = refused(
        "no frequency fits these times (Mon, Tue, Wed, Thu, Fri, 2 of 200",
        {"a": whole.delete([9, 99])},
    )
    assert "prepare.frequency: rows" in words
    frame, calendar = gridded({"a": whole.delete([9, 99])}, "B")
    assert (calendar.frequency, frame["y"].isna().sum()) == ("B", 2)


@pytest.mark.parametrize(
    ("stamps", "seen"),
    [
        (days("2010-01-01", 48, "MS") + pd.Timedelta(days=14), "day 15 of each month"),
        (days("2010-01-01", 400)[days("2010-01-01", 400).day_of_week < 6], "Mon, Tue, Wed, Thu, Fri, Sat"),
        (days("2010-01-01", 400)[days("2010-01-01", 400).day_of_week % 3 == 0], "Mon, Thu, Sun"),
        (pd.DatetimeIndex(["2020-01-01", "2020-01-04", "2020-01-09", "2020-02-01"]), "irregular"),
        (pd.DatetimeIndex(["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 02:00", "2020-01-01 02:30"]),
         "most often 01:00:00 apart (67 %"),
    ],
)  # fmt: skip
def test_times_without_a_frequency_are_refused_with_what_was_seen(stamps, seen):
    words = refused("prepare.frequency = 'infer': no frequency fits these times", {"a": stamps})
    assert seen in words
    assert "prepare.frequency: rows" in words


@pytest.mark.parametrize(
    ("stamps", "seen"),
    [
        (days("2020-01-01", 9).insert(9, pd.Timestamp("2020-09-01")), "steps of D would leave 235 gaps"),
        (days("2020-01-01", 24, "h").append(days("2020-06-01", 24, "h")), "steps of h would leave"),
        (pd.Index([1, 2, 3, 1000]), "996 of 1000 are missing"),
    ],
)  # fmt: skip
def test_an_inferred_frequency_never_leaves_more_gaps_than_values(stamps, seen):
    refused(seen, {"a": stamps})


def test_a_frequency_far_too_fine_is_refused_and_never_laid_out():
    refused("gaps for 20 values", {"a": days("2000-01-01", 20, "YS")}, "s")
    refused("gaps for 20 values", {"a": days("2000-01-01", 20, "D")}, "min")
    ends = pd.DatetimeIndex(["0002-01-01", "5000-01-01", "9998-01-01"])
    refused("more than 1000 steps for each value", {"a": ends}, "bh")
    frame, _ = gridded({"a": days("2000-01-01", 20, "D")}, "h")  # named, so gaps can be meant
    assert len(frame) == 19 * 24 + 1


@pytest.mark.parametrize(
    ("stamps", "frequency", "words"),
    [
        (days("2020-01-01", 9, "h"), "D", "a at 2020-01-01 01:00 does not lie on the grid"),
        (days("2020-01-15", 9, "W-WED"), "MS", "the times of the file are steps of 'W-WED'"),
        (days("2020-01-04", 9, "W-SAT"), "W", "a at 2020-01-04 does not lie on the grid of prepare"),
        (days("2020-02-01", 9, "QS-FEB"), "QS", "or use 'QS-FEB', `infer` or `rows`"),
        (days("2020-01-31", 9, "ME"), "MS", "the times of the file are steps of 'ME'"),
        (days("2020-01-01", 9), "B", "a at 2020-01-04 does not lie on the grid"),
        (days("2020-01-01", 2), "D", "has values is 2; at least 3"),
        (days("2020-01-01", 3), "0D", "the step must be positive"),
        (days("2020-01-01", 3), "-1D", "the step must be positive"),
        (days("2020-01-01", 3), "0MS", "the step must be positive"),
        (days("2020-01-01", 3), "ns", "whole microseconds"),
        (days("2020-01-01", 3), "fortnight", "a pandas alias"),
        (days("2020-01-01", 3), "", "a pandas alias"),
        (pd.Index([0, 5, 10, 13]), "infer", "a at 5 does not lie on the grid of steps of 3"),
        (pd.Index([0, 5, 10]), "D", "needs dates"),
    ],
)  # fmt: skip
def test_a_frequency_that_does_not_fit(stamps, frequency, words):
    refused(words, {"a": stamps}, frequency)


def test_whole_numbers_of_any_step():
    frame, calendar = gridded({"a": pd.Index([0, 5, 15]), "b": pd.Index([10, 15, 20])})
    assert calendar == Calendar("5", "integer")
    assert frame["ds"].tolist() == [0, 5, 10, 15, 10, 15, 20]
    assert frame["ds"].dtype == "int64"


# Two rows at one time --------------------------------------------------------------------------------------


def test_two_rows_at_one_time():
    refused(
        "a has two rows at 2020-01-02; keep one",
        {"a": days("2020-01-01", 3).insert(0, pd.Timestamp("2020-01-02"))},
    )
    refused("a has two rows at 7; keep one", {"a": pd.Index([6, 7, 7, 8])})


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("Europe/Berlin", "2023-10-29 02:00"), ("America/New_York", "2023-11-05 01:00")],
)
def test_the_hour_that_the_clock_shows_twice_is_named(zone, hour):
    wall = days("2023-10-20", 24 * 20, "h").tz_localize("UTC").tz_convert(zone).tz_localize(None)
    words = refused(f"a has two rows at {hour}", {"a": wall})
    assert "daylight saving" in words
    assert "prepare.zone" in words
    assert "offsets" in words


def test_midnights_of_another_zone_are_named():
    utc = days("2023-01-01", 300).tz_localize("Europe/Berlin").tz_convert(None)
    assert "set prepare.zone" in refused("two times of day an hour apart", {"a": utc})


# The stamps of the file as they are -----------------------------------------------------------------------


def test_the_rows_of_the_file_are_the_grid():
    whole = days("2020-01-02", 200, "B").delete([9, 99])
    frame, calendar = gridded({"a": whole, "b": whole[20:90].delete([3])}, "rows")
    assert calendar == Calendar("rows", "datetime", None, "B")
    assert frame["ds"].tolist() == [*whole, *whole[20:90]]
    assert list(np.flatnonzero(frame["y"].isna())) == [198 + 3]  # a stamp that `b` alone lacks


WEEK = days("2021-01-01", 500)
HOURS = days("2021-01-04", 8000, "h")


@pytest.mark.parametrize(
    ("stamps", "pattern"),
    [
        (days("2020-01-01", 100), "D"),
        (days("2020-01-01", 60, "MS").delete([4]), "MS"),
        (days("2020-01-01", 90, "15min").delete([4]), "15min"),
        (days("2020-01-02", 200, "B").delete([5, 50]), "B"),
        (WEEK[WEEK.day_of_week < 6], "Mon Tue Wed Thu Fri Sat"),
        (WEEK[WEEK.day_of_week < 6].delete([5, 17, 99]), "Mon Tue Wed Thu Fri Sat"),
        (WEEK[np.isin(WEEK.day_of_week, [1, 4])], "Tue Fri"),
        (HOURS[(HOURS.day_of_week < 5) & (HOURS.hour >= 9) & (HOURS.hour <= 10)][4:12],  # no Tuesday passes
         "Mon Tue Wed Thu Fri 09:00:00-10:00:00 every 3600 s"),
        (days("2020-01-03", 80, "W-FRI").delete([40]).insert(40, pd.Timestamp("2020-10-08")), "Fri"),
        (days("2020-01-01", 40, "MS") + pd.Timedelta(days=14), "day 15 every 1 months"),
        (days("2020-01-01", 40, "QS") + pd.Timedelta(days=9), "day 10 every 3 months"),
        (pd.DatetimeIndex(["2020-01-30", "2020-02-29", "2020-03-30", "2020-04-30"]), "day 30 every 1 months"),
        (HOURS[(HOURS.day_of_week < 5) & (HOURS.hour >= 9) & (HOURS.hour <= 17)],
         "Mon Tue Wed Thu Fri 09:00:00-17:00:00 every 3600 s"),
        (pd.DatetimeIndex(["2020-01-01", "2020-01-04", "2020-01-09", "2020-02-01", "2020-07-01"]), None),
        (pd.Index([1, 2, 4, 5, 6]), "1"),
        (pd.Index([1, 2, 4, 8, 16]), None),
    ],
)  # fmt: skip
def test_patterns(stamps, pattern):
    frame, calendar = gridded({"a": stamps}, "rows")
    assert frame["ds"].tolist() == stamps.tolist()
    assert calendar.pattern == pattern
    assert calendar.numbered == (pattern is None)


def test_opening_hours_are_those_of_the_zone():
    local = HOURS[(HOURS.day_of_week < 5) & (HOURS.hour >= 9) & (HOURS.hour <= 15)]
    utc = local.tz_localize("America/New_York").tz_convert(None)
    _, calendar = gridded({"a": utc}, "rows", zone="America/New_York")
    assert calendar.pattern == "Mon Tue Wed Thu Fri 09:00:00-15:00:00 every 3600 s"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (
            [y * 100 + w for y in (2020, 2021) for w in range(1, 53)],
            "codes of dates (year and week",
        ),
        ([11101 + 100 * (i // 52) + i % 52 for i in range(150)], "codes of dates"),
        ([n for n in range(43831, 43950) if n % 7 < 5], "Excel's day numbers"),
        (
            [d * 1_000_000 + m * 10_000 + 2020 for m in (1, 2) for d in range(1, 29)],
            "codes of dates",
        ),
    ],
)
def test_codes_of_dates_are_not_counts(numbers, words):
    """A grid of counts would put gaps where the calendar has none."""
    text = refused(words, {"a": pd.Index(numbers)}, frequency="infer")
    assert "if they are counts, add rows without a value" in text


def test_counts_with_some_left_out_are_counts():
    frame, calendar = gridded({"a": pd.Index([n for n in range(100) if n % 5])}, frequency="infer")
    assert calendar.frequency == "1"
    assert int(frame["y"].isna().sum()) == 19

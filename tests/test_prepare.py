"""Raw files → regular, checked series."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.series import Series
from stages.params import ParameterError
from stages.prepare.params import PrepareParams
from stages.prepare.run import prepare
from tests.closure import ROOT


def made(tmp_path, text: str, **more) -> Series:
    """Prepare a CSV; by default wide with the time column `t`."""
    path = tmp_path / "raw.csv"
    path.write_text(text, encoding="utf-8")
    return prepare(path, PrepareParams(**{"path": str(path), "time": "t", **more}))


DAILY = "t,a,b,x\n" + "".join(f"2024-01-{d:02d},{d},{10 * d},{d % 3}\n" for d in range(1, 11))


def test_wide(tmp_path):
    series = made(tmp_path, DAILY, targets=("b", "a"), covariates=("x",))
    frame = series.frame
    assert list(frame.columns) == ["unique_id", "ds", "y", "x"]
    assert list(dict.fromkeys(frame["unique_id"])) == ["b", "a"]
    assert list(frame["y"][:10]) == [10.0 * d for d in range(1, 11)]
    assert list(frame["x"][10:]) == [d % 3 for d in range(1, 11)]
    assert series.summary["frequency"] == "D"
    assert series.summary["shared_covariates"] is True


def test_all_other_columns_are_targets_by_default(tmp_path):
    names = [s["unique_id"] for s in made(tmp_path, DAILY, covariates=("x",)).summary["series"]]
    assert names == ["a", "b"]


def test_long_and_parquet_agree(tmp_path):
    rows = [("u", f"2024-01-{d:02d}", d, d / 2) for d in range(1, 7)]
    rows += [("v", f"2024-01-{d:02d}", -d, d / 3) for d in range(3, 9)]
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y", "x"])
    frame.to_csv(tmp_path / "raw.csv", index=False)
    frame.to_parquet(tmp_path / "raw.parquet")
    found = [
        prepare(
            tmp_path / name,
            PrepareParams(path=name, format="long", time="ds", covariates=("x",)),
        )
        for name in ("raw.csv", "raw.parquet")
    ]
    pd.testing.assert_frame_equal(found[0].frame, found[1].frame)
    assert len(found[0].frame) == 16  # both on the days 1 to 8
    assert [s["gaps"] for s in found[0].summary["series"]] == [2, 2]
    assert found[0].summary["shared_covariates"] is False


def test_gaps_are_marked_and_nothing_is_filled(tmp_path):
    lines = DAILY.splitlines(keepends=True)
    del lines[4]  # no row for the fourth day
    text = "".join(lines).replace("2024-01-07,7,", "2024-01-07,,")
    series = made(tmp_path, text, targets=("a",))
    assert list(np.flatnonzero(series.frame["y"].isna())) == [3, 6]
    assert series.summary["series"][0]["gaps"] == 2


def test_years_and_counts(tmp_path):
    years = "t,a\n" + "".join(f"{y},{y}\n" for y in range(1700, 1710))
    assert made(tmp_path, years, frequency="YS").frame["ds"].iloc[0] == pd.Timestamp(1700, 1, 1)
    counted = made(tmp_path, "t,a\n0,1\n5,2\n15,4\n")
    assert counted.summary["time"] == "integer"
    assert counted.summary["frequency"] == "5"
    assert list(counted.frame["ds"]) == [0, 5, 10, 15]
    assert np.isnan(counted.frame["y"].iloc[2])


@pytest.mark.parametrize(
    ("alias", "expected"), [("h", "h"), ("MS", "MS"), ("W-SUN", "W-SUN"), ("QS", "QS-JAN")]
)
def test_frequency_is_inferred(tmp_path, alias, expected):
    times = pd.date_range("2020-01-01", periods=40, freq=alias)
    kept = times.delete([20, 21])
    frame = pd.DataFrame({"t": kept, "a": np.arange(len(kept))})
    series = made(tmp_path, frame.to_csv(index=False))
    assert series.summary["frequency"] == expected
    assert series.summary["series"][0]["gaps"] == 2


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        (DAILY, {"time": "time"}, "prepare.time = 'time' is no column of the file"),
        (DAILY, {"targets": ("aa",)}, "did you mean a\\?"),
        (DAILY, {"covariates": ("z",)}, "prepare.covariates = 'z' is no column"),
        (DAILY.replace(",3,30", ",three,30"), {}, "a at 2024-01-03 is 'three', no finite number"),
        (DAILY.replace(",3,30", ",inf,30"), {}, "no finite number"),
        (DAILY + "2024-01-05,1,2,3\n", {}, "two rows at 2024-01-05"),
        (
            re.sub(r"(2024-01-\d\d)", r"\1 00:00", DAILY) + "2024-01-09 07:00,1,2,3\n",
            {"frequency": "D"},
            "does not lie on the grid",
        ),
        (DAILY.replace("2024-01-03", "someday"), {}, "prepare.time"),
        (DAILY.replace("2024-01-03", ""), {}, "line 4 has no time"),
        ("t,a\n", {}, "has no rows"),
        ("t,a\n2024-01-01,\n2024-01-02,\n2024-01-03,\n", {}, "has no value at all"),
        ("t,a\n1.5,1\n2,2\n", {}, "is no whole number"),
        ("t,a\n1,1\n2,2\n3,4\n", {"frequency": "D"}, "needs dates"),
        (DAILY, {"format": "long"}, "is no column of the file"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, more, words):
    with pytest.raises(ParameterError, match=words):
        made(tmp_path, text, **more)


def test_a_missing_file_is_said():
    with pytest.raises(ParameterError, match=r"prepare.path = 'no.csv' is not there"):
        prepare(Path("no.csv"), PrepareParams(path="no.csv"))


def test_bytes_are_a_function_of_the_input(tmp_path):
    for name in ("one", "two"):
        made(tmp_path, DAILY).save(tmp_path / name)
    for file in ("series.parquet", "summary.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    again = Series.load(tmp_path / "one")
    pd.testing.assert_frame_equal(again.frame, made(tmp_path, DAILY).frame)


@pytest.mark.parametrize(
    ("name", "time", "frequency", "rows", "gaps"),
    [
        ("sunspots", "year", "YS", 309, 0),
        ("elnino", "month", "MS", 732, 0),
        ("co2", "week", "W-SAT", 2284, 59),
    ],
)
def test_the_included_series(name, time, frequency, rows, gaps):
    path = ROOT / f"data/raw/{name}.csv"
    params = PrepareParams(path=str(path), time=time, frequency="YS" if time == "year" else "infer")
    entry = prepare(path, params).summary
    assert entry["frequency"] == frequency
    assert (entry["series"][0]["rows"], entry["series"][0]["gaps"]) == (rows, gaps)

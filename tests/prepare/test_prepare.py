"""Raw files → checked series on a grid, as a whole; reading and calendars are tested elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.series import Series
from stages.params import ParameterError
from stages.prepare.__main__ import main
from stages.prepare.params import PrepareParams
from stages.prepare.stage import prepare
from tests.support.closure import ROOT
from tests.support.raw_files import prepared

DAILY = "t,a,b,x\n" + "".join(f"2024-01-{d:02d},{d},{10 * d},{d % 3}\n" for d in range(1, 11))


def test_wide(tmp_path):
    series = prepared(tmp_path, DAILY, targets=("b", "a"), covariates=("x",))
    frame = series.frame
    assert list(frame.columns) == ["unique_id", "ds", "y", "covariate:x"]
    assert list(dict.fromkeys(frame["unique_id"])) == ["b", "a"]
    assert list(frame["y"][:10]) == [10.0 * d for d in range(1, 11)]
    assert list(frame["covariate:x"][10:]) == [d % 3 for d in range(1, 11)]
    assert series.calendar.frequency == "D"
    assert series.summary["shared_covariates"] is True


def test_all_other_columns_are_targets_by_default(tmp_path):
    series = prepared(tmp_path, DAILY, covariates=("x",))
    assert [entry["unique_id"] for entry in series.summary["series"]] == ["a", "b"]


def test_long_and_parquet_agree(tmp_path):
    rows = [("u", f"2024-01-{d:02d}", d, d / 2) for d in range(1, 7)]
    rows += [("v", f"2024-01-{d:02d}", -d, d / 3) for d in range(3, 9)]
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y", "x"])
    frame.to_csv(tmp_path / "raw.csv", index=False)
    frame.to_parquet(tmp_path / "raw.parquet")
    series = [
        prepare(tmp_path / name, PrepareParams(path=name, format="long", covariates=("x",)))
        for name in ("raw.csv", "raw.parquet")
    ]
    pd.testing.assert_frame_equal(series[0].frame, series[1].frame)
    assert len(series[0].frame) == 12  # six days each
    assert [entry["gaps"] for entry in series[0].summary["series"]] == [0, 0]
    assert series[0].summary["shared_covariates"] is False


def test_gaps_are_marked_and_nothing_is_filled(tmp_path):
    lines = DAILY.splitlines(keepends=True)
    del lines[4]  # no row for the fourth day
    text = "".join(lines).replace("2024-01-07,7,", "2024-01-07,,")
    series = prepared(tmp_path, text, targets=("a",))
    assert list(np.flatnonzero(series.frame["y"].isna())) == [3, 6]
    assert series.summary["series"][0]["gaps"] == 2


def test_types_of_the_artifact(tmp_path):
    """What the next stages rely on, also for a covariate of whole numbers and ids of numbers."""
    long = "unique_id,t,y,x\n7,2024-01-01,1,5\n7,2024-01-02,2,6\n7,2024-01-03,3,7\n"
    for text, more in ((long, {"format": "long"}), (DAILY, {"targets": ("a",)})):
        series = prepared(tmp_path, text, covariates=("x",), **more)
        series.save(tmp_path / "series")
        frame = Series.load(tmp_path / "series").frame
        assert {str(kind) for kind in frame.dtypes[["y", "covariate:x"]]} == {"float64"}
        assert frame["ds"].dtype == "datetime64[us]"
        assert all(type(name) is str for name in frame["unique_id"])


def test_two_rows_at_one_time_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="2024-01-05"):
        prepared(tmp_path, DAILY + "2024-01-05,1,2,3\n")


def test_a_missing_file_is_reported():
    for name in ("no.csv", "no.csv.gz", "no.parquet"):
        with pytest.raises(ParameterError, match=rf"prepare.path = '{name}' does not exist"):
            prepare(Path(name), PrepareParams(path=name))


def test_a_folder_is_reported(tmp_path):
    for name in ("x.csv", "x.parquet"):
        (tmp_path / name).mkdir()
        with pytest.raises(ParameterError, match=r"prepare.path = .* cannot be read"):
            prepare(tmp_path / name, PrepareParams(path=name))


def test_bytes_are_a_function_of_the_input(tmp_path):
    for name in ("first", "second"):
        prepared(tmp_path, DAILY).save(tmp_path / name)
    for file in ("series.parquet", "summary.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    again = Series.load(tmp_path / "first")
    pd.testing.assert_frame_equal(again.frame, prepared(tmp_path, DAILY).frame)


def test_the_summary_says_how_the_file_was_read(tmp_path):
    text = "t;a;b\n" + "".join(f"2024-01-{d:02d};{d},5;\n" for d in range(1, 11))
    summary = prepared(tmp_path, text).summary
    assert json.loads(json.dumps(summary)) == summary
    assert summary["left_out"] == {"b": "it has no value in the file"}
    wanted = {
        "file": "delimited text",
        "encoding": "UTF-8",
        "separator": "`;`",
        "header": "line 1",
        "decimal sign": "`,`",
        "thousands": "none",
        "time column": "t",
        "series": "a, b",
    }
    assert wanted.items() <= summary["source"].items()


def test_the_stage_says_what_it_read(tmp_path, monkeypatch, capsys):
    (tmp_path / "raw.csv").write_text(DAILY)
    (tmp_path / "params.yaml").write_text("prepare: {path: raw.csv, time: t}\n")
    monkeypatch.chdir(tmp_path)
    main(["--series", "series"])
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.startswith("prepare: 3 series, 10 steps, frequency D; ")
    assert len(out.err.splitlines()) == 1
    assert len(Series.load(tmp_path / "series").frame) == 30


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
    series = prepare(path, params)
    assert series.calendar.frequency == frequency
    (entry,) = series.summary["series"]
    assert (entry["rows"], entry["gaps"]) == (rows, gaps)

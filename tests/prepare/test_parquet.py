"""Parquet: the table as it was written, with its index, its types and no guess."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.params import ParameterError
from tests.support.closure import ROOT
from tests.support.raw_files import prepared, values

DATES = pd.date_range("2024-01-01", periods=6, unit="us")
COUNT = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def parquet(frame: pd.DataFrame | pa.Table) -> bytes:
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def read(tmp_path, frame, **params):
    return prepared(tmp_path, parquet(frame), "raw.parquet", **params)


@pytest.mark.parametrize(
    "index",
    [
        DATES.rename("t"),
        pd.period_range("2024-01-01", periods=6, freq="D", name="t"),
        pd.Index(DATES.strftime("%Y-%m-%d"), name="t"),
        pd.CategoricalIndex(DATES.strftime("%Y-%m-%d"), name="t"),
    ],
)
def test_an_index_of_dates_is_a_column(tmp_path, index):
    series = read(tmp_path, pd.DataFrame({"a": COUNT}, index=index))
    assert values(series) == {"a": COUNT}
    assert list(series.frame["ds"]) == list(DATES)


def test_periods_are_dates_in_a_new_process_too(tmp_path):
    """Arrow knows the periods of pandas only once pandas has registered them; else they are counts."""
    months = pd.period_range("2024-01", periods=6, freq="M", name="t")
    path = tmp_path / "raw.parquet"
    path.write_bytes(parquet(pd.DataFrame({"a": COUNT}, index=months)))
    code = (
        "from pathlib import Path; from stages.prepare.reading.source import read_table; "
        "from stages.prepare.reading.table import Options; "
        f"print(read_table(Path({str(path)!r}), Options()).columns['t'][1].as_py())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "2024-02-01 00:00:00", done.stderr


def test_an_index_without_a_name_is_not_a_series(tmp_path):
    frame = pd.DataFrame({"t": DATES, "a": COUNT}, index=[3, 5, 6, 7, 9, 11])
    assert values(read(tmp_path, frame)) == {"a": COUNT}
    unnamed = pd.DataFrame({"a": COUNT}, index=DATES)
    with pytest.raises(ParameterError, match=r"columns: a, column 2 \(it has no name\)"):
        read(tmp_path, unnamed)
    assert values(read(tmp_path, unnamed, time="column 2")) == {"a": COUNT}


@pytest.mark.parametrize(
    "column",
    [
        pd.array([1, 2, 3, 4, 5, 6], dtype="Int64"),
        pd.array([1, 2, 3, 4, 5, 6], dtype="uint8"),
        pd.array([1, 2, 3, 4, 5, 6], dtype="float32"),
        [Decimal("1.0"), Decimal("2.0"), Decimal("3.0"), Decimal("4.0"), Decimal("5.0"), Decimal("6")],
        pd.Categorical([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ["1", "2.0", "3", "4", "5", "6.0"],
    ],
)  # fmt: skip
def test_types_of_numbers(tmp_path, column):
    assert values(read(tmp_path, pd.DataFrame({"t": DATES, "a": column}))) == {"a": COUNT}


def test_nulls_and_nan_are_gaps(tmp_path):
    for column in (pd.array([1, None, 3, 4, 5, 6], dtype="Int64"), [1, np.nan, 3, 4, 5, 6.0]):
        cells = values(read(tmp_path, pd.DataFrame({"t": DATES, "a": column})))["a"]
        np.testing.assert_array_equal(cells, [1, np.nan, 3, 4, 5, 6])
    empty = pd.DataFrame({"t": DATES, "a": COUNT, "b": [None] * 6})
    assert list(read(tmp_path, empty).summary["left_out"]) == ["b"]


@pytest.mark.parametrize(
    ("ids", "wanted"),
    [
        ([1, 1, 1, 2, 2, 2], ["1", "2"]),
        ([1.0, 1.0, 1.0, 2.5, 2.5, 2.5], ["1", "2.5"]),
        (pd.Categorical(list("bbbaaa")), ["b", "a"]),
        (pd.Categorical([7, 7, 7, 10**12, 10**12, 10**12]), ["7", "1000000000000"]),
        (["01", "01", "01", "NA", "NA", "NA"], ["01", "NA"]),
        ([Decimal("1.50")] * 3 + [Decimal("2.00")] * 3, ["1.50", "2.00"]),
    ],
)
def test_types_of_ids(tmp_path, ids, wanted):
    frame = pd.DataFrame({"unique_id": ids, "t": [*DATES[:3], *DATES[:3]], "y": COUNT})
    assert list(values(read(tmp_path, frame, format="long"))) == wanted


def nested(kind: str) -> pa.Table:
    times = pa.array(DATES, pa.timestamp("us"))
    columns = {
        "boolean": pa.array([True, False] * 3),
        "list": pa.array([[1]] * 6),
        "struct": pa.array([{"x": 1}] * 6),
        "date": times,
        "bytes": pa.array([b"x"] * 6),
    }
    return pa.table({"t": times, "a": pa.array(COUNT), "b": columns[kind]})


@pytest.mark.parametrize("kind", ["boolean", "list", "struct", "date", "bytes"])
def test_types_that_are_not_numbers_are_refused(tmp_path, kind):
    with pytest.raises(ParameterError, match=r"column 'b' has the type .*, not numbers; write"):
        read(tmp_path, nested(kind))
    assert values(read(tmp_path, nested(kind), targets=("a",))) == {"a": COUNT}


def test_what_is_not_a_table_of_series_is_refused(tmp_path):
    twice = pa.table([pa.array(DATES), pa.array(COUNT), pa.array(COUNT)], names=["t", "a", "a"])
    with pytest.raises(
        ParameterError, match="the columns 2 and 3 of the file have the same name 'a'"
    ):
        read(tmp_path, twice)
    infinite = pd.DataFrame({"t": DATES, "a": [1, 2, np.inf, 4, 5, 6]})
    with pytest.raises(ParameterError, match=r"a at 2024-01-03 .*\(row 3\) is 'inf'"):
        read(tmp_path, infinite)
    ids = pa.table({"unique_id": pa.array([[1]] * 6), "t": pa.array(DATES), "y": pa.array(COUNT)})
    with pytest.raises(ParameterError, match="which cannot name series"):
        read(tmp_path, ids, format="long")
    missing = pd.DataFrame({"unique_id": [1, None, 1, 1, 1, 1], "t": DATES, "y": COUNT})
    with pytest.raises(ParameterError, match=r"prepare\.id: row 2 has no name of its series"):
        read(tmp_path, missing, format="long")
    with pytest.raises(ParameterError, match="cannot be read as Parquet"):
        prepared(tmp_path, b"t,a\n", "raw.parquet")
    with pytest.raises(ParameterError, match="has no rows"):
        read(tmp_path, pd.DataFrame({"t": [], "a": []}))

"""Columns in roles: series by column or by row, ids as written, covariates of any name, life spans."""

from __future__ import annotations

import numpy as np
import pytest

from stages.params import ParameterError
from stages.prepare.stage import announce
from tests.support.raw_files import prepared, rows, values

COUNT = [float(i) for i in range(1, 11)]


def long_text(ids, header="unique_id,t,y") -> str:
    return header + "\n" + "".join(rows(f"{name},{{t}},{{i}}") for name in ids)


def test_ids_are_text_as_written(tmp_path):
    ids = ["01", "1", "007", "1E5", "100000", "NA", "nan", "None", "-", "1.0", "a b", "Ä", "True"]
    series = prepared(tmp_path, long_text(ids), format="long")
    assert values(series) == dict.fromkeys(ids, COUNT)
    assert [entry["unique_id"] for entry in series.summary["series"]] == ids


def test_blanks_around_ids_are_taken_off_where_that_merges_none(tmp_path):
    series = prepared(tmp_path, long_text([" a", "b "]), format="long")
    assert list(values(series)) == ["a", "b"]
    with pytest.raises(
        ParameterError, match=r"prepare.id = 'unique_id': 'a' and 'a ' differ only in blanks"
    ):
        prepared(tmp_path, long_text(["a", "a "]), format="long")


def test_roles_of_the_long_format_can_be_named(tmp_path):
    text = "Store,Date,Sales,Promo\n" + rows("7,{t},{i},1") + rows("8,{t},-{i},0")
    names = {"format": "long", "id": "Store", "time": "Date", "value": "Sales"}
    series = prepared(tmp_path, text, **names, covariates=("Promo",))
    assert values(series) == {"7": COUNT, "8": [-i for i in COUNT]}
    assert list(series.frame) == ["unique_id", "ds", "y", "covariate:Promo"]
    assert list(series.frame["covariate:Promo"]) == [1.0] * 10 + [0.0] * 10
    assert series.summary["shared_covariates"] is False
    words = {"time column": "Date", "series column": "Store", "value column": "Sales"}
    assert words.items() <= series.summary["source"].items()
    assert list(values(prepared(tmp_path, text, **names, targets=("8",)))) == ["8"]


@pytest.mark.parametrize("name", ["y", "ds", "unique_id", "covariate:x", "index"])
def test_a_covariate_may_have_any_name(tmp_path, name):
    text = f"t,x,{name}\n" + rows("{t},{i},-{i}.5")
    series = prepared(tmp_path, text, targets=("x",), covariates=(name,))
    assert values(series) == {"x": COUNT}
    assert list(series.frame[f"covariate:{name}"]) == [-i - 0.5 for i in COUNT]
    assert series.summary["covariates"] == [name]
    assert series.summary["shared_covariates"] is True


@pytest.mark.parametrize("name", ["y", "ds", "unique_id"])
def test_a_series_may_have_any_name(tmp_path, name):
    assert values(prepared(tmp_path, f"t,{name}\n" + rows("{t},{i}"))) == {name: COUNT}


LONG = {"format": "long"}


@pytest.mark.parametrize(
    ("text", "params", "words"),
    [
        (
            "Store,Date,Sales\n" + rows("1,{t},{i}"),
            LONG | {"time": "Date"},
            r"prepare.id = 'unique_id' is not a column of the file; columns: Store, Date, Sales; set "
            r"prepare.id, prepare.value and prepare.time .* or, if each series is a column, "
            "prepare.format to wide",
        ),
        (long_text("a", "unique_id,t,Sales"), LONG, "prepare.value = 'y' is not a column"),
        (long_text("a"), LONG | {"time": "ds"}, "prepare.time = 'ds' is not a column"),
        (long_text("a"), LONG | {"targets": ("b",)}, "prepare.targets = 'b' is not a series of the file"),
        (long_text("a"), LONG | {"covariates": ("z",)}, "prepare.covariates = 'z' is not a column"),
        (long_text(["a", ""]), LONG, "prepare.id: line 12 has no name of its series"),
        (long_text(["a"]).replace("-03,3", "-03,x"), LONG, r"y of a at 2024-01-03 \(line 4\) is 'x'"),
        ("t,ab\n" + rows("{t},{i}"), {"targets": ("a",)}, "prepare.targets = 'a' .* columns: t, ab"),
        ("t,sales\n" + rows("{t},{i}"), {"targets": ("sale",)}, r"did you mean sales\?"),
        ("time,a\n" + rows("{t},{i}"), {}, "prepare.time = 't' .* or to null to number the rows"),
        (",a\n" + rows("{t},{i}"), {}, r"columns: column 1 \(it has no name\), a"),
        (long_text("ab"), {}, "'unique_id' holds text .* set prepare.format to long"),
        (long_text("12"), {}, "10 rows have the time of another row, and 'unique_id' distinguishes them"),
        (long_text("12"), {"targets": ("y",)}, "prepare.id to 'unique_id'"),
        (long_text("a"), {"targets": ("b",)}, "if each row names its series, set prepare.format to long"),
        ("t,h,a\n" + rows("{t},1,{i}") + rows("{t},2,{i}"), {}, "is part of the time, list all its"),
        ("t,a,wind\n" + rows("{t},{i},NW"), {}, "'wind' holds text .'NW', line 2"),
        ("t,a,wind\n" + rows("{t},{i},NW"), {"covariates": ("wind",)}, "wind at 2024-01-01 .* 'NW'"),
        ("t\n" + rows("{t}"), {}, "no column but the time"),
        ("t,a\n" + rows("{t},{i}") + ",5\n", {}, "prepare.time: line 12 has no time"),
        ("t,a,b\n" + rows("{t},{i},"), {"targets": ("a", "b")}, "'b' has no value in the file; take it"),
        ("t,a,b\n" + rows("{t},NA,-"), {}, "no series of the file has a value"),
    ],
)  # fmt: skip
def test_a_role_that_the_file_cannot_fill_is_refused(tmp_path, text, params, words):
    with pytest.raises(ParameterError, match=words):
        prepared(tmp_path, text, **params)


def test_a_nameless_column_is_a_role_where_it_is_named(tmp_path):
    assert values(prepared(tmp_path, ",a\n" + rows("{t},{i}"), time="column 1")) == {"a": COUNT}
    assert values(prepared(tmp_path, rows("{t},{i}"), time="column 1")) == {"column 2": COUNT}


@pytest.mark.parametrize("index", ["Unnamed: 0", "index"])
@pytest.mark.parametrize("start", [0, 1, 3])
def test_an_index_that_became_a_column_is_left_out_and_reported(tmp_path, index, start):
    lines = rows("{t},{i}").split()
    text = f"{index},t,a\n" + "".join(f"{i},{line}\n" for i, line in enumerate(lines, start))
    series = prepared(tmp_path, text)
    if start == 3:  # numbers that do not count the rows may be values
        assert values(series) == {index: [float(i) for i in range(3, 13)], "a": COUNT}
    else:
        assert values(series) == {"a": COUNT}
        words = series.summary["source"]["columns left out"]
        assert words == f"{index}: it is an index that counts the rows"


@pytest.mark.parametrize(
    "cells", [["−3", "2", "5"], ["1", "0", "2"], ["1", "", "3"], ["a", "b", "c"]]
)
def test_other_columns_without_a_name_are_refused(tmp_path, cells):
    text = ",t,a\n" + "".join(f"{c},{line}\n" for c, line in zip(cells, rows("{t},{i}", 3).split()))
    with pytest.raises(ParameterError, match="column 1 of the file has no name but holds"):
        prepared(tmp_path, text)
    assert values(prepared(tmp_path, text, targets=("a",))) == {"a": COUNT[:3]}


def test_a_row_counter_without_a_name_is_left_out_and_reported(tmp_path):
    lines = rows("{t},{i}").split()
    series = prepared(
        tmp_path, ",t,a\n" + "".join(f"{i * i},{line}\n" for i, line in enumerate(lines))
    )
    assert values(series) == {"a": COUNT}
    words = series.summary["source"]["columns left out"]
    assert words == "column 1: it has no name and counts the rows"


def test_life_spans(tmp_path):
    """Cells before the first and after the last value are not gaps; those between are."""
    a = ["", "NA", "3", "", "5", "6", "", "", "", ""]
    text = "t,a,b,x\n" + "".join(
        line.replace("?", cell) + "\n"
        for line, cell in zip(rows("{t},?,{i},{i}").split(), a, strict=True)
    )
    series = prepared(tmp_path, text, targets=("a", "b"), covariates=("x",))
    entry = {"unique_id": "a", "first": "2024-01-03", "last": "2024-01-06", "rows": 4, "gaps": 1}
    assert series.summary["series"][0] == entry
    np.testing.assert_array_equal(values(series)["a"], [3, np.nan, 5, 6])
    assert list(series.frame["covariate:x"][:4]) == [3, 4, 5, 6]
    assert values(series)["b"] == COUNT


def test_life_spans_do_not_follow_the_order_of_rows(tmp_path):
    text = "unique_id,t,y\n" + "".join(sorted(rows("a,{t},{i}").splitlines(True), reverse=True))
    text = text.replace("2024-01-01,1", "2024-01-01,").replace("2024-01-04,4", "2024-01-04,")
    cells = values(prepared(tmp_path, text, format="long"))["a"]
    np.testing.assert_array_equal(cells, [2, 3, np.nan, *range(5, 11)])


def test_series_without_a_value_are_left_out_by_name(tmp_path):
    series = prepared(tmp_path, "t,a,b\n" + rows("{t},{i},NA"))
    assert series.summary["left_out"] == {"b": "it has no value in the file"}
    assert values(series) == {"a": COUNT}
    assert "without 'b': it has no value in the file" in announce(series)


def test_rows_are_numbered_where_there_is_no_time(tmp_path):
    series = prepared(tmp_path, "a,b\n" + rows("{i},-{i}"), time=None)
    assert series.calendar.time == "integer"
    assert values(series) == {"a": COUNT, "b": [-i for i in COUNT]}
    assert list(series.frame["ds"][:10]) == list(range(1, 11))
    gap = "a,b\n1,2\n,\n3,4\n,\n"
    np.testing.assert_array_equal(values(prepared(tmp_path, gap, time=None))["a"], [1, np.nan, 3])


def test_the_line_that_is_printed(tmp_path):
    series = prepared(tmp_path, "t;a\n" + rows("{t};{i},5"))
    line = announce(series)
    assert line.startswith("prepare: 1 series, 10 steps, frequency D; file delimited text")
    assert "separator `;`" in line
    assert "decimal sign `,`" in line
    assert "\n" not in line

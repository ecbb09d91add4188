"""Cells that people send: ids that a reader has changed, numbers too large, truth values, counts as times."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.serving.input.table import column_of
from stages.serving.input.value_cells import TableError
from stages.serving.registry.register import example
from tests.support.serving_model import H, T, model, series, table_of

TWINS = {"01": 50.0, "1": 400.0, "2": 9.0}
TEXT = "read them as text (in pandas dtype={'unique_id': str})"
APART = (
    "the model knows '01' and '1', and the ids of the table are numbers, which cannot distinguish them: "
    + TEXT
)


@pytest.fixture(scope="module")
def served():
    study = series()
    return model(study)[0], table_of(study)


@pytest.fixture(scope="module")
def twins():
    study = series(levels=TWINS)
    return model(study)[0], table_of(study)


@pytest.fixture(scope="module")
def counted():
    """A study whose times are whole numbers beyond what a float holds."""
    start = 2**53 + 1
    times = pd.Index(np.arange(start, start + T))
    study = series(times=times, calendar={"frequency": "1", "time": "integer"})
    return model(study)[0], table_of(study)


@pytest.mark.parametrize(
    "names", [("y",), ("ds", "rain"), ("unique_id", "y", "ds"), ("y", "covariate:y")]
)
def test_a_covariate_called_like_a_key_has_a_prefixed_column(names):
    study = series(names)
    chosen, _ = model(study)
    table = table_of(study)
    assert len(set(table)) == 3 + len(names)
    plain = chosen.forecast(study)
    pd.testing.assert_frame_equal(chosen.forecast(table), plain)
    full = table.rename(columns={"rain": "covariate:rain"})
    pd.testing.assert_frame_equal(chosen.forecast(full), plain)
    tripled = table.assign(**{column_of(names[0]): 3 * table[column_of(names[0])]})
    assert not np.allclose(chosen.forecast(tripled)["y_hat"], plain["y_hat"])
    assert list(example(chosen)) == ["unique_id", "ds", "y", *map(column_of, names)]
    assert example(chosen)["ds"].iloc[0] == "2000-01-31"
    assert np.isfinite(chosen.forecast(example(chosen))["y_hat"]).all()


def test_a_covariate_called_y_that_is_missing_or_wrong_is_named_by_its_column():
    study = series(("y",))
    chosen, _ = model(study)
    table = table_of(study)
    sentence = (
        "column 'covariate:y' is missing; known: unique_id, ds, y; wanted: unique_id, ds, y, covariate:y; "
        "the covariate 'y' is sent under this name"
    )
    with pytest.raises(TableError, match=re.escape(sentence)):
        chosen.forecast(table.drop(columns="covariate:y"))
    table["covariate:y"] = table["covariate:y"].mask(table.index == T - 3)
    assert (
        chosen.forecast(table)["note"]
        .iloc[0]
        .startswith("refused: covariate:y at 2005-10-31 is missing")
    )
    table["covariate:y"] = "wet"
    with pytest.raises(TableError, match="covariate:y at 2001-01-31 is wet, not a finite number"):
        chosen.forecast(table)


def test_a_covariate_that_is_sent_under_both_names_is_refused():
    study = series(("rain",))
    table = table_of(study)
    with pytest.raises(TableError, match="two columns are called 'rain'"):
        model(study)[0].forecast(table.assign(**{"covariate:rain": 0.0}))


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (10**400, "1" + 59 * "0" + "…"),
        (-(10**400), "-1" + 58 * "0" + "…"),
        pytest.param(10**5000, "a number of thousands of digits", id="vast"),
        ("1e400", "1e400"),
        (Decimal("1e400"), "1E+400"),
        (True, "True"),
        (np.False_, "False"),
    ],
)
def test_a_number_that_is_too_large_and_a_truth_value_are_not_numbers(served, cell, written):
    chosen, table = served
    odd = table.assign(y=table["y"].astype(object))
    odd.at[3, "y"] = cell
    answer = chosen.forecast(odd)
    assert answer["note"].iloc[0] == f"refused: y at 2001-04-30 is {written}, not a finite number"
    assert answer["y_hat"].notna().sum() == H


@pytest.mark.parametrize("kind", ["bool", "boolean", "bool[pyarrow]", "object"])
def test_a_column_of_truth_values_is_not_one_of_numbers(served, kind):
    chosen, table = served
    with pytest.raises(TableError, match="'shop': y at 2001-01-31 is True, not a finite number"):
        chosen.forecast(table.assign(y=pd.Series([True, False] * T, dtype=kind)))


def test_whole_times_are_exact_beyond_what_a_float_holds(counted):
    chosen, table = counted
    plain = chosen.forecast(table)
    wanted = [2**53 + 1 + T + step for step in range(H)]
    assert plain["ds"].tolist() == 2 * wanted
    for form in (str, object, "uint64", "Int64", "int64[pyarrow]"):
        pd.testing.assert_frame_equal(chosen.forecast(table.astype({"ds": form})), plain)
    written = table.assign(ds=table["ds"].astype(str) + ".0")
    pd.testing.assert_frame_equal(chosen.forecast(written), plain)


@settings(max_examples=40, deadline=None)
@given(start=st.integers(-(2**62), 2**62 - T), text=st.booleans())
def test_whole_times_anywhere_go_on_by_the_step(counted, start, text):
    chosen, table = counted
    ds = table["ds"] - table["ds"].iloc[0] + start
    answer = chosen.forecast(table.assign(ds=ds.astype(str) if text else ds))
    assert answer["ds"].tolist() == 2 * [start + T + step for step in range(H)]


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (2**63 - 1, "ds = 9223372036854775807 is too large: whole numbers go up to 4611686018427387904 here"),
        (-(2**63), "ds = -9223372036854775808 is too large"),
        (10**19, "ds = 10000000000000000000 is too large"),
        ("10000000000000000000", "ds = 10000000000000000000 is too large"),
        (10**400, f"ds = 1{59 * '0'}… is too large"),
        (1e300, "ds = 1e+300 is too large"),
        ("1e999999", "ds = 1e999999 is too large"),
        (2.0**54, "ds = 1.8014398509481984e+16 is a float, which does not hold every whole number beyond"),
        (1.5, "ds = 1.5 is not a whole number, as the model's steps are"),
        ("9007199254740993.5", "ds = 9007199254740993.5 is not a whole number"),
        (float("inf"), "ds = inf is not a whole number"),
        ("1_000", "ds = 1_000 is not a whole number"),
        ("soon", "ds = soon is not a whole number"),
        (True, "ds = True is not a whole number"),
        (pd.Timestamp("2024-01-31"), "ds = 2024-01-31 00:00:00 is not a whole number"),
    ],
)  # fmt: skip
def test_a_time_that_is_not_a_whole_number_or_too_large_is_refused(counted, cell, sentence):
    chosen, table = counted
    odd = table.assign(ds=table["ds"].astype(object))
    odd.at[3, "ds"] = cell
    with pytest.raises(TableError, match=re.escape(sentence)):
        chosen.forecast(odd)


@pytest.mark.parametrize("cell", [10**19, "10000000000000000000", 10**400, 1e300, 2**63 - 1])
@pytest.mark.parametrize("every", [True, False])
def test_a_number_too_large_is_not_a_date_either(served, cell, every):
    chosen, table = served
    odd = table.assign(ds=table["ds"].astype(str).astype(object))
    odd.loc[odd.index if every else [3], "ds"] = cell
    with pytest.raises(TableError, match=r"write dates such as 2024-01-31|too large for a time"):
        chosen.forecast(odd)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("1 ", "the model knows '1', not '1 '; write it without blanks around it"),
        (" 01", "the model knows '01', not ' 01'; write it without blanks around it"),
        ("1.0", "the model knows '01' and '1', not '1.0'; ids that are read as numbers lose their "
         f"zeros: {TEXT}"),
        ("002", "the model knows '2', not '002'; ids that are read as numbers lose their zeros: "
         f"{TEXT}"),
    ],
)  # fmt: skip
def test_a_misspelt_id_is_refused_with_the_known_one(twins, sent, reason):
    chosen, table = twins
    answer = chosen.forecast(table.replace({"unique_id": {"1": sent}}))
    assert answer.loc[answer["unique_id"] == sent, "note"].tolist() == [f"refused: {reason}"]


def test_blanks_around_a_word_do_not_make_a_new_series(served):
    chosen, table = served
    answer = chosen.forecast(table.replace({"unique_id": {"web": "web "}}))
    assert answer["note"].iloc[-1] == (
        "refused: the model knows 'web', not 'web '; write it without blanks around it"
    )


@pytest.mark.parametrize(
    "kind", ["int64", "float64", "Int64", "int64[pyarrow]", "object", "category"]
)
def test_ids_that_became_numbers_are_refused_where_they_match_several_series(twins, kind):
    """Rows of 01 that a reader took for 1 would be forecast as the series 1."""
    chosen, table = twins
    read = table[table["unique_id"] != "1"].astype({"unique_id": int}).astype({"unique_id": kind})
    answer = chosen.forecast(read)
    assert answer["note"].tolist() == [f"refused: {APART}", "", "", ""]
    plain = chosen.forecast(table)
    assert answer["y_hat"].tolist()[1:] == plain["y_hat"].tolist()[-H:]  # 2 is one series only
    with pytest.raises(TableError, match=re.escape(f"series '1': {APART}")):
        chosen.forecast(read[read["unique_id"] == 1])


def test_ids_as_numbers_are_compared_exactly():
    """As floats these ids would be the same number."""
    names = ["90071992547409921", "90071992547409922", "1_0", "inf"]
    study = series(levels=dict(zip(names, (3.0, 50.0, 9.0, 7.0), strict=True)))
    chosen, _ = model(study)
    table = table_of(study)
    plain = chosen.forecast(table)
    numbers = table[table["unique_id"].isin(names[:2])].astype({"unique_id": "int64"})
    answer = chosen.forecast(numbers)
    assert answer["y_hat"].tolist() == plain["y_hat"].tolist()[: 2 * H]
    for new in ("90071992547409923", "10", "infinity"):
        notes = chosen.forecast(table.replace({"unique_id": {"1_0": new}}))["note"]
        assert notes[2 * H] == "scale from 60 rows"


@pytest.mark.parametrize("table", [pd.DataFrame(), pd.DataFrame(columns=["a"])])
def test_a_table_without_rows_is_refused(served, table):
    with pytest.raises(
        TableError, match=r"^the table has no rows; give the last steps of each series$"
    ):
        served[0].forecast(table)


def test_rows_without_columns(served):
    with pytest.raises(
        TableError, match="'unique_id' is missing; the table has no columns; wanted: uni"
    ):
        served[0].forecast(pd.DataFrame([{}]))

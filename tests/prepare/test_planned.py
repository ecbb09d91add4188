"""Covariates by kind, and the rows of the future that a study's file may carry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.series import Series
from stages.params import ParameterError, check_section
from stages.prepare.params import PrepareParams
from tests.support.raw_files import prepared

KINDS = {"past": ("rain",), "future": ("promo",)}
LONG = """unique_id,t,y,promo,rain
a,2024-01-01,1,0,5
a,2024-01-02,,1,6
a,2024-01-03,3,0,7
a,2024-01-05,,0,
a,2024-01-04,,1,9
b,2024-01-02,5,1,5
b,2024-01-03,6,1,5
b,2024-01-04,7,0,5
b,2024-01-05,,1,
b,2024-01-06,,,4
c,2024-01-05,,1,1
"""


def test_rows_after_a_series_last_value_are_kept_apart(tmp_path):
    """They are no gaps, lengthen nothing, and only their planned values are taken."""
    series = prepared(tmp_path, LONG, format="long", covariates=KINDS)
    lines = [line for line in LONG.splitlines() if line[:12] not in (
        "a,2024-01-05", "a,2024-01-04", "b,2024-01-05", "b,2024-01-06", "c,2024-01-05"
    )]  # fmt: skip
    plain = prepared(tmp_path, "\n".join(lines) + "\n", format="long", covariates=("rain", "promo"))
    pd.testing.assert_frame_equal(series.frame, plain.frame)
    assert series.summary["series"] == plain.summary["series"]
    assert list(series.summary["left_out"]) == ["c"]
    assert series.future == ("promo",)
    assert plain.future == ()
    assert plain.planned is None
    assert series.planned is not None
    assert list(series.planned) == ["unique_id", "ds", "covariate:promo"]
    rows = [(n, t.strftime("%d"), v) for n, t, v in series.planned.itertuples(index=False)]
    assert rows == [("a", "04", 1.0), ("a", "05", 0.0), ("b", "05", 1.0)]
    series.save(tmp_path / "series")
    again = Series.load(tmp_path / "series")
    assert again.planned is not None
    pd.testing.assert_frame_equal(again.planned, series.planned)
    plain.save(tmp_path / "plain")
    assert Series.load(tmp_path / "plain").planned is None
    assert {path.name for path in (tmp_path / "plain").iterdir()} == {
        "series.parquet",
        "summary.json",
    }


def test_a_wide_files_planned_columns_are_those_of_all_series(tmp_path):
    text = "t,a,b,promo\n" + "".join(f"2024-01-0{d},{d},{2 * d},{d % 2}\n" for d in range(1, 6))
    text += "2024-01-06,,,1\n2024-01-07,,,0\n"
    series = prepared(tmp_path, text, covariates={"future": ("promo",)})
    assert series.planned is not None
    assert list(series.planned["unique_id"]) == ["a", "a", "b", "b"]
    np.testing.assert_array_equal(series.planned["covariate:promo"], [1, 0, 1, 0])
    assert len(series.frame) == 10


@pytest.mark.parametrize(
    ("covariates", "words"),
    [
        ({"static": ["size"]}, r"prepare\.covariates: static names facts about a series"),
        (
            {"future": ["promo"], "futur": ["x"]},
            r"covariates\.futur is not a parameter; did you mean future",
        ),
        ({"past": ["x"], "future": ["x"]}, "column 'x' has two roles; give it one"),
        ({"future": "promo"}, r"prepare\.covariates\.future = 'promo': must be a list"),
        ("promo", r"prepare\.covariates = 'promo': must be a list .* or must be a mapping"),
    ],
)
def test_kinds_that_make_no_sense_are_refused(covariates, words):
    values = {"path": "a.csv", "format": "long", "covariates": covariates}
    with pytest.raises(ParameterError, match=words):
        check_section("prepare", values, PrepareParams)


def test_a_planned_column_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"prepare\.covariates = 'price' is not a column"):
        prepared(tmp_path, LONG, format="long", covariates={"future": ("price",)})

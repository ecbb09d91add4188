"""The chosen model says what the pipeline says, for known series and for unseen ones."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.normalise import EPSILON
from stages.serving.input.value_cells import TableError
from stages.serving.served import Served
from stages.window.stage import make_windows
from tests.support.evaluate_windows import history_of, of_test
from tests.support.serving_model import LEVELS, H, L, T, model, params, piped, series, table_of

INTEGERS = {
    "times": pd.Index(np.arange(0, 2 * T, 2)),
    "calendar": {"frequency": "2", "time": "integer"},
}


@pytest.mark.parametrize(
    ("changes", "covariates", "grid"),
    [
        ({}, (), {}),
        ({"channels": "joint", "normalise": "last"}, (), {}),
        ({"difference": "seasonal", "normalise": "instance"}, (), {}),
        ({"difference": 1, "channels": "joint"}, ("rain", "sun"), {}),
        ({"missing": "forward", "normalise": "mean"}, ("y", "ds"), {}),
        ({"scaler": "minmax"}, ("rain",), INTEGERS),
        ({"scaler": "minmax", "scaler_range": (-1, 1)}, ("rain",), {}),
        ({"scaler": "none"}, (), INTEGERS),
        ({"transform": "log1p", "difference": 1}, ("rain",), {}),
        ({"transform": "sqrt", "channels": "joint", "normalise": "last"}, (), {}),
        ({"calendar": ("month", "quarter"), "normalise": "last"}, ("rain",), {}),
        ({"calendar": ("month",), "channels": "joint"}, ("rain", "sun"), {}),
    ],
)
def test_forecasts_are_those_of_the_test_part(changes, covariates, grid):
    """Given what a test window saw, the model says what the pipeline forecast there, in the data's units."""
    study = series(covariates, **grid)
    chosen, test = model(study, **changes)
    wanted, origin = piped(chosen, test)
    past = study.frame[study.frame["ds"].to_numpy().astype("int64") <= origin]
    before = type(study)(past, study.summary)
    answer = chosen.forecast(before)
    shuffled = table_of(before).sample(frac=1, random_state=0)
    again = chosen.forecast(shuffled).set_index("unique_id").loc[list(LEVELS)].reset_index()
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(answer))
    for g, name in enumerate(LEVELS):
        rows = answer[answer["unique_id"] == name]
        np.testing.assert_array_equal(rows["y_hat"], wanted[:, g].mean(0))
        np.testing.assert_array_equal(rows["y_hat_spread"], wanted[:, g].std(0, ddof=1))
        assert list(rows["ds"]) == list(study.frame["ds"].iloc[T - H : T])
        assert set(rows["note"]) == {""}
    if chosen.layout.channels == "independent":
        alone = chosen.forecast(type(study)(past[past["unique_id"] == "web"], study.summary))
        np.testing.assert_array_equal(
            alone["y_hat"], answer.loc[answer.unique_id == "web", "y_hat"]
        )


@pytest.mark.parametrize(
    ("changes", "covariates"),
    [
        ({"normalise": "last"}, ("rain",)),
        ({"channels": "joint", "normalise": "instance"}, ()),
        ({"difference": "seasonal", "transform": "sqrt"}, ()),
        ({"calendar": ("month",), "scaler": "minmax"}, ("rain",)),
    ],
)
def test_the_mean_with_ridge_is_served_as_it_was_evaluated(changes, covariates):
    study = series(covariates)
    networks, test = model(study, **changes)
    development, _ = make_windows(study, params(**changes), season=12)
    history = history_of(development, test, 12)
    baseline = of_test("ridge", history)
    with tempfile.TemporaryDirectory() as folder:
        replace(networks, ridge=baseline.linear).save(Path(folder) / "model.safetensors")
        chosen = Served.load(Path(folder) / "model.safetensors")
    assert (networks.name, chosen.name) == ("gru", "gru+ridge")
    wanted, origin = piped(networks, test)
    _, origins = test.group_origin(test.rows)
    ridge = baseline.forecast(test.rows[origins == origins.max()])  # (N, H, C)
    expected = (wanted + np.moveaxis(ridge, -1, 1).reshape(1, -1, H)) / 2
    past = study.frame[study.frame["ds"].to_numpy().astype("int64") <= origin]
    answer = chosen.forecast(type(study)(past, study.summary))
    for g, name in enumerate(LEVELS):
        rows = answer[answer["unique_id"] == name]
        np.testing.assert_allclose(rows["y_hat"], expected[:, g].mean(0), rtol=1e-9)
        np.testing.assert_allclose(rows["y_hat_spread"], expected[:, g].std(0, ddof=1), rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    scaler=st.sampled_from(
        [("standard", (0, 1)), ("minmax", (0, 1)), ("minmax", (-1, 1)), ("none", (0, 1))]
    ),
    normalise=st.sampled_from(["none", "last", "mean", "instance"]),
    difference=st.sampled_from([0, 1, "seasonal"]),
    transform=st.sampled_from(["none", "log1p", "sqrt"]),
    missing=st.sampled_from(["drop", "forward"]),
    covariates=st.sampled_from([(), ("rain",)]),
    holes=st.sets(st.integers(1, T - 46), max_size=4),
    begin=st.integers(0, 5),
)
def test_an_unseen_series_is_scaled_as_the_study_scales(
    scaler, normalise, difference, transform, missing, covariates, holes, begin
):
    """A known series sent under a new id with its training rows gives the same forecast."""
    rules = {"normalise": normalise, "difference": difference, "missing": missing}
    rules["transform"] = transform
    rules |= dict(zip(("scaler", "scaler_range"), scaler, strict=True))
    study = series(covariates, begins={"web": begin})
    web = study.frame.index[study.frame["unique_id"] == "web"]
    study.frame.loc[web[sorted(holes)], "y"] = np.nan
    chosen, _ = model(study, **rules)
    table = table_of(study)
    trained = table[
        table["ds"] <= study.frame["ds"].iloc[T - 16]
    ]  # the test part's 15 steps follow
    known = chosen.forecast(trained)
    unknown = chosen.forecast(trained.replace({"unique_id": {"web": "new"}}))
    assert np.isfinite(known["y_hat"]).all()
    np.testing.assert_allclose(unknown["y_hat"], known["y_hat"], rtol=1e-5)
    counted = trained[trained["unique_id"] == "web"]["y"]
    lag = {0: 0, 1: 1, "seasonal": 12}[difference]
    seen = (counted.notna() & counted.shift(lag).notna()).sum()
    assert set(unknown.loc[unknown["unique_id"] == "new", "note"]) == {f"scale from {seen} rows"}
    assert set(known["note"]) == {""}


def test_a_transform_refuses_a_series_with_a_value_below_zero():
    chosen, _ = model(series(), transform="log1p")
    table = table_of(series())
    at = table.index[table["unique_id"] == "web"][-3]
    table.loc[at, "y"] = -2.5
    answer = chosen.forecast(table).set_index("unique_id")
    assert answer.loc["web", "note"] == (
        "refused: y at 2005-10-31 is -2.5, and the model (window.transform = 'log1p') takes values of 0 and "
        "more; correct the row"
    )
    assert answer.loc[["shop"], "y_hat"].notna().all()
    joint, _ = model(series(), transform="log1p", channels="joint")
    with pytest.raises(TableError, match=r"'web': y at 2005-10-31 is -2\.5.*forecasts all series"):
        joint.forecast(table)


@pytest.mark.parametrize("share", [1.0, 1e-2])
def test_with_instance_the_scale_cancels_up_to_epsilon(share):
    """L rows of an unseen series do; what remains of its scale is EPSILON's share of a flat window."""
    study = series()
    web = study.frame.index[study.frame["unique_id"] == "web"]
    study.frame.loc[web[-L:], "y"] = 400 + share * study.frame.loc[web[-L:], "y"].diff().fillna(0)
    chosen, _ = model(study, normalise="instance")
    known = chosen.forecast(table_of(study)).set_index("unique_id").loc["web"]
    last = table_of(study).groupby("unique_id").tail(L).replace({"unique_id": {"web": "new"}})
    unknown = chosen.forecast(last).set_index("unique_id").loc["new"]
    window = last.loc[last["unique_id"] == "new", "y"]
    scale = chosen.scale[1, 0]
    factor = np.sqrt(1 + EPSILON * scale**2 / window.var(ddof=0))
    before, after = (answer["y_hat"].to_numpy() - window.mean() for answer in (known, unknown))
    assert (np.abs(before - after) <= 3 * (factor - 1) * np.abs(before) + 1e-6).all()
    assert set(unknown["note"]) == {"scale from 8 rows"}
    with pytest.raises(TableError, match=r"no scale for it.*have 8 values, fewer than 14"):
        model(study)[0].forecast(last[last["unique_id"] == "new"])


def test_a_known_series_that_the_final_fit_did_not_admit_counts_as_unseen():
    """`late` begins in the validation part: no stored scale with final_fit = train."""
    levels = LEVELS | {"late": 9.0}
    study = series(levels=levels, begins={"late": 34})
    chosen, _ = model(study, split={"validation": 15, "test": 8})
    assert np.isfinite(chosen.scale).all()
    lost = chosen.scale.copy()
    lost[2] = np.nan
    chosen = replace(chosen, scale=lost)
    answer = chosen.forecast(table_of(study)).set_index("unique_id")
    assert set(answer.loc[["late"], "note"]) == {"scale from 26 rows"}
    assert np.isfinite(answer["y_hat"]).all()

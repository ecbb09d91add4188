"""The promises on time, by property: whatever the shape of windows, nothing sees what lies after it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from stages.artifacts.windows import Windows
from tests.support.cut_windows import cut, model_scale, table

SHAPES = st.fixed_dictionaries(
    {
        "lookback": st.integers(1, 12),
        "horizon": st.integers(1, 4),
        "stride": st.integers(1, 3),
        "validation_stride": st.integers(1, 4),
        "folds": st.integers(1, 3),
        "folds_end": st.sampled_from(["test", "validation"]),
        "fold_steps": st.sampled_from([None, 6, 9]),
        "missing": st.sampled_from(["drop", "forward"]),
        "fill_limit": st.integers(1, 3),
        "transform": st.sampled_from(["none", "log1p", "sqrt"]),
        "difference": st.sampled_from([0, 1, "seasonal"]),
        "scaler": st.sampled_from(
            ["standard", (0, 1), (-1, 1), (-2.5, -1)]
        ),  # of minmax, its range
        "channels": st.sampled_from(["independent", "joint"]),
        "normalise": st.sampled_from(["none", "last", "mean", "instance"]),
    }
)
VALIDATION, TEST = 46, 70  # where the two parts begin
FORWARD: dict[str, Any] = {"none": lambda y: y, "log1p": np.log1p, "sqrt": np.sqrt}
quickly = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("windows")


def params_of(shape: dict[str, Any]) -> dict[str, Any]:
    """As `cut` takes them."""
    bounds = shape["scaler"]
    if bounds == "standard":
        return shape
    return shape | {"scaler": "minmax", "scaler_range": bounds}


def positive(seed: int) -> pd.DataFrame:
    """The table with gaps, without values below 0, which a transform does not take."""
    frame = table(seed, gaps=True)
    frame[["a", "b"]] = frame[["a", "b"]].abs()
    return frame


def edges_of(shape: dict[str, Any]) -> list[int]:
    """The edges of the folds' blocks."""
    folds, steps = shape["folds"], shape["fold_steps"]
    end = {"test": TEST, "validation": VALIDATION}[shape["folds_end"]]
    if steps is not None:
        return list(range(end - folds * steps, end + 1, steps))
    return [end - 24 + 24 * k // folds for k in range(folds + 1)]


def as_bytes(folder: Path, part: Windows) -> bytes:
    part.save(folder / "part")
    return (folder / "part").read_bytes()


@quickly
@given(shape=SHAPES, seed=st.integers(0, 9), data=st.data())
def test_nothing_before_a_cut_sees_what_lies_after(folder, shape, seed, data):
    frame = positive(seed)
    other = frame.copy()
    column = data.draw(st.sampled_from(["a", "b", "x"]))
    last = frame[
        column
    ].last_valid_index()  # it stays: where a series ends decides where time is cut
    moment = data.draw(st.integers(15, last))
    blank = moment < last and not np.isnan(frame.loc[moment, column]) and data.draw(st.booleans())
    other.loc[moment, column] = np.nan if blank else 99.0
    try:
        before, after = (cut(folder, one, **params_of(shape))[0] for one in (frame, other))
    except ValueError:
        return  # too few windows: refused
    if moment >= TEST:
        assert as_bytes(folder, before) == as_bytes(folder, after)
    else:
        early = before.group_origin(np.arange(len(before.values)))[1] < moment
        np.testing.assert_array_equal(before.values[early], after.values[early])
        np.testing.assert_array_equal(before.levels[early], after.levels[early])
    if moment >= VALIDATION:
        np.testing.assert_array_equal(before.center, after.center)
        np.testing.assert_array_equal(before.scale, after.scale)
    edges = edges_of(shape)
    for k, (fold, changed) in enumerate(zip(before.folds[:-1], after.folds[:-1], strict=True)):
        if edges[k] <= moment:  # the training part of this fold lies before
            for name in ("train", "center", "scale"):
                np.testing.assert_array_equal(getattr(fold, name), getattr(changed, name))
        if edges[k + 1] <= moment:
            np.testing.assert_array_equal(fold.validation, changed.validation)


@quickly
@given(shape=SHAPES, seed=st.integers(0, 9))
def test_folds_are_apart_scalers_see_their_part_and_filled_values_are_never_scored(
    folder, shape, seed
):
    frame = positive(seed)
    try:
        development, test = cut(folder, frame, **params_of(shape))
    except ValueError:
        return
    horizon = shape["horizon"]
    lag = {"seasonal": 7}.get(shape["difference"], shape["difference"])
    fill = shape["fill_limit"] if shape["missing"] == "forward" else 0
    learnt = frame.copy()
    learnt[["a", "b"]] = FORWARD[shape["transform"]](frame[["a", "b"]])
    values, seen = model_scale(learnt, lag, fill)
    edges = edges_of(shape)
    stops, blocks = [*edges[:-1], TEST], [*pairwise(edges), (TEST, TEST)]
    for fold, stop, block in zip(development.folds, stops, blocks, strict=True):
        train, validation = (
            development.group_origin(rows)[1] for rows in (fold.train, fold.validation)
        )
        assert (train + horizon).max() < stop
        if len(validation):
            assert block[0] <= (validation + 1).min() <= (validation + horizon).max() < block[1]
            assert not ((validation + 1 - block[0]) % shape["validation_stride"]).any()
        standard = shape["scaler"] == "standard"
        kind = StandardScaler() if standard else MinMaxScaler(shape["scaler"])
        observed = np.where(np.column_stack([seen, ~np.isnan(values[:, 2])]), values, np.nan)
        fitted = kind.fit(observed[:stop])
        center, scale = (
            (fitted.mean_, fitted.scale_)
            if standard
            else (-fitted.min_ / fitted.scale_, 1 / fitted.scale_)
        )
        order = [0, 2, 1, 2] if shape["channels"] == "independent" else [0, 1, 2]
        np.testing.assert_allclose(fold.center.reshape(-1), center[order], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(fold.scale.reshape(-1), scale[order], rtol=1e-9)
    developed = [rows for f in development.folds for rows in (f.train, f.validation)]
    for part, every in ((development, developed), (test, [test.rows])):
        for rows in every:
            group, origin = part.group_origin(rows)
            for g, t in zip(group, origin + part.offset, strict=True):
                series = [g] if shape["channels"] == "independent" else [0, 1]
                assert seen[t + 1 : t + 1 + horizon, series].all()

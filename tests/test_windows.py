"""Windows against slices cut one by one; and the promises on time, by property."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from stages.artifacts.windows import Windows
from stages.params import ParameterError
from stages.prepare.params import PrepareParams
from stages.prepare.run import prepare
from stages.window.params import WindowParams
from stages.window.run import make_windows

STEPS = 90
SPLIT = {"validation": 24, "test": 20}


def table(seed: int = 0, gaps: bool = False) -> pd.DataFrame:
    """Two daily series and a covariate."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(5, 2, (STEPS, 3)).round(3), columns=["a", "b", "x"])
    frame.insert(0, "t", pd.date_range("2024-01-01", periods=STEPS).strftime("%Y-%m-%d"))
    if gaps:
        for column in ("a", "b", "x"):
            frame.loc[rng.choice(STEPS, 3, replace=False), column] = np.nan
    return frame


def cut(
    folder: Path, frame: pd.DataFrame, season: int | None = 7, **more
) -> tuple[Windows, Windows]:
    """From a CSV through both stages."""
    path = folder / "raw.csv"
    frame.to_csv(path, index=False)
    prepared = prepare(
        path, PrepareParams(path=str(path), time="t", covariates=("x",), frequency="D")
    )
    values = {"lookback": 6, "horizon": 3, "folds": 2, "split": SPLIT, **more}
    return make_windows(prepared, WindowParams(**values), season)


def model_scale(frame: pd.DataFrame, lag: int, fill: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, 3) of a, b, x by pandas alone, and which targets were observed."""
    filled = frame[["a", "b", "x"]].ffill(limit=fill) if fill else frame[["a", "b", "x"]]
    out, seen = filled.copy(), frame[["a", "b"]].notna()
    if lag:
        out[["a", "b"]] = filled[["a", "b"]].diff(lag)
        seen &= seen.shift(lag, fill_value=False)
    return out.to_numpy(), seen.to_numpy()


@pytest.mark.parametrize("channels", ["independent", "joint"])
@pytest.mark.parametrize("difference", [0, 1, "seasonal"])
@pytest.mark.parametrize(("missing", "fill"), [("drop", 0), ("forward", 2)])
@pytest.mark.parametrize("normalise", ["none", "last", "mean", "instance"])
def test_against_slices(tmp_path, channels, difference, missing, fill, normalise):
    frame = table(1, gaps=True)
    development, test = cut(
        tmp_path, frame, channels=channels, difference=difference, missing=missing,
        fill_limit=2, normalise=normalise, folds=1,
    )  # fmt: skip
    lag = {"seasonal": 7}.get(difference, difference)
    values, seen = model_scale(frame, lag, fill)
    groups = [[0], [1]] if channels == "independent" else [[0, 1]]
    begin = STEPS - SPLIT["test"]
    for part, first, stop in ((test, begin, STEPS), (development, 0, begin - SPLIT["validation"])):
        rows = part.rows if part is test else part.folds[0].train
        expected = []
        for g, own in enumerate(groups):
            columns = [*own, 2]
            for t in range(max(5, lag - 1), STEPS - 3):
                if t + 1 < first or t + 4 > stop:
                    continue
                window = values[t - 5 : t + 1, columns]
                known = (
                    frame[["a", "b"]].ffill(limit=fill).to_numpy()
                    if fill
                    else frame[["a", "b"]].to_numpy()
                )
                anchors = known[t - lag + 1 : t + 1, own] if lag else np.zeros(1)
                if np.isnan(window).any() or not seen[t + 1 : t + 4, own].all():
                    continue
                if not np.isnan(anchors).any():
                    expected.append((g, t, own, columns))
        group, origin = part.group_origin(rows)
        assert [(g, t + part.offset) for g, t in zip(group, origin, strict=True)] == [
            (g, t) for g, t, _, _ in expected
        ]
        scaler = part.folds[0] if part.folds else part
        x, y, shift, spread = part.batch(rows, scaler.center, scaler.scale)
        for i, (g, t, own, columns) in enumerate(expected):
            scaled = (values[:, columns] - scaler.center[g]) / scaler.scale[g]
            past, future = scaled[t - 5 : t + 1].copy(), scaled[t + 1 : t + 4, : len(own)]
            c = len(own)
            unit = {
                "none": (0, 1),
                "last": (past[-1, :c].copy(), 1),
                "mean": (past[:, :c].mean(0), 1),
                "instance": (past[:, :c].mean(0), np.sqrt(past[:, :c].var(0) + 1e-5)),
            }[normalise]
            past[:, :c] = (past[:, :c] - unit[0]) / unit[1]
            np.testing.assert_allclose(x[i], past, atol=1e-12)
            np.testing.assert_allclose(y[i], (future - unit[0]) / unit[1], atol=1e-9)
            observed = frame[["a", "b"]].to_numpy()[t + 1 : t + 4, own]
            np.testing.assert_array_equal(part.targets(rows[i : i + 1])[0], observed)
        back = part.undo(rows, y, scaler.center, scaler.scale, shift, spread)
        np.testing.assert_allclose(back, part.targets(rows), atol=1e-9)


@pytest.mark.parametrize("split", [SPLIT, {"validation": 24 / 90, "test": 20 / 90},
                                   {"validation": "2024-02-16", "test": "2024-03-11"}])  # fmt: skip
def test_splits_by_count_fraction_and_date_agree(tmp_path, split):
    development, test = cut(tmp_path, table(), split=split)
    assert development.values.shape[1] == 70
    assert development.train_end == 46
    assert len(test.rows) == 2 * (20 - 3 + 1)
    cutoff, ds = test.times(test.rows[:1])
    assert pd.Timestamp(ds[0, 0], unit="us") == pd.Timestamp("2024-03-11")
    assert pd.Timestamp(cutoff[0], unit="us") == pd.Timestamp("2024-03-10")


def test_stride_thins_training_alone(tmp_path):
    plain, thin = cut(tmp_path, table())[0], cut(tmp_path, table(), stride=4)[0]
    for one, other in zip(plain.folds, thin.folds, strict=True):
        assert -(-one.m // 4) <= other.m <= one.m // 4 + 2
        np.testing.assert_array_equal(one.validation, other.validation)


def test_size_does_not_grow_with_the_lookback(tmp_path):
    sizes = []
    for lookback in (2, 20):
        development, _ = cut(tmp_path, table(), lookback=lookback)
        development.save(tmp_path / "d")
        sizes.append((tmp_path / "d").stat().st_size)
    assert sizes[1] <= sizes[0] + 16  # a digit more in the header


def test_parameters_that_change_no_number_change_no_byte(tmp_path):
    found = set()
    same = {"validation": 24 / 90, "test": 20}
    for more in (
        {},
        {"missing": "drop"},
        {"missing": "forward"},
        {"fill_limit": 9},
        {"split": same},
    ):
        for part, name in zip(cut(tmp_path, table(), **more), "dt", strict=True):
            part.save(tmp_path / name)
        found.add((tmp_path / "d").read_bytes() + (tmp_path / "t").read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"missing": "error"}, "has 3 gaps, the first at"),
        ({"missing": "drop", "lookback": 60}, "holds no whole window of window.lookback = 60"),
        ({"missing": "drop", "horizon": 21}, "holds no whole window"),
        ({"missing": "drop", "split": {"validation": 60, "test": 30}}, "leaves 0 of 90 steps"),
        ({"missing": "drop", "split": {"validation": 1, "test": 30}}, "window.folds = 2 exceeds"),
        ({"missing": "drop", "split": {"validation": 20, "test": "2031-01-01"}}, "must lie after"),
        ({"missing": "drop", "split": {"validation": 20, "test": "soon"}}, "is no date"),
    ],
)
def test_what_cannot_be_cut_is_refused(tmp_path, more, words):
    with pytest.raises(ParameterError, match=words):
        cut(tmp_path, table(2, gaps=True), **more)


def test_a_seasonal_difference_needs_a_season(tmp_path):
    frame = table().assign(t=np.arange(STEPS))
    frame.to_csv(tmp_path / "raw.csv", index=False)
    prepared = prepare(tmp_path / "raw.csv", PrepareParams(path="raw.csv", time="t"))
    params = WindowParams(lookback=6, horizon=3, split=SPLIT, difference="seasonal")
    with pytest.raises(ParameterError, match=r"set evaluate\.season"):
        make_windows(prepared, params, None)


SHAPES = st.fixed_dictionaries(
    {
        "lookback": st.integers(1, 12),
        "horizon": st.integers(1, 4),
        "stride": st.integers(1, 3),
        "folds": st.integers(1, 3),
        "missing": st.sampled_from(["drop", "forward"]),
        "fill_limit": st.integers(1, 3),
        "difference": st.sampled_from([0, 1, "seasonal"]),
        "scaler": st.sampled_from(["standard", "minmax"]),
        "channels": st.sampled_from(["independent", "joint"]),
        "normalise": st.sampled_from(["none", "last", "mean", "instance"]),
    }
)
quickly = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("windows")


def as_bytes(folder: Path, part: Windows) -> bytes:
    part.save(folder / "part")
    return (folder / "part").read_bytes()


@quickly
@given(shape=SHAPES, seed=st.integers(0, 9), data=st.data())
def test_nothing_before_a_cut_sees_what_lies_after(folder, shape, seed, data):
    frame = table(seed, gaps=True)
    other = frame.copy()
    moment = data.draw(st.integers(46, STEPS - 1))  # from the validation part on
    column = data.draw(st.sampled_from(["a", "b", "x"]))
    old = other.loc[moment, column]
    other.loc[moment, column] = 99.0 if np.isnan(old) or data.draw(st.booleans()) else np.nan
    try:
        before, after = cut(folder, frame, **shape)[0], cut(folder, other, **shape)[0]
    except ParameterError:
        return  # too few windows: refused
    if moment >= 70:
        assert as_bytes(folder, before) == as_bytes(folder, after)
    else:
        np.testing.assert_array_equal(before.values[:, :moment], after.values[:, :moment])
        np.testing.assert_array_equal(before.levels[:, :moment], after.levels[:, :moment])
        np.testing.assert_array_equal(before.center, after.center)
    edges = [46 + 24 * k // shape["folds"] for k in range(shape["folds"] + 1)]
    for k, (one, two) in enumerate(zip(before.folds[:-1], after.folds[:-1], strict=True)):
        if edges[k] <= moment:  # the training part of this fold lies before
            for name in ("train", "center", "scale"):
                np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        if edges[k + 1] <= moment:
            np.testing.assert_array_equal(one.validation, two.validation)


@quickly
@given(shape=SHAPES, seed=st.integers(0, 9))
def test_folds_are_apart_scalers_see_their_own_and_filled_values_are_never_scored(
    folder, shape, seed
):
    frame = table(seed, gaps=True)
    try:
        development, test = cut(folder, frame, **shape)
    except ParameterError:
        return
    horizon = shape["horizon"]
    lag = {"seasonal": 7}.get(shape["difference"], shape["difference"])
    fill = shape["fill_limit"] if shape["missing"] == "forward" else 0
    values, seen = model_scale(frame, lag, fill)
    edges = [*(46 + 24 * k // shape["folds"] for k in range(shape["folds"])), 70]
    for fold, stop in zip(development.folds, edges, strict=True):
        train, validation = (
            development.group_origin(rows)[1] for rows in (fold.train, fold.validation)
        )
        assert (train + horizon).max() < stop
        if len(validation):
            assert (train + horizon).max() < (validation + 1).min()
        kind = StandardScaler() if shape["scaler"] == "standard" else MinMaxScaler()
        observed = np.where(np.column_stack([seen, ~np.isnan(values[:, 2])]), values, np.nan)
        fitted = kind.fit(observed[:stop])
        center, scale = (
            (fitted.mean_, fitted.scale_)
            if shape["scaler"] == "standard"
            else (fitted.data_min_, fitted.data_range_)
        )
        order = [0, 2, 1, 2] if shape["channels"] == "independent" else [0, 1, 2]
        np.testing.assert_allclose(fold.center.reshape(-1), center[order], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(fold.scale.reshape(-1), scale[order], rtol=1e-9)
    developed = [rows for f in development.folds for rows in (f.train, f.validation)]
    for part, every in ((development, developed), (test, [test.rows])):
        for rows in every:
            group, origin = part.group_origin(rows)
            for g, t in zip(group, origin + part.offset, strict=True):
                own = [g] if shape["channels"] == "independent" else [0, 1]
                assert seen[t + 1 : t + 1 + horizon, own].all()


def test_windows_survive_the_file(tmp_path):
    development, _ = cut(tmp_path, table(), channels="joint", normalise="last")
    development.save(tmp_path / "d")
    again = Windows.load(tmp_path / "d")
    assert again.layout == development.layout
    rows = again.folds[0].train
    for one, two in zip(
        again.batch(rows, again.center, again.scale),
        development.batch(rows, development.center, development.scale),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)
    assert isinstance(again.values, np.memmap)

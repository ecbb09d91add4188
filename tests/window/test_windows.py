"""Windows against slices cut one by one: splits, folds, strides, bytes, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.windows import Windows
from stages.params import ParameterError
from stages.prepare.params import PrepareParams
from stages.prepare.stage import prepare
from stages.window.params import Split, WindowParams
from stages.window.stage import make_windows
from tests.oracles import windows
from tests.oracles.windows import batch
from tests.support.cut_windows import SPLIT, STEPS, cut, model_scale, table


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
        for g, series in enumerate(groups):
            columns = [*series, 2]
            for t in range(max(5, lag - 1), STEPS - 3):
                if t + 1 < first or t + 4 > stop:
                    continue
                window = values[t - 5 : t + 1, columns]
                known = (
                    frame[["a", "b"]].ffill(limit=fill).to_numpy()
                    if fill
                    else frame[["a", "b"]].to_numpy()
                )
                anchors = known[t - lag + 1 : t + 1, series] if lag else np.zeros(1)
                if np.isnan(window).any() or not seen[t + 1 : t + 4, series].all():
                    continue
                if not np.isnan(anchors).any():
                    expected.append((g, t, series, columns))
        group, origin = part.group_origin(rows)
        assert [(g, t + part.offset) for g, t in zip(group, origin, strict=True)] == [
            (g, t) for g, t, _, _ in expected
        ]
        scaler = part.folds[0] if part.folds else part
        data = windows.scaled(part, scaler.center, scaler.scale, np.float64)
        x, y, units = data.windows(rows)
        x, y = (a.reshape(len(rows), -1, a.shape[1] // steps) for a, steps in ((x, 6), (y, 3)))
        for i, (g, t, series, columns) in enumerate(expected):
            scaled = (values[:, columns] - scaler.center[g]) / scaler.scale[g]
            past, future = scaled[t - 5 : t + 1].copy(), scaled[t + 1 : t + 4, : len(series)]
            c = len(series)
            unit = {
                "none": (0, 1),
                "last": (past[-1, :c].copy(), 1),
                "mean": (past[:, :c].mean(0), 1),
                "instance": (past[:, :c].mean(0), np.sqrt(past[:, :c].var(0) + 1e-5)),
            }[normalise]
            past[:, :c] = (past[:, :c] - unit[0]) / unit[1]
            np.testing.assert_allclose(x[i], past, atol=1e-12)
            np.testing.assert_allclose(y[i], (future - unit[0]) / unit[1], atol=1e-9)
            observed = frame[["a", "b"]].to_numpy()[t + 1 : t + 4, series]
            np.testing.assert_array_equal(part.targets(rows[i : i + 1])[0], observed)
        back = data.undo(rows, y, units)
        np.testing.assert_allclose(back, part.targets(rows), atol=1e-9)


@pytest.mark.parametrize("split", [SPLIT, {"validation": 24 / 90, "test": 20 / 90},
                                   {"validation": "2024-02-16", "test": "2024-03-11"}])  # fmt: skip
def test_splits_by_count_fraction_and_date_agree(tmp_path, split):
    development, test = cut(tmp_path, table(), split=split)
    assert np.diff(development.starts).tolist() == [70, 70]
    assert development.train_end == 46
    assert len(test.rows) == 2 * (20 - 3 + 1)
    cutoff, ds = test.times(test.rows[:1])
    assert pd.Timestamp(ds[0, 0], unit="us") == pd.Timestamp("2024-03-11")
    assert pd.Timestamp(cutoff[0], unit="us") == pd.Timestamp("2024-03-10")


@pytest.mark.parametrize("end", [80, "2024-03-21"])
def test_what_lies_after_the_end_is_not_used(tmp_path, end):
    frame = table()
    wild = frame.assign(late=np.where(np.arange(STEPS) < 82, np.nan, np.arange(STEPS)))
    wild.loc[80:, ["a", "b", "x"]] = 1e9
    expected = cut(tmp_path, frame[:80])
    for part, other in zip(cut(tmp_path, wild, split={**SPLIT, "end": end}), expected, strict=True):
        for name in ("values", "levels", "starts", "time", "rows", "center", "scale"):
            np.testing.assert_array_equal(getattr(part, name), getattr(other, name))
    (reason,) = cut(tmp_path, wild, split={**SPLIT, "end": end})[0].left_out.values()
    assert reason == f"it begins after window.split.end = {end!r}"


def test_an_end_outside_the_file_is_refused(tmp_path):
    with pytest.raises(
        ParameterError, match=r"window.split.end = 91 exceeds the 90 steps of the file"
    ):
        cut(tmp_path, table(), split={**SPLIT, "end": 91})
    with pytest.raises(
        ParameterError, match=r"window.split.end = '2031-01-01' must lie after 2024"
    ):
        cut(tmp_path, table(), split={**SPLIT, "end": "2031-01-01"})


def test_stride_thins_training_alone(tmp_path):
    plain, thin = cut(tmp_path, table())[0], cut(tmp_path, table(), stride=4)[0]
    for fold, thinned in zip(plain.folds, thin.folds, strict=True):
        assert -(-fold.m // 4) <= thinned.m <= fold.m // 4 + 2
        np.testing.assert_array_equal(fold.validation, thinned.validation)


def test_size_does_not_grow_with_the_lookback(tmp_path):
    sizes = []
    for lookback in (2, 20):
        development, _ = cut(tmp_path, table(), lookback=lookback)
        development.save(tmp_path / "d")
        sizes.append((tmp_path / "d").stat().st_size)
    assert sizes[1] <= sizes[0] + 16  # a digit more in the header


def test_parameters_that_change_no_number_change_no_byte(tmp_path):
    contents = set()
    same = {"validation": 24 / 90, "test": 20}
    for changes in (
        {},
        {"missing": "drop"},
        {"fill_limit": 9},
        {"split": same},
    ):
        for part, name in zip(cut(tmp_path, table(), **changes), "dt", strict=True):
            part.save(tmp_path / name)
        contents.add((tmp_path / "d").read_bytes() + (tmp_path / "t").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"missing": "error"}, "has 3 gaps, the first at"),
        ({"missing": "drop", "lookback": 60}, "holds no whole window of window.lookback = 60"),
        ({"missing": "drop", "horizon": 21}, "hold no window of horizon = 21"),
        ({"missing": "drop", "split": {"validation": 60, "test": 30}}, "leaves 0 of 90 steps"),
        ({"missing": "drop", "split": {"validation": 1, "test": 30}}, "folds = 2 blocks leave 0"),
        ({"missing": "drop", "split": {"validation": 20, "test": "2031-01-01"}}, "must lie after"),
        ({"missing": "drop", "split": {"validation": 20, "test": "soon"}}, "not a date"),
    ],
)
def test_what_cannot_be_cut_is_refused(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        cut(tmp_path, table(2, gaps=True), **changes)


def test_a_seasonal_difference_needs_a_season(tmp_path):
    frame = table().assign(t=np.arange(STEPS))
    frame.to_csv(tmp_path / "raw.csv", index=False)
    prepared = prepare(tmp_path / "raw.csv", PrepareParams(path="raw.csv", time="t"))
    params = WindowParams(lookback=6, horizon=3, split=Split(**SPLIT), difference="seasonal")
    with pytest.raises(ParameterError, match=r"set evaluate\.season"):
        make_windows(prepared, params, None)


@pytest.mark.parametrize("channels", ["independent", "joint"])
@pytest.mark.parametrize("difference", [0, 1, "seasonal"])
@pytest.mark.parametrize(("name", "transform"), [("log1p", np.log1p), ("sqrt", np.sqrt)])
def test_a_transform_is_that_of_the_files_values(tmp_path, name, transform, difference, channels):
    """All that networks see is as in a study of a file of transformed values; levels are the data's."""
    frame = table(1, gaps=True)
    frame[["a", "b"]] = frame[["a", "b"]].abs()
    frame.loc[frame.index[50], "a"] = 0.0
    other = frame.copy()
    other[["a", "b"]] = transform(frame[["a", "b"]])
    rules = {"missing": "forward", "difference": difference, "channels": channels, "folds": 1}
    plain, study, transformed = (
        cut(tmp_path, one, transform=kind, **rules)
        for one, kind in ((frame, "none"), (frame, name), (other, "none"))
    )
    for part, like, levels in zip(study, transformed, plain, strict=True):
        np.testing.assert_allclose(part.values, like.values, rtol=1e-15, atol=1e-15)
        for array in ("starts", "first", "rows"):
            np.testing.assert_array_equal(getattr(part, array), getattr(like, array))
        np.testing.assert_array_equal(part.levels, levels.levels)
        for fold, same in zip(part.folds, like.folds, strict=True):
            for array in ("train", "validation"):
                np.testing.assert_array_equal(getattr(fold, array), getattr(same, array))
            np.testing.assert_allclose(fold.center, same.center, rtol=1e-12)
            np.testing.assert_allclose(fold.scale, same.scale, rtol=1e-12)
    development = study[0]
    fold = development.folds[-1]
    data = windows.scaled(development, fold.center, fold.scale, np.float64)
    _, y, units = data.windows(fold.train)
    back = data.undo(fold.train, y, units)
    np.testing.assert_allclose(back, development.targets(fold.train), atol=1e-9)


@pytest.mark.parametrize("name", ["log1p", "sqrt"])
def test_a_transform_refuses_values_below_zero(tmp_path, name):
    frame = table()
    frame[["a", "b"]] = frame[["a", "b"]].abs()
    frame.loc[[80, 85], "b"] = [-0.25, -3.0]
    words = (
        f"window.transform = '{name}' takes values of 0 and more, but y of series 'b' is -0.25 at "
        r"2024-03-21 \(of 2 values below 0\); correct them, set window.transform to none, or take"
    )
    with pytest.raises(ParameterError, match=words):
        cut(tmp_path, frame, transform=name)
    frame["x"] = frame["x"] - 100  # a covariate may be anything
    frame[["a", "b"]] = frame[["a", "b"]].abs()
    cut(tmp_path, frame, transform=name)


@pytest.mark.parametrize("bounds", [(-1, 1), (0, 2), (-3, -1)])
def test_minmax_takes_the_training_part_to_its_range(tmp_path, bounds):
    development, _ = cut(tmp_path, table(), scaler="minmax", scaler_range=bounds)
    stops = [46, 58, 70]
    for fold, stop in zip(development.folds, stops, strict=True):
        for group, line in enumerate(development.lines()):
            values = development.values[line][:stop]
            scaled = (values - fold.center[group]) / fold.scale[group]
            np.testing.assert_allclose(scaled.min(0), bounds[0], atol=1e-12)
            np.testing.assert_allclose(scaled.max(0), bounds[1], atol=1e-12)


def test_windows_survive_the_file(tmp_path):
    development, _ = cut(
        tmp_path, table(), channels="joint", normalise="last", scaler="minmax", scaler_range=(-1, 1)
    )
    development.save(tmp_path / "d")
    again = Windows.load(tmp_path / "d")
    assert again.layout == development.layout
    rows = again.folds[0].train
    for loaded, saved in zip(
        batch(again, rows, again.center, again.scale),
        batch(development, rows, development.center, development.scale),
        strict=True,
    ):
        np.testing.assert_array_equal(loaded, saved)
    assert isinstance(again.values, np.memmap)

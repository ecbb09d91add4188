"""Where the folds' blocks lie: before the test part, or inside the training part."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from stages.artifacts.windows import Fold, Windows
from stages.artifacts.yardstick import yardstick
from stages.evaluate.baselines.part import History
from stages.params import ParameterError
from stages.report.judging.intervals import ewc_se
from stages.report.judging.selection import path_of
from stages.window.summary import lines, summary
from tests.support.cut_windows import cut, table

VALIDATION, TEST = 46, 70  # where the two parts of the table begin


def blocks(windows: Windows) -> list[tuple[int, int]]:
    """The first and last target of each fold's validation windows."""
    origins = [windows.group_origin(fold.validation)[1] for fold in windows.folds[:-1]]
    return [(int(t.min()) + 1, int(t.max()) + windows.layout.horizon) for t in origins]


def same(fold: Fold, other: Fold) -> bool:
    parts = ("train", "validation", "center", "scale")
    return all(np.array_equal(getattr(fold, name), getattr(other, name)) for name in parts)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [(46, 57), (58, 69)]),
        ({"folds_end": "validation"}, [(22, 33), (34, 45)]),
        ({"fold_steps": 5}, [(60, 64), (65, 69)]),
        ({"fold_steps": 5, "folds_end": "validation"}, [(36, 40), (41, 45)]),
        ({"fold_steps": 15, "folds": 3}, [(25, 39), (40, 54), (55, 69)]),
    ],
)
def test_blocks_end_where_they_should_and_nothing_else_moves(tmp_path, changes, expected):
    plain, plain_test = cut(tmp_path, table())
    development, test = cut(tmp_path, table(), **changes)
    assert blocks(development) == expected
    for fold, (begin, _) in zip(development.folds[:-1], expected, strict=True):
        assert development.reach(fold.train) == begin  # trained up to its block
    assert same(plain.folds[-1], development.folds[-1])
    assert (plain.train_end, development.train_end) == (VALIDATION, VALIDATION)
    np.testing.assert_array_equal(plain.center, development.center)
    np.testing.assert_array_equal(plain.scale, development.scale)
    np.testing.assert_array_equal(plain_test.rows, test.rows)
    np.testing.assert_array_equal(plain_test.scale, test.scale)
    np.testing.assert_array_equal(yardstick(plain, 7).sigma, yardstick(development, 7).sigma)


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_folds_inside_the_training_part_are_those_of_a_study_that_ends_there(tmp_path, channels):
    """As if the training part were all there is, its last steps the validation part."""
    inside, _ = cut(tmp_path, table(), folds_end="validation", fold_steps=6, channels=channels)
    less, _ = cut(tmp_path, table(), split={"validation": 12, "test": 90 - 46}, channels=channels)
    for fold, expected in zip(inside.folds[:-1], less.folds[:-1], strict=True):
        for rows, others in ((fold.train, expected.train), (fold.validation, expected.validation)):
            pairs = zip(inside.group_origin(rows), less.group_origin(others), strict=True)
            assert all(np.array_equal(a, b) for a, b in pairs)
        np.testing.assert_array_equal(fold.center, expected.center)
        np.testing.assert_array_equal(fold.scale, expected.scale)


@pytest.mark.parametrize("final_fit", ["train", "train_and_validation"])
def test_a_validation_part_in_no_block_is_reported(tmp_path, final_fit):
    development, test = cut(tmp_path, table(), folds_end="validation", final_fit=final_fit)
    content = json.loads(json.dumps(summary(development, test)))
    trained = final_fit == "train_and_validation"
    assert content["parts"]["validation"]["used_for"] == (["final_fit"] if trained else [])
    assert content["folds"]["fold0"]["validation_first"] == "2024-01-23"
    assert content["folds"]["fold1"]["validation_last"] == "2024-02-15"
    assert "validation_first" not in content["folds"]["final"]
    (sentence,) = lines(content)
    end = "the final fit is trained on it" if trained else "no network is trained on it"
    assert sentence == f"The validation part is in no fold's block: it chooses no λ, and {end}."
    history = History(development, test, 7, np.ones(2, bool))
    assert history.tested.fit_end == (TEST if trained else VALIDATION)
    assert [part.fit_end for part in history.validation] == [22, 34]


def test_a_validation_part_with_a_block_in_it_is_not(tmp_path):
    content = summary(*cut(tmp_path, table(), fold_steps=15, folds=3, final_fit="train"))
    assert content["parts"]["validation"]["used_for"] == ["folds"]
    assert lines(content) == []


@pytest.mark.parametrize("stride", [2, 3, 5, 50])
def test_a_stride_thins_the_validation_windows_from_each_blocks_first_one_on(tmp_path, stride):
    plain, plain_test = cut(tmp_path, table())
    development, test = cut(tmp_path, table(), validation_stride=stride)
    for fold, whole in zip(development.folds[:-1], plain.folds[:-1], strict=True):
        for name in ("train", "center", "scale"):
            np.testing.assert_array_equal(getattr(fold, name), getattr(whole, name))
        groups = plain.group_origin(whole.validation)[0]
        expected = [whole.validation[groups == g][::stride] for g in (0, 1)]
        np.testing.assert_array_equal(fold.validation, np.concatenate(expected))
    np.testing.assert_array_equal(plain_test.rows, test.rows)
    several = stride < 10  # else each block has one origin
    assert development.validation_spacing == (stride if several else 1)
    assert summary(development, test)["validation_spacing"] == development.validation_spacing
    assert development.validation_overlap == (-(-3 // stride) if several else 3)
    ends = [[p.fit_end for p in History(w, test, 7, np.ones(2, bool)).validation]
            for w in (plain, development)]  # fmt: skip
    assert ends[0] == ends[1]  # baselines are fitted on the same steps


def test_losses_of_thinned_windows_depend_over_fewer_origins(tmp_path):
    """The standard error is that of the thinned losses with a horizon of two origins instead of three."""
    development, _ = cut(tmp_path, table(), folds=1, validation_stride=2)
    rows = development.folds[0].validation
    losses = np.random.default_rng(0).normal(size=(2, 1, len(rows))) ** 2
    fit: Any = SimpleNamespace(lambdas=(0.0, 1.0), window_losses={"mse": {"fold0": losses}})
    path = path_of(fit, development, "mse")
    of_series = losses.reshape(2, 2, -1).mean(1)  # both series have all origins
    other = 1 - path.minimum
    expected = ewc_se(of_series[other] - of_series[path.minimum], 2)
    np.testing.assert_allclose(path.se[other], expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"folds_end": "validation", "fold_steps": 30},
            r"window.folds = 2 blocks \(window.fold_steps = 30\) take 60 of the 46 steps before the "
            r"validation part \(window.folds_end\), so that 0 are left .*; lower window.fold_steps",
        ),
        (
            {"folds_end": "validation", "split": {"validation": 44, "test": 20}},
            r"window.fold_steps = null, as long together as the validation part\) take 44 of the 26 .*; set "
            "window.fold_steps, use fewer window.folds, or make the parts of window.split smaller",
        ),
        ({"fold_steps": 35}, "take 70 of the 70 steps before the test part"),
        (
            {"validation_stride": 50, "missing": "drop"},
            r"fold0's validation block .* without gaps, 50 steps apart \(window.validation_stride\)",
        ),
        ({"folds_end": "validation", "fold_steps": 22}, "fold0's training part .* no whole window"),
    ],
)  # fmt: skip
def test_blocks_that_do_not_fit_or_hold_no_window_are_refused(tmp_path, changes, words):
    frame = table()
    if "missing" in changes:
        frame.loc[VALIDATION + 1, ["a", "b"]] = np.nan
    with pytest.raises(ParameterError, match=words):
        cut(tmp_path, frame, **changes)


def test_a_block_shorter_than_the_horizon_is_refused(tmp_path):
    with pytest.raises(ValidationError, match="fold_steps = 2 steps hold no window of horizon = 3"):
        cut(tmp_path, table(), fold_steps=2)


def test_a_validation_part_without_blocks_may_be_shorter_than_a_horizon(tmp_path):
    split = {"validation": 2, "test": 20}
    development, _ = cut(tmp_path, table(), split=split, fold_steps=6, folds_end="validation")
    assert blocks(development) == [(56, 61), (62, 67)]

"""Series that open late, close early, or hold nothing to learn from: who takes part in which fold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.artifacts.windows import Windows
from stages.artifacts.yardstick import yardstick
from stages.params import ParameterError
from stages.train.planning.key import fold_digest
from stages.window.params import WindowParams
from stages.window.stage import make_windows
from stages.window.summary import lines, summary
from tests.oracles.windows import batch
from tests.support.synthetic_series import synthetic_series

STEPS, VALIDATION, TEST = 120, 30, 30  # training ends at 60, validation blocks are 60 … 75 … 90
LEAST = 4 + 2 * 2


def wave(steps: int = STEPS, seed: int = 0, level: float = 100.0, size: float = 5.0) -> np.ndarray:
    return level + size * np.random.default_rng(seed).normal(size=steps)


def cut(lives, **more) -> tuple[Windows, Windows]:
    covariates = more.pop("covariates", None)
    shared = more.pop("shared", False)
    values = {
        "lookback": 4, "horizon": 2, "folds": 2, "missing": "drop",
        "split": {"validation": VALIDATION, "test": TEST}, **more,
    }  # fmt: skip
    return make_windows(
        synthetic_series(lives, covariates, shared=shared), WindowParams(**values), 7
    )


def admitted(windows: Windows) -> dict[str, list[str]]:
    """Fold → the series that have a scale and windows in it; both must agree."""
    result = {}
    for fold in windows.folds:
        by_scale = [
            n
            for n, s in zip(windows.layout.series, fold.scale[:, 0], strict=True)
            if np.isfinite(s)
        ]
        rows = np.concatenate([fold.train, fold.validation])
        by_rows = {windows.layout.series[g] for g in windows.group_origin(rows)[0]}
        assert by_rows <= set(by_scale)
        result[fold.name] = by_scale
    return result


@pytest.mark.parametrize(
    ("begins", "folds"),
    [
        (0, ["fold0", "fold1", "final"]),
        (60 - LEAST, ["fold0", "fold1", "final"]),
        (60 - LEAST + 1, ["fold1", "final"]),  # one value too few before the first block
        (59, ["fold1", "final"]),
        (60, ["final"]),  # begins in the validation part: in no fold, whatever it has later
        (90 - LEAST, ["final"]),
        (90 - LEAST + 1, []),
        (95, []),
    ],
)
def test_a_late_series_is_admitted_by_its_training_part(begins, folds):
    development, test = cut({"a": (0, wave()), "late": (begins, wave(STEPS - begins, 1))})
    taken = admitted(development)
    assert [name for name, series in taken.items() if "late" in series] == folds
    assert all("a" in series for series in taken.values())
    content = summary(development, test)
    if not folds:
        assert f"fewer than {LEAST}" in development.left_out["late"]
        assert development.layout.series == ("a",)
        assert "late" in lines(content)[0]
    else:
        named = {name for name, fold in content["folds"].items() if "late" in fold["not_admitted"]}
        assert named == {"fold0", "fold1", "final"} - set(folds)
        ranked = "fold0" in folds
        assert content["test"]["not_ranked"] == ([] if ranked else ["late"])
        assert np.isfinite(development.scale[1, 0]) == ranked


def test_a_closed_series_trains_and_is_not_tested():
    development, test = cut({"a": (0, wave()), "closed": (0, wave(80, 1))})
    assert "closed" in admitted(development)["fold0"]
    assert set(test.group_origin(test.rows)[0]) == {0}
    ends = development.touched(development.folds[-1])
    assert ends[1].stop - ends[1].start == 80


def test_a_closed_series_does_not_see_the_test_part_of_another():
    """What lies in a test file of a series that ended before is nothing at all."""
    _, test = cut({"a": (0, wave()), "closed": (0, wave(80, 1))})
    assert np.diff(test.starts).tolist() == [TEST + 4, 0]


FLAT = {
    "constant": np.full(STEPS, 7.0),
    "zeros": np.zeros(STEPS),
    "short": wave(LEAST - 1),
    "rounding": 1e9 + 1e-3 * wave(STEPS, 3, 0.0, 1.0),  # varies in the last bits only
}


@pytest.mark.parametrize("kind", FLAT)
def test_a_needless_series_changes_nothing_for_the_others(kind):
    """Bit for bit: rows, scalers, and the digests that members are kept under."""
    lives = {"a": (0, wave()), "b": (10, wave(90, 1))}
    for extra in ({"x": (0, FLAT[kind])}, {"x": (400, FLAT[kind])}):
        first = {**extra, **lives} if kind == "zeros" else {**lives, **extra}
        (plain, plain_test), (wider, wider_test) = cut(lives), cut(first)
        assert set(wider.left_out) == {"x"}
        assert wider.layout.series == plain.layout.series
        for fold, same in zip(plain.folds, wider.folds, strict=True):
            assert fold_digest(plain, fold) == fold_digest(wider, same)
        np.testing.assert_array_equal(plain_test.rows, wider_test.rows)
        np.testing.assert_array_equal(plain_test.levels, wider_test.levels)


def test_a_series_that_is_flat_only_in_training_has_no_scale():
    """Zeros until a release: a scale of 1 would let its raw units decide."""
    released = np.concatenate([np.zeros(70), wave(50, 2, 1e6, 1e5)])
    development, test = cut({"a": (0, wave()), "new": (0, released)})
    taken = admitted(development)
    assert taken["fold0"] == ["a"]
    assert taken["fold1"] == ["a", "new"]
    assert summary(development, test)["test"]["not_ranked"] == ["new"]


@settings(max_examples=40, deadline=None)
@given(
    power=st.integers(-140, 140),
    shift=st.sampled_from([0.0, -3.0, 1e3]),
    scaler=st.sampled_from(["standard", "minmax"]),
    seed=st.integers(0, 3),
)
def test_units_and_levels_change_no_scaled_value(power, shift, scaler, seed):
    values = wave(STEPS, seed, 10.0, 2.0)
    other = (values + shift) * 10.0**power
    (first, _), (second, _) = (
        cut({"a": (0, v), "b": (20, v[20:])}, scaler=scaler, normalise="last")
        for v in (values, other)
    )
    assert first.left_out == second.left_out == {}
    for fold, same in zip(first.folds, second.folds, strict=True):
        np.testing.assert_array_equal(fold.train, same.train)
        x, y, _, _ = batch(first, fold.train, fold.center, fold.scale)
        x2, y2, _, _ = batch(second, same.train, same.center, same.scale)
        np.testing.assert_allclose(x2, x, atol=1e-9)
        np.testing.assert_allclose(y2, y, atol=1e-9)


def test_without_its_first_third_a_series_moves_no_other():
    lives = {"a": (0, wave()), "b": (0, wave(STEPS, 1))}
    (whole, _), (less, _) = cut(lives), cut(lives | {"b": (40, wave(STEPS, 1)[40:])})
    for fold, shorter in zip(whole.folds, less.folds, strict=True):
        np.testing.assert_array_equal(fold.center[0], shorter.center[0])
        for rows, fewer in ((fold.validation, shorter.validation), (fold.train, shorter.train)):
            group, origin = whole.group_origin(rows)
            group2, origin2 = less.group_origin(fewer)
            np.testing.assert_array_equal(origin[group == 0], origin2[group2 == 0])
        assert fold.m > shorter.m


def test_a_covariate_that_does_not_vary_is_zero_whatever_comes_later():
    promotion = np.zeros(STEPS)
    promotion[[65, 80]] = 1e6  # none in the first fold's training part
    development, _ = cut({"a": (0, wave())}, covariates={"promotion": {"a": promotion}})
    first, later = development.folds[0], development.folds[1]
    assert first.scale[0, 1] == np.inf
    x, _, _, _ = batch(development, first.validation, first.center, first.scale)
    assert not x[..., 1].any()
    assert np.isfinite(later.scale[0, 1])


def test_joint_channels_need_every_series():
    lives = {"a": (0, wave()), "b": (55, wave(65, 1))}
    with pytest.raises(ParameterError, match="b has 120 values that do not vary"):
        cut({"a": (0, wave()), "b": (0, np.full(STEPS, 3.0))}, channels="joint", folds=1)
    with pytest.raises(ParameterError, match="'b' begins after 'a' has ended"):
        cut({"a": (0, wave(50)), "b": (55, wave(65, 1))}, channels="joint")
    development, _ = cut(lives, channels="joint", split={"validation": 20, "test": 20}, folds=1)
    assert len(development.time) == 45  # the steps that both have


def test_memory_grows_with_the_values_and_not_with_the_dates():
    """Series that follow one another by millennia: no step is stored that no series lives through."""
    lives = {f"s{k}": (k * 400_000, wave(120, k)) for k in range(5)}
    development, _ = cut(lives)
    assert len(development.time) + TEST == 5 * 120
    assert len(development.values) == 5 * 120 - TEST
    assert admitted(development)["fold0"] == list(lives)


def test_a_hole_in_time_that_no_series_lives_through_parts_no_window():
    """On the compact time line a window stays within its series."""
    lives = {"a": (0, wave(100)), "b": (1000, wave(60, 1))}
    development, _ = cut(lives, split={"validation": 20, "test": 20}, folds=1)
    for fold in development.folds:
        _, targets = development.times(fold.train)
        assert (np.diff(targets, axis=1) == targets[0, 1] - targets[0, 0]).all()


def test_gaps_inside_are_refused_by_name_and_ends_are_none():
    values = wave(100, 1)
    cut({"a": (0, wave()), "b": (7, values)}, missing="error")
    values[40] = np.nan
    with pytest.raises(ParameterError, match="y of series 'b' has 1 gaps, the first at 1970-02-17"):
        cut({"a": (0, wave()), "b": (7, values)}, missing="error")


def test_nothing_left_is_one_sentence():
    with pytest.raises(
        ParameterError, match="no series can be trained on: series 'a' has 120 values"
    ):
        cut({"a": (0, np.zeros(STEPS)), "b": (0, np.ones(STEPS))})


def test_a_series_that_nothing_admits_moves_no_cut():
    """It reaches further than the others, and would be long enough in its whole life."""
    plain, _ = cut({"a": (0, wave())})
    wider, _ = cut({"a": (0, wave()), "b": (113, wave(30, 1))})
    assert list(wider.left_out) == ["b"]
    assert wider.layout.series == ("a",)
    assert (wider.train_end, len(wider.time)) == (plain.train_end, len(plain.time))


@pytest.mark.parametrize("difference", [0, 1, "seasonal"])
def test_the_yardstick_is_of_levels_whatever_networks_learn(difference):
    values = wave(STEPS, 4)
    values[[20, 33]] = np.nan
    development, _ = cut({"a": (0, values), "b": (9, wave(STEPS - 9, 5))}, difference=difference)
    yard = yardstick(development, 7)
    seen = values[:60]
    assert yard.sigma[0] == pytest.approx(np.nanstd(seen))
    assert yard.sigma[1] == pytest.approx(np.std(wave(STEPS - 9, 5)[:51]))
    steps = np.abs(seen[7:] - seen[:-7])
    assert yard.naive[0] == pytest.approx(np.nanmean(steps))

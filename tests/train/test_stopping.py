"""The epoch of early stopping: one for all networks of a cell at one λ."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.train.planning.stopping import best_epoch

NAN, INF = float("nan"), float("inf")


def test_the_mean_over_seeds_and_folds_by_their_windows_decides():
    # Two seeds in a fold of 3 windows, then in one of 1: means of the folds (3, 1, 2) and (1, 9, 2),
    # so (2.5, 3, 2) by windows and (2, 5, 2) where both have the same number.
    curves = [[5.0, 0.0, 3.0], [1.0, 2.0, 1.0], [1.0, 18.0, 2.0], [1.0, 0.0, 2.0]]
    assert best_epoch(curves, [3, 3, 1, 1]) == 3
    assert best_epoch(curves, [1, 1, 1, 1]) == 1  # the first of equal ones
    assert best_epoch(curves, [1, 1, 0, 0]) == 2  # a fold without windows has no say
    assert best_epoch([*curves[:2], [NAN] * 3, [NAN] * 3], [1, 1, 0, 0]) == 2


def test_only_epochs_that_all_have_reached_count():
    curves = [[4.0, 3.0, 2.0, 1.0], [4.0, 3.0, 5.0, NAN], [4.0, 3.0, INF, 0.0]]
    assert best_epoch(curves, [1, 1, 1]) == 2
    assert best_epoch(curves[:2], [1, 1]) == 2
    assert best_epoch(curves[:1], [1]) == 4


def test_none_where_there_is_none():
    assert best_epoch([[1.0, 2.0], [NAN, NAN]], [5, 5]) is None  # diverged in its first epoch
    assert best_epoch([[1.0, NAN], [NAN, 1.0]], [5, 5]) is None
    assert best_epoch([[1.0, 2.0]], [0]) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 6)), min_size=1, max_size=4
    ),  # windows of a fold, epochs that its networks reached
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_no_epoch_that_all_reached_has_a_lower_mean(folds, seeds, random):
    curves = [
        [[random.randint(0, 3) if e < reached else NAN for e in range(6)] for _ in range(seeds)]
        for _, reached in folds
    ]  # fmt: skip
    flat = [curve for fold in curves for curve in fold]
    windows = [count for count, _ in folds for _ in range(seeds)]
    epoch = best_epoch(np.array(flat), windows)
    total = sum(count for count, _ in folds)
    if total == 0:
        assert epoch is None
        return
    common = min(reached for count, reached in folds if count)
    means = [
        sum(Fraction(count, total) * Fraction(sum(int(curve[e]) for curve in fold), seeds)
            for (count, _), fold in zip(folds, curves, strict=True) if count)
        for e in range(common)
    ]  # fmt: skip
    assert epoch == means.index(min(means)) + 1

"""Verdicts on given losses: Holm's correction, pairs by cutoff, windows that do not match."""

from __future__ import annotations

import re

import numpy as np
import pytest

from stages.report.judging.comparisons import row
from stages.report.judging.verdicts import WindowLosses, judge


def losses(values: np.ndarray, series: str = "a") -> WindowLosses:
    return WindowLosses(np.full(values.size, series), np.arange(values.size), values)


def test_a_difference_that_holms_correction_takes_back_is_reported() -> None:
    rng = np.random.default_rng(8)
    base = losses(np.full(200, 1.0))
    clear = losses(0.96 + 0.2 * rng.normal(size=200))
    none = [losses(1 + 0.2 * rng.normal(size=200)) for _ in range(9)]
    alone = judge([("rnn", 1.0, "λ = 0", clear, base)], 1, 0.95)
    assert alone[0].word == "better"
    many = judge([("rnn", 1.0, "λ = 0", one, base) for one in [clear, *none]], 1, 0.95)
    assert many[0].word == "no difference shown"
    assert "not after Holm's correction" in many[0].sentence()


def test_joint_and_separate_forecasters_are_paired_by_cutoff() -> None:
    joint = losses(np.arange(1.0, 21.0), "")
    parts = [losses(joint.loss + shift, name) for name, shift in (("a", 1.0), ("b", 3.0))]
    both = WindowLosses(*(np.concatenate(c) for c in zip(*map(_columns, parts), strict=True)))
    (verdict,) = judge([("rnn", 1.0, "ridge", joint, both)], 2, 0.95)
    assert verdict.percent == pytest.approx(100 * -2 / both.loss.mean())
    assert verdict.horizons == 10


def _columns(one: WindowLosses) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return one.series, one.cutoff, one.loss


def test_other_windows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"different test windows \(20 and 19\)"):
        judge([("rnn", 1.0, "ridge", losses(np.ones(20)), losses(np.ones(19)))], 2, 0.95)


@pytest.mark.parametrize(
    ("one", "two", "word", "says"),
    [
        (1.0, 0.0, "worse", "rnn at λ = 1 is worse than ridge, whose test error is 0."),
        (0.0, 0.0, "no difference shown", "test error +0.0 %"),
        (np.inf, 1.0, "no difference shown", "no difference shown (too few finite losses)."),
        (1.0, np.nan, "no difference shown", "no difference shown (too few finite losses)."),
    ],
)
def test_a_share_of_zero_is_not_shown(one: float, two: float, word: str, says: str) -> None:
    noise = np.random.default_rng(1).uniform(0.9, 1.1, 60)
    with np.errstate(invalid="ignore"):
        pair = ("rnn", 1.0, "ridge", losses(one * noise), losses(two * noise))
    (verdict,) = judge([pair], 1, 0.95)
    assert verdict.word == word
    assert says in verdict.sentence()
    assert not re.search("nan|inf ", verdict.sentence())
    assert not re.search("nan|inf ", " ".join(row(verdict)))

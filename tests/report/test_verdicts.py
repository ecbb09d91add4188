"""Verdicts on given losses: the four words, Holm's correction, seeds, windows that do not match."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from stages.report.judging.contenders import Contender, WindowLosses, differences
from stages.report.judging.intervals import ewc_se, two_way
from stages.report.judging.verdicts import Pair, Verdict, decide, estimate
from stages.report.params import ReportParams
from stages.report.writing.verdict_words import row, sentence


def losses(values: np.ndarray, series: str = "a") -> WindowLosses:
    return WindowLosses(np.full(values.size, series), np.arange(values.size), values)


def contender(values: np.ndarray, name: str = "rnn", seeded: bool = True) -> Contender:
    """A cell whose seeds have losses (S, n), or one object of losses (n,)."""
    members = tuple(losses(row) for row in np.atleast_2d(values))
    return Contender(name, members, 1.0 if seeded else np.nan, seeded)


def judge(pairs: list[Pair], horizon: int = 1, **params: Any) -> tuple[Verdict, ...]:
    return decide(estimate(pairs, "mse", horizon, ReportParams(**params)))


def noisy(mean: float, noise: float, seeds: int = 3, n: int = 200, start: int = 0) -> np.ndarray:
    """(S, n) losses whose mean is `mean` exactly."""
    values = np.random.default_rng(start).normal(size=(seeds, n))
    return mean + noise * (values - values.mean())


ONE = contender(np.ones(200), "ridge", seeded=False)


@pytest.mark.parametrize(
    ("mean", "noise", "word"),
    [
        (0.8, 0.1, "better"),
        (1.2, 0.1, "worse"),
        (0.99, 0.02, "as good"),  # though p is far below .05
        (1.0, 1.0, "open"),
        (0.9, 1.0, "open"),
    ],
)
def test_the_four_words(mean: float, noise: float, word: str) -> None:
    (verdict,) = judge([(contender(noisy(mean, noise)), ONE)])
    assert verdict.word == word
    assert verdict.percent == pytest.approx(100 * (mean - 1))
    assert verdict.settled == (word in ("better", "worse"))
    text = sentence(verdict)
    expected = f"is {word} " if word != "open" else "is open: test MSE, best guess"
    assert expected in text
    assert "This test part shows true changes of" in text
    assert "% or more, four times in five; smaller ones are often missed." in text
    if word == "as good":
        assert verdict.p < 0.05
        assert -5 < verdict.low < verdict.high < 5
        assert "within ± 5 %" in text


def test_as_good_needs_the_whole_interval_within_the_relevance() -> None:
    pair = [(contender(noisy(0.97, 0.1)), ONE)]
    (verdict,) = judge(pair)
    assert verdict.word == "as good"
    reach = max(-verdict.low, verdict.high) / 100
    assert judge(pair, relevance=reach * 1.001)[0].word == "as good"
    assert judge(pair, relevance=reach * 0.999)[0].word == "better"


def test_holms_correction_is_over_the_family() -> None:
    rng = np.random.default_rng(8)
    clear = contender(0.965 + 0.3 * rng.normal(size=(3, 200)))
    none = [contender(1 + 0.3 * rng.normal(size=(3, 200))) for _ in range(9)]
    alone, many = judge([(clear, ONE)]), judge([(one, ONE) for one in [clear, *none]])
    adjusted = multipletests([v.p for v in many], method="holm")[1]
    np.testing.assert_allclose([v.adjusted for v in many], adjusted, rtol=1e-12)
    assert alone[0].p == many[0].p
    assert alone[0].p < 0.05 < many[0].adjusted
    assert (alone[0].word, many[0].word) == ("better", "open")


def test_below_ten_horizons_nothing_is_better_or_worse() -> None:
    pair = [(contender(noisy(0.5, 0.01, n=96)), contender(np.ones(96), "ridge", seeded=False))]
    assert judge(pair, horizon=9)[0].word == "better"
    (verdict,) = judge(pair, horizon=10)
    assert verdict.word == "open"
    assert verdict.p < 0.001
    assert "9.6 independent horizons are fewer than 10" in sentence(verdict)
    small = [(contender(noisy(1.0, 0.01, n=96)), contender(np.ones(96), "ridge", seeded=False))]
    assert judge(small, horizon=10)[0].word == "as good"


@pytest.mark.parametrize(
    ("seeds", "says"), [(1, "this trained network"), (2, "these trained networks")]
)
def test_with_fewer_than_three_seeds_a_question_stays_open(seeds: int, says: str) -> None:
    for mean in (0.5, 1.0):
        (verdict,) = judge([(contender(noisy(mean, 0.001, seeds)), ONE)])
        assert (verdict.word, verdict.seeds, verdict.lacks) == ("open", seeds, "seeds")
        assert f"This is about {says}; another start may differ." in sentence(verdict)
        assert row(verdict)[-1] == "open"


def test_an_ensemble_is_one_object() -> None:
    (verdict,) = judge([(contender(noisy(0.5, 0.1, 1), "rnn ensemble", seeded=False), ONE)])
    assert (verdict.word, verdict.seeds) == ("better", 0)


def test_seeds_that_differ_widen_the_interval() -> None:
    """By hand: V1 + V2 and Satterthwaite's degrees of freedom."""
    values = noisy(0.9, 0.2, 4) + np.array([-0.3, 0.0, 0.1, 0.2])[:, None]
    (verdict,) = judge([(contender(values), ONE)], horizon=5)
    d = values - 1
    terms = 13  # min(0.4 · 200^(2/3), 200 / 15)
    v1, v2 = ewc_se(d.mean(axis=0), 5) ** 2, d.mean(axis=1).var(ddof=1) / 4
    df = (v1 + v2) ** 2 / (v1**2 / terms + v2**2 / 3)
    half = 100 * stats.t.ppf(0.975, df) * np.sqrt(v1 + v2)
    assert (verdict.low, verdict.high) == pytest.approx((-10 - half, -10 + half))
    assert verdict.p == pytest.approx(2 * stats.t.sf(0.1 / np.sqrt(v1 + v2), df))
    detectable = (stats.t.ppf(0.975, df) + stats.t.ppf(0.8, df)) * np.sqrt(v1 + v2)
    assert verdict.detectable == pytest.approx(100 * detectable)
    assert verdict.lacks == "seeds"
    assert "What is lacking most is seeds" in sentence(verdict)


def test_seeds_are_paired_where_both_have_as_many() -> None:
    start = np.array([0.0, 1.0, 5.0])[:, None]  # what initial weights bring about cancels
    one, two = contender(noisy(1.0, 0.1) + start), contender(noisy(1.2, 0.1, start=1) + start)
    (part,) = differences(one, two)
    assert part.shape == (3, 200)
    assert part.mean(axis=1).std() < 0.05
    (verdict,) = judge([(one, two)])
    assert verdict.word == "better"


def test_other_numbers_of_seeds_are_two_samples() -> None:
    one, two = noisy(1.0, 0.1, 5), noisy(1.3, 0.1, 3, start=1)
    one, two = one + np.arange(5)[:, None] / 10, two + np.arange(3)[:, None] / 10
    interval = two_way(differences(contender(one), contender(two)), 1, 0.95)
    assert interval.mean == pytest.approx(one.mean() - two.mean())
    variances = [x.mean(axis=1).var(ddof=1) / len(x) for x in (one, two)]
    assert interval.seeds == pytest.approx(sum(variances))
    v1 = ewc_se(one.mean(axis=0) - two.mean(axis=0), 1) ** 2
    assert interval.windows == pytest.approx(v1)
    parts = v1**2 / interval.terms + variances[0] ** 2 / 4 + variances[1] ** 2 / 2
    assert interval.df == pytest.approx((v1 + sum(variances)) ** 2 / parts)


def test_joint_and_separate_forecasters_are_paired_by_cutoff() -> None:
    joint = losses(np.arange(1.0, 21.0), "")
    parts = [losses(joint.loss + shift, name) for name, shift in (("a", 1.0), ("b", 3.0))]
    both = WindowLosses(*(np.concatenate(c) for c in zip(*map(_columns, parts), strict=True)))
    (verdict,) = judge([(Contender("rnn", (joint,)), Contender("ridge", (both,)))], horizon=2)
    assert verdict.percent == pytest.approx(100 * -2 / both.loss.mean())
    assert verdict.horizons == 10


def _columns(one: WindowLosses) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return one.series, one.cutoff, one.loss


def test_other_windows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"different test windows \(20 and 19\)"):
        judge([(contender(np.ones(20)), contender(np.ones(19)))], horizon=2)


@pytest.mark.parametrize(
    ("one", "two", "word", "says"),
    [
        (1.0, 0.0, "worse", "rnn at λ = 1 is worse than ridge, whose test MSE is 0."),
        (0.0, 0.0, "as good", "test MSE +0.0 %"),
        (np.inf, 1.0, "open", "is open: too few finite losses."),
        (1.0, np.nan, "open", "is open: too few finite losses."),
    ],
)
def test_a_share_of_zero_is_not_shown(one: float, two: float, word: str, says: str) -> None:
    noise = np.random.default_rng(1).uniform(0.9, 1.1, 60)
    with np.errstate(invalid="ignore"):
        ridge = Contender("ridge", (losses(two * noise),))
        pair = (contender(np.tile(one * noise, (3, 1))), ridge)
    (verdict,) = judge([pair])
    assert verdict.word == word
    assert says in sentence(verdict)
    assert not re.search("nan|inf ", sentence(verdict))
    assert not re.search("nan|inf ", " ".join(row(verdict)))

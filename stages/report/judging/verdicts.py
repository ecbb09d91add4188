"""Is one forecaster better than another on the test part? Estimates in pairs, and the words that decide.

    as good        the interval lies within ± relevance, whatever p is
    better, worse  p, after Holm's correction over the questions of its family, is below 1 − confidence
    open           neither

The null hypotheses behind "as good" and behind "better" exclude each other, so each is tested at full level.
An
open question is no answer: the sentence says what this test part could have shown, and what is lacking.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stages.report.judging.contenders import Contender, differences
from stages.report.judging.intervals import Array, holm, two_way
from stages.report.judging.other_tests import block_bootstrap, diebold_mariano
from stages.report.judging.power import Needed, detectable, needed
from stages.report.params import ReportParams

SHORT = 10  # independent horizons below which nothing is called better or worse
FEW_SEEDS = 3  # below which other initial weights may decide otherwise
WORDS = ("better", "worse", "as good", "open")

Pair = tuple[Contender, Contender]


@dataclass(frozen=True)
class Verdict:
    """What a comparison of `cell` at `lam` with `against` says.

    Attributes:
        word: of WORDS; "" where the question was not asked before anything was seen.
        measure: of the losses, a name of MEASURES.
        percent, low, high: mean loss difference and its interval in per cent of the reference;
            negative is better.
        difference: its sign also where a share of the reference has no meaning.
        p, adjusted: two-sided p-value, and with Holm's correction over its family; NaN without one.
        horizons: n/H of the windows compared. seeds: of the networks compared; 0 where there are none.
        detectable: the change, in per cent of the reference, that this test part shows four times in five.
        needed: independent horizons that would show `relevance`; None where that cannot be estimated.
        lacks: "seeds" or "horizons", whichever brings more of the uncertainty.
        relevance: the change in per cent within which two are as good.
        diebold_mariano: p-value of that test. bootstrap: interval of a block bootstrap in per cent.
            Both are shown as well (see other_tests.py) and decide nothing; NaN where there is none.
    """

    cell: str
    lam: float
    against: str
    measure: str
    percent: float
    low: float
    high: float
    difference: float
    p: float
    confidence: float
    relevance: float
    horizons: float
    seeds: int
    detectable: float
    needed: Needed | None
    lacks: str
    diebold_mariano: float
    bootstrap: tuple[float, float]
    adjusted: float = math.nan
    word: str = ""

    @property
    def settled(self) -> bool:
        """Whether it says better or worse: what opens the next family."""
        return self.word in ("better", "worse")

    @property
    def measured(self) -> bool:
        """Whether there is an interval at all."""
        return math.isfinite(self.low)


def estimate(
    pairs: Sequence[Pair], measure: str, horizon: int, params: ReportParams
) -> tuple[Verdict, ...]:
    """Verdicts without a word: the difference of each pair, and how sure it is.

    Raises:
        ValueError: two contenders were not scored on the same windows.
    """
    if not pairs:
        return ()
    parts = [differences(one, two) for one, two in pairs]
    means = [np.sum([part.mean(axis=0) for part in of_pair], axis=0) for of_pair in parts]
    boot = block_bootstrap(np.stack(means), horizon, params.confidence)
    return tuple(
        _estimated(
            pair, measure, of_pair, horizon, params, diebold_mariano(mean, horizon), (low, high)
        )
        for pair, of_pair, mean, low, high in zip(pairs, parts, means, *boot, strict=True)
    )


def _estimated(
    pair: Pair,
    measure: str,
    parts: Sequence[Array],
    horizon: int,
    params: ReportParams,
    diebold_mariano: float,
    bootstrap: tuple[float, float],
) -> Verdict:
    """One verdict without a word; parts: as `differences` gives them. bootstrap: in the loss's unit."""
    one, two = pair
    interval, reference = two_way(parts, horizon, params.confidence), two.mean.mean_loss
    # A share of an error of 0 has no meaning, unless both errors are 0.
    scale = 100 / reference if reference > 0 else math.nan if interval.mean else 0.0
    seeds = min((each.seeds for each in pair if each.seeds), default=0)
    return Verdict(
        cell=one.name,
        lam=one.lam,
        against=two.label,
        measure=measure,
        percent=scale * interval.mean,
        low=scale * interval.low,
        high=scale * interval.high,
        difference=interval.mean,
        p=interval.p,
        confidence=params.confidence,
        relevance=100 * params.relevance,
        horizons=interval.n / horizon,
        seeds=seeds,
        detectable=scale * detectable(interval, params.confidence),
        needed=needed(interval, horizon, params.confidence, params.relevance * reference),
        lacks="seeds" if 0 < seeds < FEW_SEEDS or interval.seeds > interval.windows else "horizons",
        diebold_mariano=diebold_mariano,
        bootstrap=(scale * float(bootstrap[0]), scale * float(bootstrap[1])),
    )


def decide(family: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The same verdicts with their words, Holm's correction over all of them."""
    corrected = holm([verdict.p for verdict in family])
    judged = [replace(v, adjusted=p) for v, p in zip(family, corrected, strict=True)]
    return tuple(replace(verdict, word=_word(verdict)) for verdict in judged)


def _word(verdict: Verdict) -> str:
    if 0 < verdict.seeds < FEW_SEEDS:
        return "open"
    if -verdict.relevance < verdict.low and verdict.high < verdict.relevance:
        return "as good"
    if verdict.adjusted < 1 - verdict.confidence and verdict.horizons >= SHORT:
        return "better" if verdict.difference < 0 else "worse"
    return "open"

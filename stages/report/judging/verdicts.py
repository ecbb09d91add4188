"""Is one forecaster better than another on the test part? In pairs, by window, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.report.judging.intervals import Array, by_origin, ewc_interval, holm
from stages.report.judging.other_tests import block_bootstrap, diebold_mariano
from stages.report.writing.clock import utc

SHORT = 10  # independent horizons below which a test part can show little


@dataclass(frozen=True)
class WindowLosses:
    """Loss (N,) of each test window in scaled units, sorted by (series, cutoff).

    `series` is the window's unique_id, or empty where all series are forecast together. `cutoff` is its
    origin, in UTC where the data have a zone.
    """

    series: Array
    cutoff: Array
    loss: Array

    @classmethod
    def of(cls, rows: pd.DataFrame, measure: str) -> WindowLosses:
        """From rows with unique_id, cutoff and the measure, one per window."""
        ids = rows["unique_id"].astype("category").cat
        names = ids.categories.to_numpy(object)
        rank = np.argsort(np.argsort(names))[ids.codes]  # sorting numbers, not a million strings
        cutoff = utc(rows["cutoff"]).to_numpy()
        order = np.lexsort((cutoff, rank))
        return cls(
            np.sort(names)[rank[order]],
            cutoff[order],
            rows[measure].to_numpy(float)[order],
        )

    @classmethod
    def mean(cls, members: Sequence[WindowLosses]) -> WindowLosses:
        """The mean over members (seeds) of the loss of each window."""
        first = members[0]
        return cls(first.series, first.cutoff, np.mean([one.loss for one in members], axis=0))

    @property
    def mean_loss(self) -> float:
        return float(self.loss.mean())

    def over_series(self) -> WindowLosses:
        """The mean over the series at each cutoff."""
        times, slot, count = np.unique(self.cutoff, return_inverse=True, return_counts=True)
        return WindowLosses(
            np.full(times.size, ""), times, np.bincount(slot, self.loss, times.size) / count
        )


@dataclass(frozen=True)
class Verdict:
    """What a comparison of `cell` at `lam` with `against` says.

    Attributes:
        word: better, no difference shown, worse, or same (the chosen λ is 0 itself).
        percent, low, high: mean loss difference and its interval in per cent of the reference;
            negative is better.
        p, adjusted: two-sided p-value, and with Holm's correction over the study's verdicts.
        horizons: n/H of the windows compared.
        diebold_mariano: p-value of that test. bootstrap: interval of a block bootstrap in per cent.
            Both are shown as well (see other_tests.py) and decide nothing; NaN where there is none.
    """

    cell: str
    lam: float
    against: str
    word: str
    percent: float
    low: float
    high: float
    p: float
    adjusted: float
    confidence: float
    horizons: float
    diebold_mariano: float
    bootstrap: tuple[float, float]

    def sentence(self) -> str:
        """One sentence that a person can quote."""
        who = f"{self.cell} at λ = {self.lam:.4g}"
        if self.word == "same":
            return f"{self.cell}: the chosen λ is 0: nothing is penalised."
        if np.isnan(self.percent) and self.word != "no difference shown":
            return f"{who} is {self.word} than {self.against}, whose test error is 0."
        if not np.isfinite(self.low):
            return f"{who} against {self.against}: no difference shown (too few finite losses)."
        interval = f"{100 * self.confidence:g} % interval {self.low:+.1f} to {self.high:+.1f} %"
        size = f"test error {self.percent:+.1f} %, {interval}".replace("-", "−")
        basis = f"{self.horizons:.1f} independent horizons"
        if self.word != "no difference shown":
            return f"{who} is {self.word} than {self.against}: {size}, on {basis}."
        holm_note = "; not after Holm's correction" if self.p < 1 - self.confidence else ""
        return f"{who} against {self.against}: no difference shown ({size}, on {basis}{holm_note})."


Pair = tuple[str, float, str, WindowLosses, WindowLosses]


def judge(pairs: Sequence[Pair], horizon: int, confidence: float) -> tuple[Verdict, ...]:
    """Verdicts of one study, with Holm's correction over all that compare two different forecasters.

    Args:
        pairs: (cell, its λ, name of the reference, losses, losses of the reference).
        horizon: H.
        confidence: coverage of each interval; a verdict other than "no difference shown" needs
            an adjusted p-value below 1 - confidence.
    """
    if not pairs:
        return ()
    differences = [_paired(one, two) for *_, one, two in pairs]
    intervals = [ewc_interval(values, horizon, confidence) for values in differences]
    boot = block_bootstrap(np.stack(differences), horizon, confidence)
    same = [two is one for *_, one, two in pairs]
    adjusted = iter(holm([i.p for i, equal in zip(intervals, same, strict=True) if not equal]))
    verdicts = []
    for i, ((cell, lam, against, _, two), interval) in enumerate(
        zip(pairs, intervals, strict=True)
    ):
        p = 1.0 if same[i] else next(adjusted)
        reference = two.mean_loss
        # A share of an error of 0 has no meaning, unless both errors are 0.
        scale = 100 / reference if reference > 0 else float("nan") if interval.mean else 0.0
        word = "same" if same[i] else _word(interval.mean, p < 1 - confidence)
        verdicts.append(
            Verdict(
                *(cell, lam, against, word),
                *(scale * interval.mean, scale * interval.low, scale * interval.high),
                *(interval.p, p, confidence, interval.n / horizon),
                diebold_mariano(differences[i], horizon),
                (scale * float(boot[0][i]), scale * float(boot[1][i])),
            )
        )
    return tuple(verdicts)


def _word(mean: float, shown: bool) -> str:
    if not shown:
        return "no difference shown"
    return "better" if mean < 0 else "worse"


def _paired(one: WindowLosses, two: WindowLosses) -> Array:
    """(n,) loss differences, one per origin, in the order of time.

    Where only one of the two forecasts all series together, both are averaged over series first.

    Raises:
        ValueError: the two were not scored on the same windows.
    """
    if not np.array_equal(one.series, two.series):
        one, two = one.over_series(), two.over_series()
    if not np.array_equal(one.cutoff, two.cutoff):
        raise ValueError(
            f"two forecasters were scored on different test windows ({one.cutoff.size} and "
            f"{two.cutoff.size}); run the evaluate stage again"
        )
    with np.errstate(invalid="ignore"):  # a forecaster that diverged
        return by_origin(one.loss - two.loss, one.cutoff)[0]

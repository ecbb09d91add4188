"""Prediction intervals in words and numbers, for the page and report.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.forecast.calibration import MANY
from stages.report.judging.coverage import Coverage
from stages.report.study import Study
from stages.report.writing.numbers import measured, number


def head(levels: Sequence[float]) -> list[str]:
    """The columns of `row`."""
    inside = [f"inside {level:g} %" for level in levels]
    return ["forecaster", "λ", *inside, *(f"width {level:g} %" for level in levels), "CRPS"]


def row(one: Coverage) -> list[str]:
    """Shares inside with their intervals, widths and the CRPS, in the data's units."""
    shares = []
    for level, share in one.shares.items():
        off = one.off(level)
        span = f"{100 * max(share.low, 0):.0f} to {100 * min(share.high, 1):.0f}"
        shares.append(f"{100 * share.mean:.1f} % ({span}){f', too {off}' if off else ''}")
    widths = [measured(one.overall[f"width-{level:g}"]) for level in one.shares]
    return [one.name, number(one.lam), *shares, *widths, measured(one.overall["crps"])]


def shown(study: Study) -> list[Coverage]:
    """The forecaster that is served, the best cell and the best baseline, as far as they have intervals."""
    names = dict.fromkeys([study.leader.name, study.best.name, study.baseline or ""])
    return [study.coverages[name] for name in names if name in study.coverages]


def note(study: Study) -> str:
    """Where the intervals come from, and what the columns are."""
    first = next(iter(study.coverages.values())).intervals
    text = (
        f"From the errors of {first.windows} validation windows, by horizon step, {first.horizons:.1f} "
        "independent horizons; nothing of the test part is in them. "
    )
    if first.horizons < MANY:
        text += f"They are wider than those errors, since fewer than {MANY} horizons say little about tails. "
    if outside := first.extrapolated():
        listed = " and ".join(f"{level:g} %" for level in outside)
        text += f"There are too few windows for {listed}: the largest error seen is taken. "
    return text + (
        "Inside: the share of the test part's values in the interval, in brackets the plausible range "
        f"({100 * study.params.confidence:g} %). Width and CRPS (twice the mean pinball loss) in the data's "
        "units; of two forecasters whose shares are right the lower CRPS is better."
    )


def cautions(study: Study) -> list[str]:
    """Where the test part says that the intervals of the served forecaster are off."""
    if (one := study.coverages.get(study.leader.name)) is None:
        return []
    sentences = []
    for level, share in one.shares.items():
        if off := one.off(level):
            span = f"{100 * max(share.low, 0):.0f} to {100 * min(share.high, 1):.0f} %"
            sentences.append(
                f"The {level:g} % intervals of {one.name} are too {off}: they held {100 * share.mean:.0f} % "
                f"of the test part's values (plausible range {span})."
            )
    return sentences


def by_level(one: Coverage) -> tuple[np.ndarray, np.ndarray]:
    """Levels and shares inside, in per cent, ascending."""
    prefix = "coverage-"
    pairs = [
        (float(name.removeprefix(prefix)), 100 * value)
        for name, value in one.overall.items()
        if name.startswith(prefix)
    ]
    levels, shares = np.array(sorted(pairs)).T
    return levels, shares

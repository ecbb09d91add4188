"""How often prediction intervals hold what comes next, by simulation: a part of `benchmarks.coverage`.

Forecast errors of a series whose shocks are independent and normal, from neighbouring origins, so that they
share shocks: at step h the sum of the h shocks after the origin (`walk`), or that of an AR(1) of 0.8
(`ar_0.8`). Each calibration sees FOLDS blocks of ORIGINS origins; the share of all later errors inside its
bounds follows from the normal distribution, without a second simulation. `worst` is the mean over the worst 5
% of calibrations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from stages.artifacts.intervals import tails
from stages.forecast.calibration import calibrated
from stages.report.judging.intervals import Array

STEPS, FOLDS = 11, 3
LEVELS = (80.0, 95.0)
PHI = {"walk": 1.0, "ar_0.8": 0.8}
SLACK = 0.02  # that the mean coverage may lie below the level
WORST = 0.05


def errors(rng: np.random.Generator, phi: float, origins: int) -> Array:
    """(FOLDS · origins, STEPS) forecast errors of the blocks, one after another."""
    blocks = []
    for _ in range(FOLDS):
        shocks = rng.normal(size=origins + STEPS)
        ahead = np.lib.stride_tricks.sliding_window_view(shocks, STEPS)[:origins]
        weights = phi ** np.maximum(np.arange(STEPS)[:, None] - np.arange(STEPS), 0)
        blocks.append(ahead @ (np.tril(np.ones((STEPS, STEPS))) * weights).T)
    return np.concatenate(blocks)


def held(kind: str, origins: int, calibrations: int) -> dict[str, Any]:
    """Mean share inside for each level, and that of the worst calibrations."""
    rng, phi = np.random.default_rng([sorted(PHI).index(kind), origins]), PHI[kind]
    spread = np.sqrt(np.cumsum(phi ** (2 * np.arange(STEPS))))  # of the error at each step
    shares: dict[float, list[float]] = {level: [] for level in LEVELS}
    for _ in range(calibrations):
        blocks = errors(rng, phi, origins)
        series, horizons = np.zeros(len(blocks), np.int64), len(blocks) / STEPS
        one = calibrated("none", LEVELS, blocks, series, np.ones(1), horizons)
        assert one is not None, "errors are finite"
        for level, values in shares.items():
            low, high = (one.at(tau, np.zeros((1, STEPS)), one.size)[0] for tau in tails(level))
            values.append(float(np.mean(ndtr(high / spread) - ndtr(low / spread))))
    row: dict[str, Any] = {"errors": kind, "origins": origins}
    for level, values in shares.items():
        worst = np.sort(values)[: max(1, int(WORST * calibrations))]
        row[f"{level:g}"] = {
            "mean": round(float(np.mean(values)), 4),
            "worst": round(float(worst.mean()), 4),
        }
    return row


def broken(rows: list[dict[str, Any]]) -> list[str]:
    """The levels that are missed, a sentence each."""
    return [
        f"{level:g} % prediction intervals, {row['errors']}, {row['origins']} origins: "
        f"{row[f'{level:g}']['mean']:.3f} is below {level / 100 - SLACK:g}"
        for row in rows
        for level in LEVELS
        if row[f"{level:g}"]["mean"] < level / 100 - SLACK
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """The shares as aligned text."""
    lines = [
        f"{'errors':<8}{'origins':>8}"
        + "".join(f"{f'{level:g} % (worst)':>20}" for level in LEVELS)
    ]
    for row in rows:
        cells = [row[f"{level:g}"] for level in LEVELS]
        texts = [f"{100 * cell['mean']:.1f} % ({100 * cell['worst']:.1f})" for cell in cells]
        lines.append(
            f"{row['errors']:<8}{row['origins']:>8}" + "".join(f"{text:>20}" for text in texts)
        )
    return "\n".join(lines)

"""What a study's two questions say where the truth is known: Holm's correction, and the word "as good".

Each simulated study has three seeds, and two questions whose loss differences share the chosen cell's: (1)
against λ = 0, (2) against a baseline. `nothing`: both differences are 0; `baseline`: L2 does nothing, and
the baseline's error is lower by ten standard errors; `relevance`: the true difference is exactly what counts
as relevant.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.simulated import HORIZON, long_run_se, of_seeds
from stages.report.judging.intervals import Array, Interval, holm, two_way

SEEDS, SPREAD = 3, 0.5
LEVEL = 0.05
RELEVANCE = 4.0  # of the simulated studies, in standard errors of the windows' mean


def questions(rng: np.random.Generator, n: int, shift: float) -> tuple[Interval, Interval]:
    """Both questions of one study; the second difference has the mean `shift` (standard errors)."""
    first = of_seeds(rng, SEEDS, n, HORIZON, SPREAD)[0]
    other = of_seeds(rng, 1, n, HORIZON, 0.0)[0]  # a baseline has no seeds
    second = np.sqrt(0.5) * (first + other) + shift * long_run_se(n, HORIZON)
    return two_way([first], HORIZON, 1 - LEVEL), two_way([second], HORIZON, 1 - LEVEL)


def studies(size: int, replications: int) -> dict[str, Any]:
    """Shares of studies, at n/H = size."""
    rng, n = np.random.default_rng([7, size]), size * HORIZON
    nothing = np.array([_settled(*questions(rng, n, 0.0)) for _ in range(replications)])
    baseline = np.array([_settled(*questions(rng, n, 10.0)) for _ in range(replications)])
    at_edge = [two_way([_relevant(rng, n)], HORIZON, 1 - LEVEL) for _ in range(replications)]
    bound = RELEVANCE * long_run_se(n, HORIZON)
    return {
        "n/H": size,
        "nothing": {"holm": _any(nothing[:, 0]), "fixed_sequence": _any(nothing[:, 1])},
        "baseline": {"holm": _second(baseline[:, 0]), "fixed_sequence": _second(baseline[:, 1])},
        "as_good_at_relevance": float(
            np.mean([-bound < i.low and i.high < bound for i in at_edge])
        ),
    }


def _relevant(rng: np.random.Generator, n: int) -> Array:
    return of_seeds(rng, SEEDS, n, HORIZON, SPREAD)[0] + RELEVANCE * long_run_se(n, HORIZON)


def _settled(first: Interval, second: Interval) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Which questions are settled: under Holm, and in a fixed sequence that stops at the first open one."""
    by_holm = tuple(p < LEVEL for p in holm([first.p, second.p]))
    alone = first.p < LEVEL
    return by_holm, (alone, alone and second.p < LEVEL)


def _any(settled: Array) -> float:
    return round(float(settled.any(axis=1).mean()), 4)


def _second(settled: Array) -> float:
    return round(float(settled[:, 1].mean()), 4)


def family_table(rows: list[dict[str, Any]]) -> str:
    """The shares as aligned text."""
    names = ("false, Holm", "sequence", "baseline, Holm", "sequence", "as good at δ")
    widths = (14, 10, 16, 10, 14)
    head = "".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    lines = [f"{'n/H':>5}{head}"]
    for row in rows:
        values = [*row["nothing"].values(), *row["baseline"].values(), row["as_good_at_relevance"]]
        texts = [f"{100 * value:.1f} %" for value in values]
        cells = "".join(f"{text:>{width}}" for text, width in zip(texts, widths, strict=True))
        lines.append(f"{row['n/H']:>5}{cells}")
    return "\n".join(lines)

"""python -m benchmarks.coverage: how often a 95 % interval of a mean loss difference holds the truth.

Differences with mean 0, n of them for forecasts of H steps, of the kinds of benchmarks/simulated.py.
Intervals: `iid` (the textbook's t), `bootstrap` (circular blocks of 3 H), `dm_hln` (Diebold-Mariano,
Harvey-Leybourne-Newbold), `ewc` (the verdicts': B = max(2, min(0.4 n^(2/3), n/3H)) terms), and `ewc_2h` with
n/2H; `width` is the mean width against `iid`.

The second table is of standard errors, as the choice of λ needs them: of a mean over three folds of n
windows each, against the truth. `mean` is their mean in units of it, `miss` the root mean square of
their error; Newey-West has max(H - 1, 1.3 √n) lags, the rule of Lazarus et al. (2018).

The third is of means over windows and seeds, whose networks differ `spread` times as much as windows:
`two_way`, the verdicts' interval, and `windows`, which leaves the seeds out. The fourth is of families
(benchmarks/families.py). The fifth is of prediction intervals (benchmarks/interval_coverage.py).

What the project promises is checked: the command fails where a share lies outside its bounds.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from benchmarks import interval_coverage
from benchmarks.families import family_table, studies
from benchmarks.simulated import HORIZON, KINDS, of_seeds
from stages.report.judging.intervals import Array, cosine_terms, ewc_se, two_way
from stages.report.judging.other_tests import block_bootstrap, diebold_mariano
from stages.report.judging.verdicts import FEW_SEEDS

SIZES = (4, 10, 20, 40, 80)  # n/H
FOLDS, FOLD_SIZES = 3, (2, 5, 10)  # n/H of a validation block
SEEDS, SPREADS = (2, 3, 5), (0.5, 1.0, 2.0)
REPLICATIONS = 2000
ROUNDS = 10  # of REPLICATIONS each, for what is quick to compute
ORDER = ("iid", "bootstrap", "dm_hln", "ewc", "ewc_2h")
CONFIDENCE = 0.95


def ewc(values: Array, horizon: int, terms: int | None = None) -> tuple[Array, Array]:
    """(rows,) whether the equal-weighted cosine interval holds 0, and its width."""
    count = terms or cosine_terms(values.shape[1], horizon)
    half = stdtrit(count, (1 + CONFIDENCE) / 2) * ewc_se(values, horizon, count)
    return np.abs(values.mean(axis=1)) <= half, 2 * half


def iid(values: Array) -> tuple[Array, Array]:
    """(rows,) whether the textbook's t-interval holds 0, and its width."""
    n = values.shape[1]
    half = stdtrit(n - 1, (1 + CONFIDENCE) / 2) * values.std(axis=1, ddof=1) / math.sqrt(n)
    return np.abs(values.mean(axis=1)) <= half, 2 * half


def measure(kind: str, size: int, replications: int = REPLICATIONS) -> dict[str, Any]:
    """Share of intervals that hold the truth, and mean widths against iid.

    Those in closed form are computed ROUNDS times as often, which makes their share exact to ± 0.2 points.
    """
    rng = np.random.default_rng([sorted(KINDS).index(kind), size])
    n = size * HORIZON
    more = max(2, math.floor(min(0.4 * n ** (2 / 3), n / (2 * HORIZON)) + 1e-9))
    closed: dict[str, list[tuple[Array, Array]]] = {"iid": [], "ewc": [], "ewc_2h": []}
    for _ in range(ROUNDS):
        values = KINDS[kind](rng, replications, n, HORIZON)
        closed["iid"].append(iid(values))
        closed["ewc"].append(ewc(values, HORIZON))
        closed["ewc_2h"].append(ewc(values, HORIZON, more))
    low, high = block_bootstrap(values, HORIZON, CONFIDENCE)  # of the last round alone
    p = np.array([diebold_mariano(row, HORIZON) for row in values])
    share = {name: np.mean([held for held, _ in rounds]) for name, rounds in closed.items()}
    share |= {
        "bootstrap": np.mean((low <= 0) & (high >= 0)),
        "dm_hln": np.mean(p >= 1 - CONFIDENCE),
    }
    width = {name: np.mean([wide for _, wide in rounds]) for name, rounds in closed.items()}
    return {
        "errors": kind,
        "n/H": size,
        "coverage": {name: round(float(share[name]), 4) for name in ORDER},
        "width": {name: round(float(wide / width["iid"]), 2) for name, wide in width.items()},
    }


def newey_west(values: Array, lags: int) -> Array:
    """(rows,) Newey & West's (1987) standard error of the mean, with the factor n/(n - 1).

    se² = n/(n-1) · 1/n² · Σ_{|l| ≤ lags} (1 - |l|/(lags + 1)) Σ_t e_t e_{t-l}
    """
    n = values.shape[1]
    errors = values - values.mean(axis=1, keepdims=True)
    total = np.square(errors).sum(axis=1)
    for lag in range(1, lags + 1):
        product = (errors[:, lag:] * errors[:, :-lag]).sum(axis=1)
        total += 2 * (1 - lag / (lags + 1)) * product
    return np.asarray(np.sqrt(np.maximum(total, 0) / (n * (n - 1))))


def fold_errors(kind: str, size: int, replications: int = REPLICATIONS) -> dict[str, Any]:
    """How near two standard errors of a mean over FOLDS folds come to the truth."""
    rng = np.random.default_rng([sorted(KINDS).index(kind), size, FOLDS])
    n = size * HORIZON
    lags = min(n - 1, max(HORIZON - 1, math.ceil(1.3 * math.sqrt(n))))
    folds = [KINDS[kind](rng, replications * ROUNDS, n, HORIZON) for _ in range(FOLDS)]
    truth = np.mean([fold.mean(axis=1) for fold in folds], axis=0).std()
    squares = {
        "newey_west": sum(newey_west(fold, lags) ** 2 for fold in folds),
        "ewc": sum(ewc_se(fold, HORIZON) ** 2 for fold in folds),
    }
    row: dict[str, Any] = {"errors": kind, "n/H": size}
    for name, square in squares.items():
        ratio = np.sqrt(square) / FOLDS / truth
        miss = np.sqrt(np.square(ratio - 1).mean())
        row[name] = {"mean": round(float(ratio.mean()), 3), "miss": round(float(miss), 3)}
    return row


def two_ways(seeds: int, size: int, spread: float, replications: int) -> dict[str, Any]:
    """Share of intervals that hold the truth where networks of several seeds differ."""
    rng = np.random.default_rng([seeds, size, int(10 * spread)])
    values = of_seeds(rng, seeds, size * HORIZON, HORIZON, spread, replications)
    both = [two_way([one], HORIZON, CONFIDENCE) for one in values]
    windows, _ = ewc(values.mean(axis=1), HORIZON)
    held = np.mean([interval.low <= 0 <= interval.high for interval in both])
    return {
        "seeds": seeds,
        "n/H": size,
        "spread": spread,
        "two_way": round(float(held), 4),
        "windows": round(float(windows.mean()), 4),
    }


def broken(results: dict[str, Any]) -> list[str]:
    """The promises that the results do not keep, a sentence each."""
    shares = []
    for row in results["rows"]:
        low = {"ma": 0.935, "ar": 0.925, "ma_0.8": 0.9, "ma_0.9": 0.85}[row["errors"]]
        shares.append(
            (f"ewc, {row['errors']}, n/H {row['n/H']}", row["coverage"]["ewc"], low, 0.975)
        )
    for row in results["seeds"]:
        if row["seeds"] < FEW_SEEDS:
            continue  # no word rests on it
        name = f"two-way, {row['seeds']} seeds, n/H {row['n/H']}, spread {row['spread']}"
        shares.append((name, row["two_way"], 0.925, 0.985))
    for row in results["families"]:
        name = f"n/H {row['n/H']}"
        shares.append((f"false claims under Holm, {name}", row["nothing"]["holm"], 0.0, 0.065))
        shares.append(
            (f"as good at the relevance, {name}", row["as_good_at_relevance"], 0.0, 0.035)
        )
    missed = interval_coverage.broken(results["prediction_intervals"])
    slack = 3 * math.sqrt(0.05 * 0.95 / results["replications"])  # of a share's own chance
    return [
        f"{name}: {share:.3f} is not within {low:g} to {high:g}"
        for name, share, low, high in shares
        if not low - slack <= share <= high + slack
    ] + missed


def error_table(rows: list[dict[str, Any]]) -> str:
    """The standard errors as aligned text."""
    names = ("newey_west", "ewc")
    lines = [f"{'errors':<8}{'n/H':>5}" + "".join(f"{name + ' mean (miss)':>26}" for name in names)]
    for row in rows:
        texts = [f"{row[name]['mean']:.2f} ({row[name]['miss']:.2f})" for name in names]
        lines.append(f"{row['errors']:<8}{row['n/H']:>5}" + "".join(f"{t:>26}" for t in texts))
    return "\n".join(lines)


def table(rows: list[dict[str, Any]]) -> str:
    """The coverages as aligned text."""
    names = list(rows[0]["coverage"])
    lines = [f"{'errors':<8}{'n/H':>5}" + "".join(f"{name:>11}" for name in names)]
    for row in rows:
        shares = "".join(f"{100 * row['coverage'][name]:>9.1f} %" for name in names)
        lines.append(f"{row['errors']:<8}{row['n/H']:>5}{shares}")
    return "\n".join(lines)


def seed_table(rows: list[dict[str, Any]]) -> str:
    """The coverages over seeds as aligned text."""
    lines = [f"{'seeds':>5}{'n/H':>5}{'spread':>8}{'two_way':>10}{'windows':>10}"]
    for row in rows:
        shares = "".join(f"{100 * row[name]:>8.1f} %" for name in ("two_way", "windows"))
        lines.append(f"{row['seeds']:>5}{row['n/H']:>5}{row['spread']:>8}{shares}")
    return "\n".join(lines)


def main() -> int:
    """Print the tables and write the numbers; 1 where a promise is broken."""
    parser = argparse.ArgumentParser(prog="benchmarks.coverage", description=__doc__.split("\n")[0])
    parser.add_argument("--replications", type=int, default=REPLICATIONS)
    out = Path(__file__).resolve().parent / "results" / "coverage.json"
    parser.add_argument("--out", type=Path, default=out)
    flags = parser.parse_args()
    if flags.replications < 1:
        parser.error(f"--replications {flags.replications} must be at least 1; 2000 is the default")
    rows = [measure(kind, size, flags.replications) for kind in KINDS for size in SIZES]
    print(
        f"Coverage of 95 % intervals, H = {HORIZON}, {flags.replications} replications "
        f"({ROUNDS} times as many of iid and ewc)"
    )
    print(table(rows))
    kinds = ("ma", "ar")
    errors = [fold_errors(kind, size, flags.replications) for kind in kinds for size in FOLD_SIZES]
    print(f"\nStandard errors of a mean over {FOLDS} folds, in units of the truth")
    print(error_table(errors))
    seeds = [
        two_ways(count, size, spread, flags.replications)
        for count in SEEDS for size in (5, 10, 40) for spread in SPREADS
    ]  # fmt: skip
    print("\nCoverage where networks of several seeds differ")
    print(seed_table(seeds))
    families = [studies(size, flags.replications) for size in (10, 40)]
    print(
        "\nStudies of two questions: false claims, the baseline's win, and as good where it is not"
    )
    print(family_table(families))
    predicted = [
        interval_coverage.held(kind, origins, flags.replications)
        for kind in interval_coverage.PHI
        for origins in (10, 20, 60)
    ]
    print(
        "\nShare inside prediction intervals, from three blocks of so many origins, 11 steps ahead"
    )
    print(interval_coverage.table(predicted))
    flags.out.parent.mkdir(parents=True, exist_ok=True)
    settings = {"horizon": HORIZON, "replications": flags.replications, "rounds": ROUNDS}
    results = settings | {
        "rows": rows, "standard_errors": errors, "seeds": seeds, "families": families,
        "prediction_intervals": predicted,
    }  # fmt: skip
    flags.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for sentence in broken(results):
        print(f"coverage: {sentence}", file=sys.stderr)
    return 1 if broken(results) else 0


if __name__ == "__main__":
    sys.exit(main())

"""How far two sets of a study's files are from each other: in bytes, in numbers, in weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from stages.artifacts.fits import load_fits
from stages.networks.losses import MEASURES
from stages.tracking.digests import flatten
from stages.tracking.lock import Lock


@dataclass(frozen=True)
class Distance:
    """One difference: what, and how large relative to the larger of the two (inf: not comparable)."""

    what: str
    relative: float

    def __str__(self) -> str:
        size = "not comparable" if np.isinf(self.relative) else f"by {self.relative:.2g} relative"
        return f"{self.what} differs {size}"


def differing(one: Lock, two: Lock) -> list[str]:
    """Outputs whose md5 differ, in the order of the stages."""
    paths = dict.fromkeys([*one.md5s, *two.md5s])
    order = {p: i for i, p in enumerate(p for s in one.stages.values() for p in _outs(s))}
    differ = [p for p in paths if one.md5s.get(p) != two.md5s.get(p)]
    return sorted(differ, key=lambda path: order.get(path, len(order)))


def _outs(stage: dict[str, list[dict[str, str]]]) -> list[str]:
    return [out["path"] for out in stage.get("outs", [])]


def distances(one: dict[str, Path], two: dict[str, Path]) -> list[Distance]:
    """Every weight matrix, score and metric that differs between two studies' files, by flag."""
    found = _metrics(one["report"] / "metrics.json", two["report"] / "metrics.json")
    found += _tables(one["report"] / "lambda_path.csv", two["report"] / "lambda_path.csv")
    found += _scores(one["scores"], two["scores"])
    return found + _weights(one["fits"], two["fits"])


def relative(one: np.ndarray, two: np.ndarray) -> float:
    """max |a − b| / max(|a|, |b|) over all elements; inf where shapes differ or one is not finite."""
    one, two = np.asarray(one, float), np.asarray(two, float)
    if one.shape != two.shape or not np.array_equal(np.isnan(one), np.isnan(two)):
        return float("inf")
    gap = np.abs(np.nan_to_num(one - two))
    size = np.nanmax(np.maximum(np.abs(one), np.abs(two)), initial=0.0)
    return float(gap.max(initial=0.0) / size) if size > 0 else 0.0


def _metrics(one: Path, two: Path) -> list[Distance]:
    first, second = (flatten(json.loads(p.read_text(encoding="utf-8"))) for p in (one, two))
    found = []
    for name in dict.fromkeys([*first, *second]):
        a, b = first.get(name), second.get(name)
        if a == b:
            continue
        numbers = isinstance(a, int | float) and isinstance(b, int | float)
        gap = relative(np.array([a]), np.array([b])) if numbers else float("inf")
        found.append(Distance(f"metric {name} ({a} → {b})", gap))
    return found


def _tables(one: Path, two: Path) -> list[Distance]:
    first, second = pd.read_csv(one), pd.read_csv(two)
    found = []
    for name in dict.fromkeys([*first, *second]):
        if name not in first or name not in second or len(first) != len(second):
            found.append(Distance(f"column {name} of {one.name}", float("inf")))
        elif not first[name].equals(second[name]):
            numbers = first[name].dtype.kind in "fi" and second[name].dtype.kind in "fi"
            both = (first[name].to_numpy(), second[name].to_numpy())
            gap = relative(*both) if numbers else float("inf")
            found.append(Distance(f"column {name} of {one.name}", gap))
    return found


def _scores(one: Path, two: Path) -> list[Distance]:
    found = []
    for path in sorted(one.glob("*.parquet")):
        other = two / path.name
        if not other.exists():
            found.append(Distance(f"scores {path.stem}", float("inf")))
            continue
        columns = [c for c in ("value", *MEASURES) if c in pq.read_schema(path).names]
        a, b = (pd.read_parquet(p, columns=columns) for p in (path, other))
        gap = max(relative(a[c].to_numpy(), b[c].to_numpy()) for c in columns)
        found += [Distance(f"scores {path.stem}", gap)] if gap else []
    return found


def _weights(one: Path, two: Path) -> list[Distance]:
    second = {fit.cell: fit for fit in load_fits(two)}
    found = []
    for fit in load_fits(one):
        other = second.get(fit.cell)
        same = other is not None and other.lambdas == fit.lambdas and other.seeds == fit.seeds
        if other is None or not same:
            found.append(Distance(f"grid of {fit.cell}", float("inf")))
            continue
        for i, lam in enumerate(fit.lambdas):
            gap = relative(fit.weights[:, i], other.weights[:, i])
            found += [Distance(f"weights of {fit.cell} at λ = {lam:g}", gap)] if gap else []
    return found

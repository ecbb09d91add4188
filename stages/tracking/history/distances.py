"""How far two sets of a study's files are from each other: in bytes, in numbers, in weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.artifacts.fits import load_fits
from stages.tracking.history.digests import flatten
from stages.tracking.history.lock import Lock


class Distance(NamedTuple):
    """One difference: what, and how large relative to the larger of the two (inf: not comparable)."""

    what: str
    relative: float

    def __str__(self) -> str:
        size = f"relative difference {self.relative:.2g}"
        return f"{self.what}: {'not comparable' if np.isinf(self.relative) else size}"


def differing(one: Lock, two: Lock) -> list[str]:
    """Outputs whose md5 differ, in the order of the stages."""
    order = [out["path"] for stage in one.stages.values() for out in stage.get("outs", [])]
    paths = dict.fromkeys([*order, *one.md5s, *two.md5s])
    return [path for path in paths if one.md5s.get(path) != two.md5s.get(path)]


def distances(one: dict[str, Path], two: dict[str, Path]) -> list[Distance]:
    """Every weight matrix, score and metric that differs between two studies' files, by flag."""
    metrics, table = "metrics.json", "lambda_path.csv"
    return [
        *_metrics(one["report"] / metrics, two["report"] / metrics),
        *_tables(one["report"] / table, two["report"] / table),
        *_scores(one["scores"], two["scores"]),
        *_weights(one["fits"], two["fits"]),
    ]


def relative(one: np.ndarray, two: np.ndarray) -> float:
    """max |a − b| / max(|a|, |b|) over all elements; inf where shapes differ or one is not finite."""
    one, two = np.asarray(one, float), np.asarray(two, float)
    if one.shape != two.shape or not np.array_equal(np.isnan(one), np.isnan(two)):
        return float("inf")
    gap = np.abs(np.nan_to_num(one - two))
    size = np.nanmax(np.maximum(np.abs(one), np.abs(two)), initial=0.0)
    return float(gap.max(initial=0.0) / size) if size > 0 else 0.0


def _metrics(one: Path, two: Path) -> Iterator[Distance]:
    first, second = (flatten(json.loads(p.read_text(encoding="utf-8"))) for p in (one, two))
    for name in dict.fromkeys([*first, *second]):
        a, b = first.get(name), second.get(name)
        if a != b:
            numbers = isinstance(a, int | float) and isinstance(b, int | float)
            gap = relative(np.array([a]), np.array([b])) if numbers else float("inf")
            yield Distance(f"metric {name} ({a} → {b})", gap)


def _tables(one: Path, two: Path) -> Iterator[Distance]:
    first, second = pd.read_csv(one), pd.read_csv(two)
    for name in dict.fromkeys([*first, *second]):
        a, b = first.get(name), second.get(name)
        if a is None or b is None or not a.equals(b):
            numbers = all(column is not None and column.dtype.kind in "fi" for column in (a, b))
            gap = relative(np.array(a), np.array(b)) if numbers else float("inf")
            yield Distance(f"column {name} of {one.name}", gap)


def _scores(one: Path, two: Path) -> Iterator[Distance]:
    for path in sorted(one.glob("*.parquet")):
        files, gap = [path, two / path.name], float("inf")
        schema = pq.read_schema(path)
        columns = [c.name for c in schema if pa.types.is_floating(c.type) and c.name != "lam"]
        if files[1].exists():
            a, b = (pd.read_parquet(file, columns=columns) for file in files)
            gap = max(relative(a[c].to_numpy(), b[c].to_numpy()) for c in columns)
        if gap:
            yield Distance(f"scores {path.stem}", gap)


def _weights(one: Path, two: Path) -> Iterator[Distance]:
    second = {fit.cell: fit for fit in load_fits(two)}
    for fit in load_fits(one):
        other = second.get(fit.cell)
        if other is None or (other.lambdas, other.seeds) != (fit.lambdas, fit.seeds):
            yield Distance(f"grid of {fit.cell}", float("inf"))
            continue
        for i, lam in enumerate(fit.lambdas):
            if gap := relative(fit.weights[:, i], other.weights[:, i]):
                yield Distance(f"weights of {fit.cell} at λ = {lam:g}", gap)
        if gap := relative(fit.stopped_weights, other.stopped_weights):
            yield Distance(f"weights of {fit.cell} at λ = 0, stopped early", gap)

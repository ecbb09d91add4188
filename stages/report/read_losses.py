"""The losses by window in data/scores: of networks and of baselines, of the test part and of validation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from stages.artifacts.scores import EARLY_STOPPED, ENSEMBLE
from stages.report.judging.contenders import Folds, WindowLosses


def of_members(scores: Path, cell: str, measure: str) -> dict[tuple[float, int], WindowLosses]:
    """Test losses of each member (lam, seed) of a cell."""
    rows = _read(scores / f"losses_{cell}.parquet", ["lam", "seed"], measure)
    return {
        (lam, seed): WindowLosses.of(one, measure)
        for lam, of_lam in _groups(rows, "lam")
        for seed, one in _groups(of_lam, "seed")
    }


def of_early_stopped(scores: Path, cell: str, measure: str) -> dict[int, WindowLosses]:
    """Test losses of a cell's networks of λ = 0 that were stopped early, by seed."""
    rows = _read(scores / f"losses_{EARLY_STOPPED}.parquet", ["cell", "seed"], measure)
    rows = rows[rows["cell"] == cell]
    return {seed: WindowLosses.of(one, measure) for seed, one in _groups(rows, "seed")}


def baseline_losses(scores: Path, measure: str) -> dict[str, WindowLosses]:
    """Test losses of each baseline."""
    rows = _read(scores / "losses_baselines.parquet", ["cell"], measure)
    return {name: WindowLosses.of(one, measure) for name, one in _groups(rows, "cell")}


def validated_members(
    scores: Path, cell: str, measure: str
) -> tuple[dict[float, Folds], dict[float, Folds]]:
    """Validation losses of each λ whose forecasts are kept: mean over seeds, and the ensemble's."""
    rows = _read(scores / f"validation_{cell}.parquet", ["lam", "seed", "fold"], measure)
    of_ensemble = rows["seed"] == ENSEMBLE
    members, ensembles = (
        {lam: _by_fold(one, measure) for lam, one in _groups(part, "lam")}
        for part in (rows[~of_ensemble], rows[of_ensemble])
    )
    return members, ensembles


def validated_baselines(scores: Path, measure: str) -> dict[str, Folds]:
    """Validation losses of each baseline that has any."""
    rows = _read(scores / "validation_baselines.parquet", ["cell", "seed", "fold"], measure)
    return {name: _by_fold(one, measure) for name, one in _groups(rows, "cell")}


def _by_fold(rows: pd.DataFrame, measure: str) -> Folds:
    return {
        fold: WindowLosses.mean([WindowLosses.of(one, measure) for _, one in _groups(part, "seed")])
        for fold, part in _groups(rows, "fold")
    }


def _groups(rows: pd.DataFrame, key: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Each value of the key with its rows, in their order."""
    yield from rows.groupby(key, sort=False)


def _read(path: Path, key: list[str], measure: str) -> pd.DataFrame:
    """The rows with their key as plain values."""
    columns = [*key, "unique_id", "cutoff", measure]
    rows: pd.DataFrame = pq.read_table(
        path, columns=columns, read_dictionary=["unique_id"]
    ).to_pandas()
    return rows.astype(dict.fromkeys({"cell", "fold"} & set(key), str))

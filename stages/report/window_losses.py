"""The losses by window in data/scores: of networks and of baselines, of the test part and of validation."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from stages.report.judging.verdicts import WindowLosses

TEST, VALIDATION = "losses", "validation"  # parts, as the files' names begin


def of_members(
    scores: Path, cell: str, measure: str, part: str = TEST, lam: float | None = None
) -> dict[tuple[float, int], WindowLosses]:
    """Losses of each member (lam, seed) of a cell; of one λ where it is given."""
    columns = ["lam", "seed", "unique_id", "cutoff", measure]
    path = scores / f"{part}_{cell}.parquet"
    rows = pq.read_table(path, columns=columns, read_dictionary=["unique_id"]).to_pandas()
    rows = rows if lam is None else rows[rows["lam"] == lam]
    groups = rows.groupby(["lam", "seed"], sort=False)
    return {(float(lam), int(seed)): WindowLosses.of(one, measure) for (lam, seed), one in groups}


def of_baselines(scores: Path, measure: str, part: str = TEST) -> dict[str, WindowLosses]:
    """Losses of each baseline that has any."""
    rows = pq.read_table(scores / f"{part}_baselines.parquet").to_pandas()
    groups = rows.groupby("cell", observed=True, sort=False)
    return {str(name): WindowLosses.of(one, measure) for name, one in groups}

"""What `prepare` hands on: the raw series on a regular grid, gaps marked, nothing filled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.artifacts.calendar import Calendar

FRAME, SUMMARY = "series.parquet", "summary.json"
PLANNED = "planned.parquet"
COVARIATE = "covariate:"  # before a covariate's name: no column of a file can collide with unique_id, ds or y


@dataclass(frozen=True)
class Series:
    """Long format, all series on one grid, each from its first to its last value.

    Attributes:
        frame: unique_id (str), ds (timestamp[us] or int64), y (float64, NaN at a gap), then a float64
            column `covariate:NAME` for each covariate; sorted by unique_id in order of appearance, then ds.
            np.unique(ds) is the time line: each series' rows are consecutive on it.
        summary: calendar (a `Calendar`'s fields), covariates, shared_covariates (one set for all series),
            series (for each unique_id, first, last, rows, gaps), left_out (name → reason, of series without a
            value), source (how the file was read, in words to be shown). future: the covariates, the last
            ones, that are known over the horizon; absent where there are none.
        planned: unique_id, ds and their columns, of rows after a series' last value; None where `future` is
            absent.
    """

    frame: pd.DataFrame
    summary: dict[str, Any]
    planned: pd.DataFrame | None = None

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        tables = {FRAME: self.frame} | ({} if self.planned is None else {PLANNED: self.planned})
        for name, frame in tables.items():
            table = pa.Table.from_pandas(frame, preserve_index=False)
            # pandas' own metadata names library versions, which would be in the bytes.
            pq.write_table(table.replace_schema_metadata(None), folder / name, compression="zstd")
        text = json.dumps(self.summary, indent=2, ensure_ascii=False)
        (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")

    @property
    def future(self) -> tuple[str, ...]:
        """Covariates that are known over the horizon."""
        return tuple(self.summary.get("future", ()))

    @property
    def calendar(self) -> Calendar:
        """How the steps of all series follow one another."""
        return Calendar(**self.summary["calendar"])

    @classmethod
    def load(cls, folder: Path) -> Series:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        planned = pq.read_table(folder / PLANNED).to_pandas() if "future" in summary else None
        return cls(pq.read_table(folder / FRAME).to_pandas(), summary, planned)

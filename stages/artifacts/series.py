"""What `prepare` hands on: the raw series on a regular grid, gaps marked, nothing filled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

FRAME, SUMMARY = "series.parquet", "summary.json"


@dataclass(frozen=True)
class Series:
    """Long format, all series on one grid.

    Attributes:
        frame: unique_id (str), ds (timestamp[us] or int64), y (float64, NaN at a gap), then a float64
            column for each covariate; sorted by unique_id in order of appearance, then ds.
        summary: frequency (a pandas alias, or the step of an integer index), time (`datetime` or
            `integer`), covariates, shared_covariates (one set for all series), and for each series
            unique_id, first, last, rows, gaps.
    """

    frame: pd.DataFrame
    summary: dict[str, Any]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        # pandas' own metadata names library versions, which would be in the bytes.
        pq.write_table(table.replace_schema_metadata(None), folder / FRAME, compression="zstd")
        text = json.dumps(self.summary, indent=2, ensure_ascii=False)
        (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Series:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        return cls(pq.read_table(folder / FRAME).to_pandas(), summary)

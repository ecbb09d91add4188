"""Real series to measure on: the included ones, and ETTh1 where RIDGELINE_BENCHMARK_DATA names its folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.studies import ROOT, cut_windows


@dataclass(frozen=True)
class RealSeries:
    """A series of a CSV file with a header.

    Attributes:
        title: for people. file: its name. included: whether the file is in this repository.
        prepare: what differs in the section `prepare`, without the path. season: in steps.
        rows: the first rows of the file that are used; None: all.
    """

    title: str
    file: str
    included: bool
    prepare: dict[str, Any]
    season: int
    rows: int | None = None

    @property
    def path(self) -> Path:
        return (ROOT / "data" / "raw" if self.included else external_folder()) / self.file

    @property
    def absent(self) -> str:
        """Why it can't be measured on; empty where it can."""
        if self.path.is_file():
            return ""
        return (
            f"{self.file} is not part of this repository; put it into a folder and set "
            "RIDGELINE_BENCHMARK_DATA to that folder"
        )

    def lines(self) -> list[str]:
        """The header, then the rows that are used."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return lines if self.rows is None else lines[: self.rows + 1]

    def write_study(
        self, folder: Path, changes: dict[str, dict[str, Any]], left_out: int = 0
    ) -> None:
        """Fill `folder` with the series without its first `left_out` rows, a params.yaml and windows.

        Args:
            changes: to sections of presets/sunspots.yaml.
        """
        folder.mkdir(parents=True)
        header, *rows = self.lines()
        text = "\n".join([header, *rows[left_out:]]) + "\n"
        (folder / "series.csv").write_text(text, encoding="utf-8")
        prepare = {"path": "series.csv", "format": "wide", **self.prepare}
        evaluate = {"season": self.season} | changes.get("evaluate", {})
        cut_windows(folder, {**changes, "prepare": prepare, "evaluate": evaluate})


def external_folder() -> Path:
    """Where series lie that this repository does not include."""
    return Path(os.environ.get("RIDGELINE_BENCHMARK_DATA") or ROOT / "tmp" / "data")


SUNSPOTS = RealSeries(
    "sunspots", "sunspots.csv", True,
    {"time": "year", "targets": ["sunspots"], "frequency": "YS"}, 11,
)  # fmt: skip
EL_NINO = RealSeries(
    "El Niño", "elnino.csv", True, {"time": "month", "targets": ["sst"], "frequency": "MS"}, 12
)
# The 20 months that published errors are of: 12 of training, 4 of validation, 4 of test, of 30 days each.
ETTH1 = RealSeries(
    "ETTh1, OT", "ETTh1.csv", False, {"time": "date", "targets": ["OT"], "frequency": "h"}, 24, 14400
)  # fmt: skip

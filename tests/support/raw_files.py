"""Raw files for tests of `prepare`: written, then read with parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.artifacts.series import Series
from stages.prepare.params import PrepareParams
from stages.prepare.stage import prepare

DAYS = [f"2024-01-{day:02d}" for day in range(1, 11)]


def rows(form: str, count: int = 10) -> str:
    """`count` lines of the form, in which {t} is a day and {i} counts from 1."""
    return "".join(form.format(t=DAYS[i], i=i + 1) + "\n" for i in range(count))


def prepared(folder: Path, data: str | bytes, name: str = "raw.csv", **params: Any) -> Series:
    """The series of a file with this content; by default wide, with the time column `t`."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return prepare(path, PrepareParams(**{"path": str(path), "time": "t", **params}))


def values(series: Series) -> dict[str, list[float]]:
    """Each series' values, in order of time."""
    frame = series.frame
    return {str(name): list(part["y"]) for name, part in frame.groupby("unique_id", sort=False)}

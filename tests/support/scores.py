"""The files of `evaluate` as frames."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def load_scores(folder: Path | str, name: str) -> pd.DataFrame:
    """Scores of a cell, or of "baselines"."""
    return pd.read_parquet(Path(folder) / f"{name}.parquet")


def load_losses(folder: Path | str, name: str, part: str = "losses") -> pd.DataFrame:
    """Losses by window of a cell, or of "baselines", with plain strings.

    part: "losses" of the test part, "validation" of the folds.
    """
    frame = pd.read_parquet(Path(folder) / f"{part}_{name}.parquet")
    return frame.astype(
        dict.fromkeys(frame.columns.intersection(["cell", "unique_id", "fold"]), "str")
    )

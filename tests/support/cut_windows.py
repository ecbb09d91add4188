"""A small table with gaps, cut through both stages; and the same on the model's scale, by pandas alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts.windows import Windows
from stages.prepare.params import PrepareParams
from stages.prepare.stage import prepare
from stages.window.params import WindowParams
from stages.window.stage import make_windows

STEPS = 90
SPLIT = {"validation": 24, "test": 20}


def table(seed: int = 0, gaps: bool = False) -> pd.DataFrame:
    """Two daily series and a covariate."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(5, 2, (STEPS, 3)).round(3), columns=["a", "b", "x"])
    frame.insert(0, "t", pd.date_range("2024-01-01", periods=STEPS).strftime("%Y-%m-%d"))
    if gaps:
        for column in ("a", "b", "x"):
            frame.loc[rng.choice(STEPS, 3, replace=False), column] = np.nan
    return frame


def cut(
    folder: Path, frame: pd.DataFrame, season: int | None = 7, **more
) -> tuple[Windows, Windows]:
    """From a CSV through both stages."""
    path = folder / "raw.csv"
    frame.to_csv(path, index=False)
    prepared = prepare(
        path, PrepareParams(path=str(path), time="t", covariates=("x",), frequency="D")
    )
    values = {"lookback": 6, "horizon": 3, "folds": 2, "split": SPLIT, **more}
    return make_windows(prepared, WindowParams(**values), season)


def model_scale(frame: pd.DataFrame, lag: int, fill: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, 3) of a, b, x by pandas alone, and which targets were observed."""
    filled = frame[["a", "b", "x"]].ffill(limit=fill) if fill else frame[["a", "b", "x"]]
    out, seen = filled.copy(), frame[["a", "b"]].notna()
    if lag:
        out[["a", "b"]] = filled[["a", "b"]].diff(lag)
        seen &= seen.shift(lag, fill_value=False)
    return out.to_numpy(), seen.to_numpy()

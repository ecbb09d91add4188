"""The series as arrays: gaps treated, differenced, arranged in groups. All of it looks back only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.series import Series
from stages.params import ParameterError
from stages.window.params import WindowParams


@dataclass(frozen=True)
class Panel:
    """values (G, T, F) model scale; levels (G, T, C) filled data units; observed (G, T, C) bool:
    whether a value may be a scored target; time (T,) int64."""

    values: np.ndarray
    levels: np.ndarray
    observed: np.ndarray
    time: np.ndarray
    names: tuple[str, ...]


def build_panel(series: Series, params: WindowParams, lag: int) -> Panel:
    """Arrange the series; `lag` is the difference's lag (0: no difference).

    Raises:
        ParameterError: there are gaps and window.missing is `error`.
    """
    frame, summary = series.frame, series.summary
    names = tuple(entry["unique_id"] for entry in summary["series"])
    covariates: list[str] = summary["covariates"]
    steps = len(frame) // len(names)
    raw = frame["y"].to_numpy().reshape(len(names), steps)
    extra = [frame[c].to_numpy().reshape(len(names), steps) for c in covariates]
    time = frame["ds"].iloc[:steps]
    if params.missing == "error":
        _refuse_gaps({"y": raw, **dict(zip(covariates, extra, strict=True))}, names, time)
    fill = params.fill_limit if params.missing == "forward" else 0
    level, extra = _fill(raw, fill), [_fill(e, fill) for e in extra]
    model, seen = level, ~np.isnan(raw)
    if lag:
        model = np.full_like(level, np.nan)
        model[:, lag:] = level[:, lag:] - level[:, :-lag]
        both = np.zeros_like(seen)
        both[:, lag:] = seen[:, lag:] & seen[:, :-lag]
        seen = both
    if params.channels == "joint":
        own = [e[:1] for e in extra] if summary["shared_covariates"] else _series_major(extra)
        values = np.concatenate([model, *own]).T[None]
        level, seen = level.T[None], seen.T[None]
    else:
        values = np.stack([model, *extra], axis=-1)
        level, seen = level[..., None], seen[..., None]
    return Panel(
        np.ascontiguousarray(values), np.ascontiguousarray(level), np.ascontiguousarray(seen),
        time.to_numpy().astype("int64"), names,
    )  # fmt: skip


def _series_major(extra: list[np.ndarray]) -> list[np.ndarray]:
    """Covariates (n, T) each → the first series' covariates, then the second's, …"""
    if not extra:
        return []
    return [np.stack(extra, axis=1).reshape(-1, extra[0].shape[1])]


def _fill(values: np.ndarray, limit: int) -> np.ndarray:
    """Carry the last value forward over at most `limit` steps of each row."""
    if not limit:
        return values
    return pd.DataFrame(values.T).ffill(limit=limit).to_numpy().T


def _refuse_gaps(columns: dict[str, np.ndarray], names: tuple[str, ...], time: Any) -> None:
    for column, values in columns.items():
        for name, row in zip(names, values, strict=True):
            gaps = np.flatnonzero(np.isnan(row))
            if len(gaps):
                raise ParameterError(
                    f"window.missing = 'error', but {column} of series {name!r} has {len(gaps)} gaps, the "
                    f"first at {time.iloc[gaps[0]]}; set window.missing to forward (filled from the past "
                    "over at most window.fill_limit steps) or drop (windows that touch a gap are left out)"
                )


def usable(panel: Panel, lookback: int, horizon: int, lag: int) -> np.ndarray:
    """(G, T) bool: origins whose inputs have no gap and whose targets were all observed. O(T)."""
    values, length = panel.values, panel.values.shape[1]
    found = np.zeros(values.shape[:2], bool)
    first, last = max(lookback, lag) - 1, length - horizon  # origins first … last − 1
    if first >= last:
        return found
    bad = _running(np.isnan(values))
    lost = _running(~panel.observed)
    gone = _running(np.isnan(panel.levels))
    origins = np.arange(first, last)
    found[:, first:last] = (
        (bad[:, origins + 1] == bad[:, origins + 1 - lookback])
        & (lost[:, origins + 1 + horizon] == lost[:, origins + 1])
        & (gone[:, origins + 1] == gone[:, origins + 1 - max(lag, 1)])
    )
    return found


def _running(flags: np.ndarray) -> np.ndarray:
    """Flags (G, T, X) → (G, T + 1): how many steps with any flag come before each step."""
    counts = np.zeros((flags.shape[0], flags.shape[1] + 1), np.int64)
    np.cumsum(np.logical_or.reduce(flags, axis=2), axis=1, out=counts[:, 1:])
    return counts

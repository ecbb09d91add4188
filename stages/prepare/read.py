"""The user's file → long rows (unique_id, ds, y, covariates), checked cell by cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from stages.params import ParameterError, nearest
from stages.prepare.params import PrepareParams


def read_long(path: Path, params: PrepareParams) -> pd.DataFrame:
    """Rows of all series in the file's order, ds as the file has it.

    Raises:
        ParameterError: a column is missing, or a cell is no finite number; says which.
    """
    frame = _read(path)
    if frame.empty:
        raise ParameterError(f"prepare.path = {str(path)!r} has no rows; name a file that has")
    long = _from_long(frame, params) if params.format == "long" else _from_wide(frame, params)
    for name in ("y", *params.covariates):
        long[name] = _numbers(long, name)
    return long


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except FileNotFoundError as error:
        raise ParameterError(
            f"prepare.path = {str(path)!r} is not there; paths are relative to the repository"
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        raise ParameterError(f"prepare.path = {str(path)!r} cannot be read: {error}") from error


def _need(frame: pd.DataFrame, names: list[str], key: str) -> None:
    known = [str(column) for column in frame.columns]
    for name in names:
        if name not in known:
            raise ParameterError(
                f"{key} = {name!r} is no column of the file; {nearest(name, known)}"
            )


def _from_wide(frame: pd.DataFrame, params: PrepareParams) -> pd.DataFrame:
    _need(frame, [params.time], "prepare.time")
    others = [str(c) for c in frame.columns if c != params.time and c not in params.covariates]
    targets = list(params.targets) or others
    _need(frame, targets, "prepare.targets")
    _need(frame, list(params.covariates), "prepare.covariates")
    if not targets:
        raise ParameterError("prepare.targets: the file has no column besides the time; name one")
    shared = {name: frame[name] for name in params.covariates}
    parts = [
        pd.DataFrame({"unique_id": name, "ds": frame[params.time], "y": frame[name], **shared})
        for name in targets
    ]
    return pd.concat(parts, ignore_index=True)


def _from_long(frame: pd.DataFrame, params: PrepareParams) -> pd.DataFrame:
    _need(frame, ["unique_id", "y"], "the long format's column")
    _need(frame, [params.time], "prepare.time")
    _need(frame, list(params.covariates), "prepare.covariates")
    columns = ["unique_id", params.time, "y", *params.covariates]
    long = frame[columns].rename(columns={params.time: "ds"})
    if long["unique_id"].isna().any():
        row = int(np.flatnonzero(long["unique_id"].isna())[0]) + 2
        raise ParameterError(f"unique_id is empty in line {row} of the file; fill it in")
    long["unique_id"] = long["unique_id"].astype(str)
    found = list(dict.fromkeys(long["unique_id"]))
    for name in params.targets:
        if name not in found:
            raise ParameterError(
                f"prepare.targets = {name!r} is no unique_id of the file; {nearest(name, found)}"
            )
    return long[long["unique_id"].isin(params.targets or found)].reset_index(drop=True)


def _numbers(long: pd.DataFrame, name: str) -> pd.Series:
    """The column as float64; empty cells are gaps (NaN)."""
    raw = long[name]
    numbers = pd.to_numeric(raw, errors="coerce").astype(float)
    wrong = (numbers.isna() & raw.notna()) | np.isinf(numbers)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ParameterError(
            f"{name} of {long['unique_id'].iloc[at]} at {long['ds'].iloc[at]} is {raw.iloc[at]!r}, no "
            "finite number; correct the cell, or leave it empty to mark a gap"
        )
    return numbers

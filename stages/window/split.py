"""Where time is cut: train, validation (in blocks) and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.params import ParameterError
from stages.window.params import Split


@dataclass(frozen=True)
class Cuts:
    """Steps: validation begins at `validation`, test at `test`; `blocks` are the edges of the validation
    blocks (folds + 1 of them, from `validation` to `test`)."""

    validation: int
    test: int
    blocks: tuple[int, ...]


def cut(time: np.ndarray, kind: str, split: Split, folds: int) -> Cuts:
    """Cut T steps chronologically.

    Raises:
        ParameterError: nothing is left of a part, or a date lies outside the series.
    """
    steps = len(time)
    test = steps - _length("test", split.test, time, kind, steps)
    validation = test - _length("validation", split.validation, time[:test], kind, steps)
    if validation < 2:
        raise ParameterError(
            f"window.split leaves {max(validation, 0)} of {steps} steps for training (validation = "
            f"{split.validation!r}, test = {split.test!r}); make the two parts smaller"
        )
    if test - validation < folds:
        raise ParameterError(
            f"window.folds = {folds} exceeds the {test - validation} steps of the validation part; "
            "use fewer folds or a longer part"
        )
    edges = [validation + (test - validation) * k // folds for k in range(folds + 1)]
    return Cuts(validation, test, tuple(edges))


def _length(name: str, part: float | int | str, time: np.ndarray, kind: str, steps: int) -> int:
    """Steps of a part that ends where `time` ends."""
    if isinstance(part, int):
        return part
    if isinstance(part, float):
        return max(1, round(part * steps))
    if kind != "datetime":
        raise ParameterError(
            f"window.split.{name} = {part!r} is a date, but the time index holds whole numbers; "
            "write a fraction or a count"
        )
    try:
        moment = pd.Timestamp(part)
    except ValueError as error:
        raise ParameterError(
            f"window.split.{name} = {part!r} is no date ({error}); write 2001-01-01, a fraction or a count"
        ) from error
    first = int(np.searchsorted(time, moment.value // 1000))
    if not 0 < first < len(time):
        begin, end = pd.to_datetime(time[[0, -1]], unit="us")
        raise ParameterError(
            f"window.split.{name} = {part!r} must lie after {begin} and not after {end}, where the part "
            "before it begins and ends; choose a date between"
        )
    return len(time) - first

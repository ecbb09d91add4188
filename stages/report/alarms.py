"""Losses that cannot be right: said before anything else, with the series that causes them.

Three signs, each of a cell at its chosen λ: its validation loss is WRONG times that of repeating the last
value on the same windows, or more; its test loss is, against the baseline repeat_last; or its test loss is
JUMP times its validation loss. A network that learnt nothing at all does far better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from stages.artifacts.windows import Fold, Windows
from stages.report.intervals import Array
from stages.report.verdicts import WindowLosses

if TYPE_CHECKING:
    from stages.report.study import Cell

WRONG, JUMP = 1e4, 100.0
BLOCK = 1 << 20  # targets held at a time


def alarms(
    cells: Sequence[Cell], windows: Windows, baselines: Mapping[str, WindowLosses]
) -> tuple[str, ...]:
    """A sentence for each sign; empty where all is well.

    Args:
        windows: the development part. baselines: name → test losses.
    """
    found = []
    for cell in cells:
        found += [_validation(cell, windows), *_test(cell, baselines.get("repeat_last"))]
    return tuple(sentence for sentence in found if sentence)


def _validation(cell: Cell, windows: Windows) -> str:
    folds = [fold for fold in windows.folds if fold.name in cell.fit.window_losses]
    naive = np.concatenate([repeated_last(windows, fold) for fold in folds]).mean()
    loss = float(cell.path.loss[cell.chosen])
    if not _times(loss, float(naive), WRONG):
        return ""
    losses = [cell.fit.window_losses[fold.name][cell.chosen].mean(axis=0) for fold in folds]
    series = np.concatenate([windows.group_origin(fold.validation)[0] for fold in folds])
    names: Array = np.array(windows.layout.series, object)[series]
    if windows.layout.channels == "joint":
        names = np.full(len(series), "")
    cause = _cause(names, np.concatenate(losses))
    compared = _compared(loss, float(naive), "that of repeating the last value on the same windows")
    return f"{_who(cell)}: the validation loss, {loss:.4g}, is {compared}{cause}."


def _test(cell: Cell, naive: WindowLosses | None) -> list[str]:
    """Against repeat_last, where there is that baseline, and against validation."""
    one, validation = cell.losses[cell.chosen], float(cell.path.loss[cell.chosen])
    loss = float(cell.test[cell.chosen])
    if not math.isfinite(loss):
        return [f"{_who(cell)}: the test loss is not a finite number: a network diverged."]
    cause, found = _cause(one.series, one.loss), []
    if naive is not None and _times(loss, float(naive.loss.mean()), WRONG):
        compared = _compared(loss, float(naive.loss.mean()), "repeat_last's")
        found.append(f"{_who(cell)}: the test loss, {loss:.4g}, is {compared}{cause}.")
    if _times(loss, validation, JUMP):
        compared = _compared(loss, validation, "the validation loss")
        found.append(f"{_who(cell)}: the test loss, {loss:.4g}, is {compared}{cause}.")
    return found


def repeated_last(windows: Windows, fold: Fold) -> Array:
    """(N,) loss of each validation window, in the fold's scaled units, where nothing changes any more.

    The forecast is the last value; of differences, which are what networks learn then, it is 0.
    """
    channels, horizon = windows.levels.shape[1], windows.layout.horizon
    differenced, losses = windows.layout.difference["order"] > 0, [np.empty(0)]
    step = max(1, BLOCK // (horizon * channels))
    for start in range(0, len(fold.validation), step):
        rows = np.asarray(fold.validation[start : start + step])
        targets = windows.values[rows[:, None] + np.arange(1, horizon + 1), :channels]  # (N, H, C)
        if not differenced:
            targets = targets - windows.values[rows][:, None, :channels]
        scale = fold.scale[windows.group_origin(rows)[0]][:, None, :channels]
        with np.errstate(over="ignore"):
            losses.append(np.square(targets / scale).mean(axis=(1, 2)))
    return np.concatenate(losses)


def _times(loss: float, reference: float, factor: float) -> bool:
    """Whether a loss is `factor` times a reference or more; no loss at all is never too much."""
    return loss > 0 and loss >= factor * reference


def _compared(loss: float, reference: float, what: str) -> str:
    """How many times the reference."""
    times = f"{loss / reference:.3g} times " if reference > 0 else "above "
    return f"{times}{what} ({reference:.4g})"


def _who(cell: Cell) -> str:
    return f"{cell.name} at λ = {cell.lam:.4g}"


def _cause(series: Array, losses: Array) -> str:
    """The series with the largest share of a sum of losses, where there are several."""
    names, places = np.unique(series.astype(str), return_inverse=True)
    if names.size < 2:
        return ""
    with np.errstate(over="ignore"):
        sums = np.bincount(places, losses / losses.max())
    worst = int(sums.argmax())
    return f"; {100 * sums[worst] / sums.sum():.3g} % of it comes from series {str(names[worst])!r}"

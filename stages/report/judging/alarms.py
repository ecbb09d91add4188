"""Losses that cannot be right: reported before anything else, with the series that causes them.

Three signs, each of a cell at its chosen λ: its validation loss is at least WRONG times that of repeating the
last value on the same windows; its test loss is at least WRONG times that of the baseline repeat_last; or its
test loss is at least JUMP times its validation loss. A network that learnt nothing at all does far better.

Test losses are in units of σ, each series' standard deviation in the split's training part, validation losses
in those of each fold's scaler. So the third sign compares both in σ, or, where a validation loss cannot be
given in σ, as multiples of the losses of repeating the last value. All of them are mean squared errors,
whatever loss the networks were trained on: WRONG and JUMP are factors of those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from stages.artifacts.windows import Fold, Windows
from stages.artifacts.yardstick import yardstick
from stages.report.judging.cell import Cell
from stages.report.judging.intervals import Array
from stages.report.judging.verdicts import WindowLosses

WRONG, JUMP = 1e4, 100.0
ALIKE = 0.01  # how far channels' factors may lie apart, as a share of their mean
BLOCK = 1 << 20  # targets held at a time


def alarms(cells: Sequence[Cell], windows: Windows, naive: WindowLosses | None) -> tuple[str, ...]:
    """A sentence for each sign; empty where all is well.

    Args:
        windows: the development part. naive: squared test errors of repeat_last, if it is a baseline.
    """
    sigma, sentences = yardstick(windows, None).sigma, []
    for cell in cells:
        sentences += [_validation(cell, windows), _test(cell, naive)]
        sentences.append(_jump(cell, windows, sigma, naive))
    return tuple(sentence for sentence in sentences if sentence)


def _validation(cell: Cell, windows: Windows) -> str:
    folds = _validated(cell, windows)
    naive = np.concatenate([repeated_last(windows, fold) for fold in folds]).mean()
    losses = np.concatenate([_losses(cell, fold) for fold in folds])
    loss = float(losses.mean())
    if not _times(loss, float(naive), WRONG):
        return ""
    series = np.concatenate([windows.group_origin(fold.validation)[0] for fold in folds])
    names: Array = np.array(windows.layout.series, object)[series]
    if windows.layout.channels == "joint":
        names = np.full(len(series), "")
    cause = _cause("validation", names, losses)
    what = f"that of {_repeating(windows)} on the same windows"
    compared = _compared(loss, float(naive), what)
    return f"{_who(cell)}: the validation MSE, {loss:.4g}, is {compared}{cause}."


def _test(cell: Cell, naive: WindowLosses | None) -> str:
    """The test loss that is not finite, or far above that of the baseline repeat_last, where there is one."""
    squared, loss = cell.squared, float(cell.squared.loss.mean())
    if not math.isfinite(loss):
        return f"{_who(cell)}: the test MSE is not a finite number: a network diverged."
    if naive is None or not _times(loss, float(naive.loss.mean()), WRONG):
        return ""
    compared = _compared(loss, float(naive.loss.mean()), "repeat_last's")
    cause = _cause("test", squared.series, squared.loss)
    return f"{_who(cell)}: the test MSE, {loss:.4g}, is {compared}{cause}."


def _jump(cell: Cell, windows: Windows, sigma: Array, naive: WindowLosses | None) -> str:
    """The test loss against the validation loss of the ranked series."""
    squared, loss = cell.squared, float(cell.squared.loss.mean())
    folds = _validated(cell, windows)
    groups = np.concatenate([windows.group_origin(fold.validation)[0] for fold in folds])
    ranked: Array = np.isfinite(sigma).reshape(len(windows.first), -1)
    kept = np.any(ranked, axis=1)[groups]
    if not math.isfinite(loss) or not kept.any():
        return ""
    losses = np.concatenate([_losses(cell, fold) for fold in folds])
    factors = [variances(windows, fold, sigma) for fold in folds]
    units = [factor for factor in factors if factor is not None]
    if len(units) == len(folds):
        with np.errstate(over="ignore", invalid="ignore"):
            jump = _above(loss, float((losses * np.concatenate(units))[kept].mean()))
    elif naive is None:
        return ""
    else:
        repeated = np.concatenate([repeated_last(windows, fold) for fold in folds])[kept].mean()
        validation = losses[kept].mean(), repeated, _repeating(windows)
        jump = _further_above(loss, naive.loss.mean(), *validation)
    return f"{_who(cell)}: {jump}{_cause('test', squared.series, squared.loss)}." if jump else ""


def _above(test: float, validation: float) -> str:
    """Of losses in one unit: how many times the validation loss the test loss is."""
    if not _times(test, validation, JUMP):
        return ""
    compared = _compared(test, validation, "the validation MSE", " in the same unit")
    return f"the test MSE, {test:.4g}, is {compared}"


def _further_above(
    test: float, repeat_last: float, validation: float, repeated: float, repeating: str
) -> str:
    """Of losses in different units: each as a multiple of a naive forecast's loss in the same unit."""
    if not (repeat_last > 0 and repeated > 0):
        return ""
    test, validation = test / repeat_last, validation / repeated
    if not _times(test, validation, JUMP):
        return ""
    return (
        f"the test MSE is {test:.3g} times repeat_last's, the validation MSE only {validation:.3g} times "
        f"that of {repeating} on its windows"
    )


def variances(windows: Windows, fold: Fold, sigma: Array) -> Array | None:
    """(N,) factors that convert each validation window's loss into units of σ²; NaN for a series without σ.

    A difference over a horizon or more has the same error as the level that it leads to. A loss of joint
    channels is their mean already, so that their units must agree.

    Returns:
        None where there is no such factor.
    """
    difference, channels = windows.layout.difference, windows.levels.shape[1]
    if difference["order"] and difference["lag"] < windows.layout.horizon:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        factors = np.square(fold.scale[:, :channels] / sigma.reshape(-1, channels))  # (G, C)
        if channels > 1 and not np.ptp(factors) <= ALIKE * factors.mean():
            return None
    return np.asarray(factors.mean(axis=1)[windows.group_origin(fold.validation)[0]])


def _validated(cell: Cell, windows: Windows) -> list[Fold]:
    return [fold for fold in windows.folds if fold.name in cell.fit.window_losses["mse"]]


def _losses(cell: Cell, fold: Fold) -> Array:
    """(N,) loss of each validation window at the chosen λ, mean over seeds."""
    return np.asarray(cell.fit.window_losses["mse"][fold.name][cell.chosen].mean(axis=0))


def _repeating(windows: Windows) -> str:
    """What `repeated_last` does, in words."""
    if windows.layout.difference["order"]:
        return "forecasting differences of 0"
    return "repeating the last value"


def repeated_last(windows: Windows, fold: Fold) -> Array:
    """(N,) loss of each validation window, in the fold's scaled units, of a forecast without any change.

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
    """Whether a loss is `factor` times a reference or more; a loss of 0 never is."""
    return loss > 0 and loss >= factor * reference


def _compared(loss: float, reference: float, what: str, unit: str = "") -> str:
    """How many times the reference."""
    times = f"{loss / reference:.3g} times " if reference > 0 else "above "
    return f"{times}{what} ({reference:.4g}{unit})"


def _who(cell: Cell) -> str:
    return f"{cell.name} at λ = {cell.lam:.4g}"


def _cause(what: str, series: Array, losses: Array) -> str:
    """The series with the largest share of the sum of `what` losses, where there are several."""
    names, of_name = np.unique(series.astype(str), return_inverse=True)
    if names.size < 2:
        return ""
    with np.errstate(over="ignore"):
        sums = np.bincount(of_name, losses / losses.max())
    worst = int(sums.argmax())
    share = f"{100 * sums[worst] / sums.sum():.3g} % of the {what} MSE"
    return f"; {share} comes from series {str(names[worst])!r}"

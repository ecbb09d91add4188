"""Losses that cannot be right: reported before anything else, with the series that causes them.

Three signs, each of a cell at its chosen λ: its validation loss is at least WRONG times that of the baseline
repeat_last; its test loss is at least WRONG times repeat_last's; its test loss is at least JUMP times its
validation loss. A network that learnt nothing at all does far better.

All are mean squared errors of the ranked series in one unit, each series' variance in the split's training
part, whatever loss the networks were trained on: WRONG and JUMP are factors of those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from stages.report.judging.cell import Cell
from stages.report.judging.contenders import WindowLosses

WRONG, JUMP = 1e4, 100.0


def alarms(
    cells: Sequence[Cell], validation: WindowLosses | None, test: WindowLosses | None
) -> tuple[str, ...]:
    """A sentence for each sign; empty where all is well.

    Args:
        validation, test: squared errors of repeat_last on the validation windows and on the test part, where
            it is a baseline there.
    """
    sentences = []
    for cell in cells:
        validated, tested = cell.validated_squared, cell.squared
        sentences.append(_sign(cell, "validation", validated, validation, "repeat_last's", WRONG))
        if math.isfinite(tested.mean_loss):
            sentences.append(_sign(cell, "test", tested, test, "repeat_last's", WRONG))
            sentences.append(_sign(cell, "test", tested, validated, "the validation MSE", JUMP))
        else:
            sentences.append(
                f"{_who(cell)}: the test MSE is not a finite number: a network diverged."
            )
    return tuple(sentence for sentence in sentences if sentence)


def _sign(
    cell: Cell, part: str, losses: WindowLosses | None, reference: WindowLosses | None, whose: str,
    factor: float,
) -> str:  # fmt: skip
    """The sentence where the loss is `factor` times the reference or more; a loss of 0 never is."""
    if losses is None or reference is None:
        return ""
    loss, other = losses.mean_loss, reference.mean_loss
    if not (loss > 0 and loss >= factor * other):
        return ""
    times = f"{loss / other:.3g} times " if other > 0 else "above "
    compared = f"{loss:.4g}, is {times}{whose} ({other:.4g})"
    return f"{_who(cell)}: the {part} MSE, {compared}{_cause(part, losses)}."


def _who(cell: Cell) -> str:
    return f"{cell.name} at λ = {cell.lam:.4g}"


def _cause(part: str, losses: WindowLosses) -> str:
    """The series with the largest share of the sum of the losses, where there are several."""
    names, of_name = np.unique(losses.series.astype(str), return_inverse=True)
    if names.size < 2:
        return ""
    with np.errstate(over="ignore"):
        sums = np.bincount(of_name, losses.loss / losses.loss.max())
    worst = int(sums.argmax())
    share = f"{100 * sums[worst] / sums.sum():.3g} % of the {part} MSE"
    return f"; {share} comes from series {str(names[worst])!r}"

"""What early stopping alone would have done at λ = 0: it regularises too, so L2 is compared with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.report.judging.cell import Cell
from stages.report.writing.loss_words import trained
from stages.report.writing.tables import over_folds


@dataclass(frozen=True)
class Stopped:
    """λ = 0 with each network taken at the epoch of its lowest validation loss.

    Attributes:
        loss: validation loss (mean over folds, weighted by windows, and over seeds), scaled units.
        difference: to the path's lowest loss.
        epochs: median of those epochs over folds and seeds. first, last: their range.
    """

    loss: float
    difference: float
    epochs: int
    first: int
    last: int


def stops_early(cell: Cell) -> bool:
    """Whether the cell's networks were trained with early stopping."""
    return cell.fit.config.get("patience") is not None


def stopped_at_zero(cell: Cell) -> Stopped | None:
    """The reference that early stopping gives, read off the validation curves.

    The epoch is chosen on the same windows that the loss is of, so the reference is a little flattered.
    The learning rate follows the whole schedule, as it does under `train.early_stopping`.

    Returns:
        None where the grid lacks λ = 0, a network has no finite validation loss, or λ is not judged by it.
    """
    fit, folds = cell.fit, cell.fit.validated
    if cell.zero is None or trained(fit) != cell.measure:
        return None
    curves = np.asarray(fit.validation_loss, float)[:, cell.zero]  # (folds, S, E)
    curves = np.where(np.isfinite(curves), curves, np.inf)
    lowest = curves.min(axis=2)
    if not np.isfinite(lowest[folds]).all():
        return None
    loss = float(over_folds(fit, lowest).mean())
    epochs = curves[folds].argmin(axis=2) + 1
    return Stopped(
        loss=loss,
        difference=loss - float(cell.path.loss[cell.path.minimum]),
        epochs=round(float(np.median(epochs))),
        first=int(epochs.min()),
        last=int(epochs.max()),
    )


def epochs_text(cell: Cell, lam_index: int) -> str:
    """Epochs of the final fit at a λ, with the range over the networks of the folds where they differ."""
    fit = cell.fit
    final = str(round(float(np.median(fit.epochs[-1, lam_index]))))
    tried = np.asarray(fit.epochs)[fit.validated, lam_index]
    return final if tried.min() == tried.max() else f"{final} ({tried.min()}–{tried.max()})"

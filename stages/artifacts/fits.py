"""What `train` hands on: one file for each cell, and the list of the study's cells."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts import container

_CURVES = ("train_loss", "validation_loss", "gradient_norm", "clipped")
_BY_MEMBER = ("epochs", "norms", "zeros", "spectral_radii", "state_gradients")


@dataclass(frozen=True)
class Fit:
    """All members of one cell: Λ values of λ, S seeds, the folds in the study's order, `final` last.

    Attributes:
        cell: its name in stages/networks/cells.py, or the label of the user's network.
        config: the architecture and the training settings, so that later stages need no `train` parameters.
        lambdas: ascending. seeds: S. folds: names. m: training windows of each fold (rows of the sum).
        weights: (folds, Λ, S, n) float32.
        epochs: (folds, Λ, S) int, as trained.
        train_loss, validation_loss: (folds, Λ, S, E) the loss without its penalty by epoch, as its measure in
            scaled units; training's is the mean over the epoch's steps. NaN where there is none.
        gradient_norm, clipped: (folds, Λ, S, E) mean norm of the penalised gradient, share of clipped steps.
        norms: (folds, Λ, S, 3) L2 norms of the input, recurrent and head weights; (folds, Λ, S, 1) of all
            matrices of a module. zeros: likewise, the share of them that is exactly 0 (NaN where a cell has
            no such weights).
        spectral_radii: (folds, Λ, S, layers, gates) of the recurrent matrix of each gate, see
            `Cell.recurrences`.
        state_gradients: (folds, Λ, S, 2, layers, steps) at the start (0) and the end (1) of training: root
            mean square over some training windows of ‖∂ℓ/∂h_t‖, ℓ the loss of a window in scaled
            units, h_t the hidden state after a step of the recurrence; linear and a module have none.
        train_losses: measure ("mse", "mae") → (folds, Λ, S) over the training windows, of the final weights.
        window_losses: measure → fold → (Λ, S, N) of each validation window.
            All losses are in scaled units of the split's training part.
        stopped_epochs: the epochs after which the validation loss of λ = 0 is lowest, mean over folds and
            seeds; 0 where there are no early-stopped networks: without λ = 0, under `train.early_stopping`,
            or where λ = 0 diverged at once.
        stopped_weights: (S, n) float32 of the early-stopped networks: the final fold's of λ = 0 as they were
            after `stopped_epochs` of their epochs; (0, n) where there are none.
    """

    cell: str
    config: dict[str, Any]
    lambdas: tuple[float, ...]
    seeds: int
    folds: tuple[str, ...]
    m: tuple[int, ...]
    weights: np.ndarray
    epochs: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    gradient_norm: np.ndarray
    clipped: np.ndarray
    norms: np.ndarray
    zeros: np.ndarray
    spectral_radii: np.ndarray
    state_gradients: np.ndarray
    train_losses: dict[str, np.ndarray]
    window_losses: dict[str, dict[str, np.ndarray]]
    stopped_epochs: int
    stopped_weights: np.ndarray

    @property
    def validated(self) -> list[int]:
        """Indices, in the first axis, of the folds that have validation windows."""
        losses = next(iter(self.window_losses.values()))
        return [k for k, name in enumerate(self.folds) if name in losses and losses[name].size]

    def save(self, path: Path) -> None:
        named = ("weights", "stopped_weights", *_CURVES, *_BY_MEMBER)
        arrays = {name: getattr(self, name) for name in named}
        arrays |= {f"train_losses/{name}": losses for name, losses in self.train_losses.items()}
        for name, folds in self.window_losses.items():
            arrays |= {f"window_losses/{name}/{fold}": losses for fold, losses in folds.items()}
        names = ("cell", "config", "lambdas", "seeds", "folds", "m", "stopped_epochs")
        container.save(path, arrays, {name: getattr(self, name) for name in names})

    @classmethod
    def load(cls, path: Path) -> Fit:
        """Arrays are memory maps.

        Raises:
            ValueError: the file is damaged, or from another version of the code.
        """
        arrays, meta = container.load(path)
        values: dict[str, Any] = {"train_losses": {}, "window_losses": {}} | meta
        values |= {name: tuple(meta[name]) for name in ("lambdas", "folds", "m")}
        for key, array in arrays.items():
            *folders, name = key.split("/")
            inner = values
            for folder in folders:
                inner = inner.setdefault(folder, {})
            inner[name] = array
        if set(values) != {part.name for part in fields(cls)}:
            raise ValueError(f"{path} is from another version of the code; run `dvc repro` again")
        return cls(**values)


def save_fits(folder: Path, fits: Iterable[Fit]) -> None:
    """One file a cell, and `cells.json` with the cells in the study's order."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = []
    for fit in fits:
        fit.save(folder / f"{fit.cell}.safetensors")
        cells.append(fit.cell)
    (folder / "cells.json").write_text(json.dumps(cells) + "\n", encoding="utf-8")


def complete(folder: Path) -> bool:
    """Whether all fits are there: `save_fits` writes the list last; DVC removes it before training."""
    return (folder / "cells.json").exists()


def load_fits(folder: Path) -> list[Fit]:
    """The fits that the study names, in its order; stray files are never read."""
    cells = json.loads((folder / "cells.json").read_text(encoding="utf-8"))
    return [Fit.load(folder / f"{cell}.safetensors") for cell in cells]

"""Means of a fit's numbers over its seeds and over its validated folds."""

from __future__ import annotations

import numpy as np

from stages.artifacts.fits import Fit
from stages.report.judging.intervals import Array


def over_folds(fit: Fit, values: Array) -> Array:
    """Mean over the validated folds of (folds, ...) values, weighted by validation windows."""
    return _weighted(fit, np.asarray(values, float)[fit.validated])


def _weighted(fit: Fit, values: Array) -> Array:
    """As `over_folds`, of values (validated folds, ...)."""
    losses = next(iter(fit.window_losses.values()))
    share = np.array([losses[fit.folds[k]].shape[-1] for k in fit.validated], float)
    return np.tensordot(share / share.sum(), values, 1)


def errors(fit: Fit, measure: str) -> tuple[Array, Array]:
    """(Λ,) training and validation errors in scaled units: mean over validated folds and seeds."""
    losses = fit.window_losses[measure]
    validation = np.stack([losses[fit.folds[k]].mean(axis=-1) for k in fit.validated])
    both = over_folds(fit, fit.train_losses[measure]), _weighted(fit, validation)
    return both[0].mean(axis=1), both[1].mean(axis=1)


def curves(fit: Fit) -> tuple[Array, Array]:
    """(Λ, E) training and validation loss: mean over seeds and validated folds.

    After early stopping has ended a member, the mean continues over the members still training.
    """
    folds = fit.validated
    return _mean(fit.train_loss[folds]), _mean(fit.validation_loss[folds])


def _mean(values: Array) -> Array:
    """Mean over folds and seeds of (folds, Λ, S, E), NaN where no member was training."""
    training = ~np.isnan(values)
    count = training.sum(axis=(0, 2))
    total = np.where(training, values, 0.0).sum(axis=(0, 2))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)

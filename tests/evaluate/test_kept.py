"""Which λ's forecasts are kept: those that the report may choose, whatever its rule and measure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.artifacts.fits import Fit
from stages.artifacts.windows import Windows
from stages.evaluate.kept import kept_lambdas
from tests.support.synthetic_study import Maker


@pytest.fixture
def rnn(tmp_path: Path) -> tuple[Fit, Windows]:
    """rnn's mse is lowest at λ = 10 and within a standard error of it at 100."""
    maker = Maker(tmp_path, ("only",))
    windows = maker.windows()
    return maker.fit("rnn", windows), windows


def squared(fit: Fit) -> Fit:
    """The fit without another measure."""
    return replace(fit, window_losses={"mse": fit.window_losses["mse"]})


def test_both_rules_and_zero_are_kept(rnn: tuple[Fit, Windows]) -> None:
    fit, windows = rnn
    assert kept_lambdas(squared(fit), windows) == {0.0, 10.0, 100.0}
    without = replace(squared(fit), lambdas=(0.5, *fit.lambdas[1:]))
    assert kept_lambdas(without, windows) == {10.0, 100.0}


def test_what_another_measure_chooses_is_kept_too(rnn: tuple[Fit, Windows]) -> None:
    """Whatever loss was trained: `report.measure` may name any."""
    fit, windows = rnn  # mae is lowest at λ = 1
    assert kept_lambdas(fit, windows) == {0.0, 1.0, 10.0, 100.0}
    alone = replace(fit, window_losses={"mae": fit.window_losses["mae"]})
    assert 1.0 in kept_lambdas(alone, windows)
    assert 10.0 not in kept_lambdas(alone, windows)


def test_a_cell_without_a_finite_loss_is_refused(rnn: tuple[Fit, Windows]) -> None:
    fit, windows = rnn
    losses = {fold: np.full_like(loss, np.nan) for fold, loss in fit.window_losses["mse"].items()}
    with pytest.raises(ValueError, match="no λ has a finite validation loss"):
        kept_lambdas(replace(fit, window_losses={"mse": losses}), windows)

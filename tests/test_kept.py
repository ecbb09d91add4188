"""Which λ's forecasts are kept: those that the report may choose, whatever its rule and measure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.artifacts.fits import Fit
from stages.artifacts.windows import Windows
from stages.evaluate.kept import kept_lambdas
from tests.made_study import LEVELS, Maker


@pytest.fixture
def made(tmp_path: Path) -> tuple[Fit, Windows]:
    """rnn's mse is lowest at λ = 10 and within a standard error of it at 100."""
    maker = Maker(tmp_path, ("only",))
    windows = maker.windows()
    return maker.fit("rnn", windows), windows


def test_both_rules_and_zero_are_kept(made: tuple[Fit, Windows]) -> None:
    fit, windows = made
    assert kept_lambdas(fit, windows) == {0.0, 10.0, 100.0}
    without = replace(
        fit,
        lambdas=(0.5, *fit.lambdas[1:]),
    )
    assert kept_lambdas(without, windows) == {10.0, 100.0}


def test_an_absolute_loss_is_judged_by_its_measure_and_by_mse(made: tuple[Fit, Windows]) -> None:
    fit, windows = made
    level = np.array(LEVELS["rnn"])[:, None, None]
    other = {  # lowest at λ = 1, and nowhere near it elsewhere
        fold: 1 + 10 * abs(level - LEVELS["rnn"][1]) + np.zeros_like(losses)
        for fold, losses in fit.window_losses["mse"].items()
    }
    fit = replace(fit, window_losses=fit.window_losses | {"mae": other})
    assert kept_lambdas(fit, windows) == {0.0, 10.0, 100.0}
    absolute = replace(fit, config=fit.config | {"loss": "absolute"})
    assert kept_lambdas(absolute, windows) == {0.0, 1.0, 10.0, 100.0}


def test_a_cell_without_a_finite_loss_is_refused(made: tuple[Fit, Windows]) -> None:
    fit, windows = made
    losses = {fold: np.full_like(one, np.nan) for fold, one in fit.window_losses["mse"].items()}
    with pytest.raises(ValueError, match="no λ has a finite validation loss"):
        kept_lambdas(replace(fit, window_losses={"mse": losses}), windows)

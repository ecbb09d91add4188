"""Planned covariates in windows: their place, gaps in a horizon, no leak, and that they help."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stages.artifacts.series import Series
from stages.artifacts.windows import Windows
from stages.evaluate.baselines.ridge import fit, scaled, validation_error
from stages.networks.shape import Network
from stages.params import ParameterError
from stages.train.planning.members import Member
from stages.window.params import WindowParams
from stages.window.stage import make_windows
from tests.support.synthetic_series import synthetic_series
from tests.support.training import recipe_of, trained

STEPS = 120
RULES: dict[str, Any] = {
    "lookback": 5, "horizon": 3, "split": {"validation": 30, "test": 25}, "folds": 1,
}  # fmt: skip


def study(future: tuple[str, ...] = ("promo",), shared: bool = False, seed: int = 0) -> Series:
    rng = np.random.default_rng(seed)
    lives = {name: (0, rng.normal(size=STEPS)) for name in ("a", "b")}
    covariates = {c: {n: rng.normal(size=STEPS) for n in lives} for c in ("rain", "promo")}
    series = synthetic_series(lives, covariates, shared=shared)
    return replace(series, summary=series.summary | {"future": list(future)})


def cut(series: Series, **changes: Any) -> tuple[Windows, Windows]:
    return make_windows(series, WindowParams(**RULES | changes), None)


@pytest.mark.parametrize("shared", [False, True])
def test_of_joint_channels_what_is_known_comes_last(shared):
    series = study(shared=shared)
    windows, _ = cut(series, channels="joint", calendar=("weekday",))
    values = {
        (n, c): series.frame.loc[series.frame["unique_id"] == n, c].to_numpy()[
            : len(windows.values)
        ]
        for n in ("a", "b")
        for c in ("y", "covariate:rain", "covariate:promo")
    }
    sources = ["a"] if shared else ["a", "b"]
    columns = [values["a", "y"], values["b", "y"]]
    columns += [values[n, f"covariate:{c}"] for c in ("rain", "promo") for n in sources]
    np.testing.assert_array_equal(windows.values[:, :-2], np.column_stack(columns))
    assert windows.layout.known == len(sources) + 2
    plain, _ = cut(study((), shared), channels="joint")
    assert plain.layout.known == 0


@pytest.mark.parametrize("missing", ["drop", "forward", "error"])
def test_a_gap_in_a_horizon_is_treated_as_window_missing_says(missing):
    series, gap = study(), 40
    series.frame.loc[gap, "covariate:promo"] = np.nan  # of `a`
    if missing == "error":
        words = "but promo of series 'a' has 1 gaps, the first at 1970-02-10"
        with pytest.raises(ParameterError, match=words):
            cut(series)
        return
    windows, _ = cut(series, missing=missing)
    rows = set(windows.folds[-1].train.tolist())
    lost = set(range(gap - 3, gap + 5))  # origins whose horizon or lookback holds the gap
    usual = set(range(4, STEPS - 25 - 3))
    assert {row for row in rows if row < STEPS - 25} == (
        usual - lost if missing == "drop" else usual
    )
    if missing == "forward":
        assert windows.values[gap, 2] == windows.values[gap - 1, 2]


def test_nothing_after_a_cut_changes_what_lies_before_it():
    """Targets of the test part, and planned values beyond the last horizon of the development part."""
    series = study()
    windows, test = cut(series, calendar=("weekday",))
    changed = replace(series, frame=series.frame.copy())
    late = np.tile(np.arange(STEPS) >= STEPS - 25, 2)
    changed.frame.loc[late, ["y", "covariate:rain", "covariate:promo"]] += 7.0
    others, other_test = cut(changed, calendar=("weekday",))
    np.testing.assert_array_equal(others.values, windows.values)
    for fold, other in zip(windows.folds, others.folds, strict=True):
        for name in ("train", "validation", "center", "scale"):
            np.testing.assert_array_equal(getattr(fold, name), getattr(other, name))
    assert (other_test.values != test.values).any()


def shops() -> Series:
    """Five shops of unlike size with planned promotions, each of which lifts sales by a third."""
    rng = np.random.default_rng(4)
    lives, promo = {}, {}
    for k in range(5):
        on = (rng.random(160) < 0.25).astype(float)
        level = 100.0 * (k + 1)
        noise = rng.normal(size=160)
        lives[f"shop {k}"] = (0, level * (1 + 0.33 * on + 0.05 * noise))
        promo[f"shop {k}"] = on
    return synthetic_series(lives, {"promo": promo})


def test_planned_promotions_lower_the_validation_error():
    """Known over the horizon against known up to the origin: of ridge, and of a small GRU."""
    errors = {}
    for kind, future in (("past", []), ("future", ["promo"])):
        series = shops()
        series = replace(series, summary=series.summary | {"future": future})
        windows, _ = cut(series)
        fold, lags = windows.folds[0], windows.layout
        path = fit(scaled(windows, fold), fold)
        total = validation_error(path, scaled(windows, fold), windows, fold, [1.0], "mse")[0]
        errors["ridge", kind] = total / len(fold.validation) / lags.horizon
        network = Network("gru", 2, 3, 5, 1, 6, future=lags.known)
        recipe = recipe_of(network, epochs=25, batch_size=32, learning_rate=0.02)
        member = Member(1.0, 0, "fold0", 25)
        errors["gru", kind] = trained(recipe, windows, [member])[member].window_losses[0].mean()
    for forecaster in ("ridge", "gru"):
        assert errors[forecaster, "past"] > 0.8  # promotions come unannounced
        assert errors[forecaster, "future"] < 0.3 * errors[forecaster, "past"]

"""The one way from networks and windows to forecasts in the data's units, against torch and plain loops."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from stages.artifacts import container
from stages.artifacts.chosen import Chosen
from stages.artifacts.series import COVARIATE
from stages.forecast.networks import forecast
from stages.networks.initial import initial_weights
from stages.networks.shape import Network
from stages.window.stage import make_windows
from tests.oracles.torch_networks import Oracle
from tests.oracles.windows import scaled, shift_and_spread
from tests.support.serving_model import LEVELS, H, L, model, params, series

SEASON = 12
# By name a transform and its inverse.
WAYS = {
    "none": (lambda y: y, lambda u: u),
    "log1p": (lambda y: np.log(1 + y), lambda u: np.exp(u) - 1),
    "sqrt": (lambda y: y**0.5, lambda u: u**2),
}


def by_hand(
    oracle: Oracle, levels: np.ndarray, extra: np.ndarray, t: int, lag: int, normalise: str,
    center: np.ndarray, scale: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(H, C) in the levels' units from origin t, in double precision: levels (T, C), extra (T, F − C)."""
    channels = levels.shape[1]
    values = levels.copy()
    if lag:
        values[lag:] = levels[lag:] - levels[:-lag]
    x = ((np.column_stack([values, extra]) - center) / scale)[t - L + 1 : t + 1]
    seen = x[:, :channels]
    shift, spread = shift_and_spread(seen, normalise)
    x[:, :channels] = (seen - shift) / spread
    with torch.no_grad():
        y = oracle(torch.tensor(x[None])).numpy().reshape(H, channels)
    y = (y * spread + shift) * scale[:channels] + center[:channels]
    known = list(levels[: t + 1])
    for change in y:
        known.append(change + known[-lag] if lag else change)
    return np.array(known[t + 1 :])


@pytest.mark.parametrize("normalise", ["none", "last", "mean", "instance"])
@pytest.mark.parametrize(("difference", "lag"), [(0, 0), (1, 1), ("seasonal", SEASON)])
@pytest.mark.parametrize("channels", ["independent", "joint"])
@pytest.mark.parametrize("transform", WAYS)
def test_forecasts_are_those_of_torch_with_every_transform_undone(
    normalise, difference, lag, channels, transform
):
    prepared, (forth, back) = series(("rain",)), WAYS[transform]
    cut = params(normalise=normalise, difference=difference, channels=channels, transform=transform)
    development, test = make_windows(prepared, cut, SEASON)
    fold, c = development.folds[-1], test.levels.shape[1]
    network = Network("gru", test.values.shape[1], H * c, L, c, 4, normalise=normalise)
    weights = np.stack([initial_weights(network, seed) for seed in (1, 2, 3)]).astype(np.float32)
    data = scaled(test, fold.center, fold.scale)
    y_hat = forecast(network, weights, data, test.rows)  # (K, N, H, C)
    assert y_hat.shape == (3, len(test.rows), H, c)

    frame = prepared.frame.set_index("unique_id")
    y, rain = (
        np.stack([frame.loc[[name], column] for name in LEVELS], 1)
        for column in ("y", COVARIATE + "rain")
    )
    group, origin = test.group_origin(test.rows)
    for k, member in enumerate(weights):
        oracle = Oracle(network, member.astype(float))
        for n, (g, t) in enumerate(zip(group, origin + test.offset, strict=True)):
            s = slice(None) if channels == "joint" else slice(g, g + 1)
            expected = by_hand(
                oracle, forth(y[:, s]), rain[:, s], t, lag, normalise, fold.center[g], fold.scale[g]
            )
            near = 1e-4 * fold.scale[g, :c].max()
            np.testing.assert_allclose(forth(y_hat[k, n]), expected, rtol=0, atol=near)
            np.testing.assert_allclose(y_hat[k, n], back(forth(y_hat[k, n])), rtol=1e-12)
    few = forecast(network, weights[1:2], data, test.rows[3:5])  # company changes no bit
    np.testing.assert_array_equal(few, y_hat[1:2, 3:5])


def test_forecasts_lie_on_the_grid_of_the_transformed_units():
    """And below its range they are 0."""
    study = series(levels={"low": 4.0})
    study.frame["y"] = np.square(study.frame["y"] - study.frame["y"].min())  # touches 0
    chosen, test = model(study, transform="sqrt")
    network = Network(**chosen.config["network"])
    y_hat = forecast(network, chosen.weights, scaled(test, chosen.center, chosen.scale), test.rows)
    step = 2.0 ** (np.ceil(np.log2(chosen.scale[0, 0])) - 24)
    roots = np.sqrt(y_hat) / step
    np.testing.assert_array_equal(roots, np.rint(roots))
    far = scaled(test, chosen.center - 100 * chosen.scale, chosen.scale)
    below = far.undo(test.rows, np.zeros((len(test.rows), H)), np.array([[[0.0], [1.0]]]))
    np.testing.assert_array_equal(below, 0)
    assert not np.signbit(below).any()


@pytest.mark.parametrize("value", [1e39, -np.inf, np.nan])
def test_a_window_with_an_input_that_float32_does_not_hold_has_no_forecast(value):
    """A gate would saturate at infinity, and the forecast look like any other."""
    chosen, test = model(series(("rain",)))
    values, at = test.values.copy(), int(test.rows[4])
    values[at, 1] = value
    network = Network(**chosen.config["network"])
    y_hat, plain = (
        forecast(network, chosen.weights, scaled(part, *unit), test.rows)
        for unit in [(chosen.center, chosen.scale)]
        for part in (replace(test, values=values), test)
    )
    sees = (test.rows >= at) & (test.rows < at + L)
    assert 0 < sees.sum() < len(test.rows)
    assert np.isnan(y_hat[:, sees]).all()
    np.testing.assert_array_equal(y_hat[:, ~sees], plain[:, ~sees])


def test_a_chosen_model_survives_its_file_and_another_file_is_refused(tmp_path):
    chosen, _ = model(series(("rain",)), channels="joint")
    chosen.save(tmp_path / "model.safetensors")
    again = Chosen.load(tmp_path / "model.safetensors")
    for name, value in vars(again).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(chosen, name))
        else:
            assert value == getattr(chosen, name)
    again.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model.safetensors").read_bytes()
    meta = {"layout": asdict(chosen.layout), "cell": "gru"}
    container.save(tmp_path / "other", {"weights": chosen.weights}, meta)
    with pytest.raises(ValueError, match=r"lacks center, config, .*; make it again \(dvc repro"):
        Chosen.load(tmp_path / "other")

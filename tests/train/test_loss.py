"""The loss is the one of the README: against ridge in closed form and against torch's optimisers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from stages.artifacts.windows import Windows
from stages.evaluate.baselines.ridge import fit, scaled
from stages.networks.shape import Network
from stages.train.engines.cuda import StackedEngine
from stages.train.planning.members import Member
from tests.oracles.ridge import ridge as weighted_ridge
from tests.oracles.torch_networks import Oracle
from tests.oracles.torch_training import torch_schedule, torch_training
from tests.oracles.windows import batch
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import design, linear, recipe_of, trained


def ridge(windows: Windows, lam: float) -> Ridge:
    """scikit-learn's ridge on the final fold's windows."""
    return Ridge(alpha=lam, tol=1e-12).fit(*design(windows))


@pytest.mark.parametrize(("groups", "features", "channels"), [(1, 1, 1), (3, 2, 1), (1, 3, 2)])
def test_full_batch_linear_network_is_ridge(groups, features, channels):
    windows = synthetic_windows(groups=groups, features=features, channels=channels)
    m = windows.folds[-1].m
    recipe = recipe_of(linear(windows), epochs=6000, batch_size=m, learning_rate=0.05)
    members = [Member(lam, 0, "final", 6000) for lam in (0.0, 0.3, 5.0, 80.0)]
    for member, outcome in trained(recipe, windows, members).items():
        truth = ridge(windows, member.lam)
        weights = outcome.weights.reshape(truth.coef_.shape[0], -1)
        np.testing.assert_allclose(weights[:, 1:], truth.coef_, atol=1e-6)
        np.testing.assert_allclose(weights[:, 0], truth.intercept_, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
def test_under_instance_it_is_the_ridge_that_weighs_windows_by_their_squared_spread(channels):
    windows = synthetic_windows(groups=2, features=2, channels=channels, normalise="instance")
    fold, outputs = windows.folds[-1], windows.layout.horizon * channels
    recipe = recipe_of(linear(windows), epochs=6000, batch_size=fold.m, learning_rate=0.05)
    members = [Member(lam, 0, "final", 6000) for lam in (0.3, 5.0, 80.0)]
    path = fit(scaled(windows, fold), fold)
    for member, outcome in trained(recipe, windows, members).items():
        weights, baseline = outcome.weights.reshape(outputs, -1), path.coefficients(member.lam)
        level = path.at(member.lam).predict(np.zeros((1, len(baseline))))[0]
        np.testing.assert_allclose(weights[:, 1:], baseline.T, atol=1e-6)
        np.testing.assert_allclose(weights[:, 0], level, atol=1e-6)
        for c in range(channels):
            truth, of_channel = weighted_ridge(member.lam, windows, fold, c), weights[c::channels]
            np.testing.assert_allclose(of_channel[:, 1:], truth.coef_, atol=1e-6)
            np.testing.assert_allclose(of_channel[:, 0], truth.intercept_, atol=1e-6)
        assert np.abs(weights[:, 1:] - ridge(windows, member.lam).coef_).max() > 1e-3


def test_minibatches_with_a_short_last_one_reach_ridge():
    windows = synthetic_windows()
    recipe = recipe_of(linear(windows), epochs=4000, batch_size=32, learning_rate=0.01)
    assert windows.folds[-1].m % 32
    members = [Member(lam, 1, "final", 4000) for lam in (0.3, 5.0, 80.0)]
    for member, outcome in trained(recipe, windows, members).items():
        truth = ridge(windows, member.lam)
        weights = outcome.weights.reshape(3, -1)
        np.testing.assert_allclose(weights[:, 1:], truth.coef_, atol=1e-3)
        np.testing.assert_allclose(weights[:, 0], truth.intercept_, atol=1e-3)


def test_multipliers_scale_the_penalty_of_their_group():
    windows = synthetic_windows()
    m = windows.folds[-1].m
    recipe = recipe_of(
        linear(windows), epochs=5000, batch_size=m, learning_rate=0.05, multipliers=(9.0, 9.0, 0.5)
    )
    outcome = next(iter(trained(recipe, windows, [Member(8.0, 0, "final", 5000)]).values()))
    np.testing.assert_allclose(
        outcome.weights.reshape(3, -1)[:, 1:], ridge(windows, 4.0).coef_, atol=1e-6
    )


@pytest.mark.parametrize("cell", ["linear", "rnn", "gru", "lstm"])
@pytest.mark.parametrize(
    ("optimizer", "momentum", "clip"),
    [("sgd", 0.0, None), ("sgd", 0.9, None), ("adam", 0.0, None), ("adam", 0.0, 0.2)],
)
def test_steps_are_those_of_torch_with_weight_decay(cell, optimizer, momentum, clip):
    windows = synthetic_windows(features=2)
    network = Network(cell, 2, 3, 6, 1, 1 if cell == "linear" else 5)
    recipe = recipe_of(
        network, optimizer=optimizer, momentum=momentum, clip_norm=clip, batch_size=20, epochs=4
    )
    member = Member(7.0, 3, "fold1", 4)
    assert windows.folds[1].m % 20
    outcome = trained(recipe, windows, [member])[member]
    np.testing.assert_allclose(outcome.weights, torch_training(recipe, windows, member), atol=1e-10)
    early = replace(member, epochs=2)  # the schedule goes on as if it were not stopped
    outcome = trained(recipe, windows, [early])[early]
    np.testing.assert_allclose(outcome.weights, torch_training(recipe, windows, early), atol=1e-10)


@pytest.mark.parametrize("cell", ["linear", "rnn", "gru", "lstm"])
@pytest.mark.parametrize("normalise", ["last", "instance"])
@pytest.mark.parametrize(
    ("loss", "penalty"),
    [("squared", "l2"), ("absolute", "l2"), ("squared", "predictions"), ("absolute", "l1")],
)
def test_steps_and_losses_are_those_of_torch_in_scaled_units(cell, normalise, loss, penalty):
    windows = synthetic_windows(features=3, channels=2, normalise=normalise)
    network = Network(cell, 3, 6, 6, 2, 1 if cell == "linear" else 5, normalise=normalise)
    recipe = recipe_of(network, loss=loss, penalty=penalty, batch_size=20, epochs=4)
    member, fold = Member(3.0, 3, "fold1", 4), windows.folds[1]
    outcome = trained(recipe, windows, [member])[member]
    np.testing.assert_allclose(outcome.weights, torch_training(recipe, windows, member), atol=1e-10)
    x, y, _, spread = batch(windows, fold.validation, fold.center, fold.scale)
    with torch.no_grad():
        output = Oracle(network, outcome.weights)(torch.tensor(x)).numpy().reshape(y.shape)
    group, _ = windows.group_origin(fold.validation)
    unit = fold.scale[group, :2] / windows.scale[group, :2]
    assert abs(unit - 1).min() > 1e-3  # the fold's units are not the split's
    error = (output - y) * spread[:, None] * unit[:, None]
    measures = [(error**2).mean((1, 2)), np.abs(error).mean((1, 2))]
    np.testing.assert_allclose(outcome.window_losses, measures, rtol=1e-9)
    mean = measures[loss == "absolute"].mean()
    assert outcome.curves[-1, 1] == pytest.approx(mean, rel=1e-9)


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("cell", ["linear", "gru"])
def test_without_shuffling_batches_are_windows_by_series_then_time(cell, stacked, monkeypatch):
    if stacked:  # the engine of CUDA, on the CPU
        other = partial(StackedEngine, device="cpu")
        monkeypatch.setattr("stages.train.engines.trainer.engine_for", other)
    windows = synthetic_windows(groups=2)
    network = Network(cell, 1, 3, 6, 1, 1 if cell == "linear" else 5)
    recipe = recipe_of(network, batch_size=20, epochs=3, shuffle=False)
    members, fold = [Member(3.0, seed, "fold1", 3) for seed in (0, 1)], windows.folds[1]
    group, origin = windows.group_origin(fold.train)
    np.testing.assert_array_equal(np.lexsort((origin, group)), np.arange(fold.m))
    shuffled = trained(replace(recipe, shuffle=True), windows, members)
    for member, outcome in trained(recipe, windows, members).items():
        truth = torch_training(recipe, windows, member)
        np.testing.assert_allclose(outcome.weights, truth, atol=1e-10)
        assert np.abs(outcome.weights - shuffled[member].weights).max() > 1e-3


def test_constant_and_cosine_rates():
    network = Network("linear", 1, 3, 6, 1, 1)
    assert set(recipe_of(network, schedule="constant", epochs=5).rates(3).ravel()) == {0.01}
    for schedule, warmup in product(("constant", "cosine"), (0.0, 0.25, 0.9)):
        recipe = recipe_of(network, epochs=7, schedule=schedule, warmup=warmup)
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=0.01)
        stepped = torch_schedule(recipe, optimizer, 7 * 5)
        rates = recipe.rates(5)
        assert rates.shape == (7, 5)
        for rate in rates.ravel():
            assert rate == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-15)
            optimizer.step()
            stepped.step()


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "linear"])
def test_training_with_warm_up_and_torchs_start_is_torchs(cell):
    windows = synthetic_windows(steps=70)
    network = Network(cell, 1, 3, 6, 1, 1 if cell == "linear" else 5)
    recipe = recipe_of(network, batch_size=20, epochs=3, warmup=0.3, init="torch")
    member = Member(7.0, 3, "fold1", 3)
    outcome = trained(recipe, windows, [member])[member]
    np.testing.assert_allclose(outcome.weights, torch_training(recipe, windows, member), atol=1e-10)

"""What is known over the horizon joins the head's input: both engines against torch, and against ridge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from stages.evaluate.baselines.ridge import fit, scaled
from stages.networks.initial import initial_weights
from stages.networks.shape import GROUPS, Network
from stages.networks.stacked.network import Stacked
from stages.networks.stacked.windows import windows as stacked_windows
from stages.train.planning.members import Member
from tests.oracles.torch_networks import Oracle
from tests.oracles.torch_training import torch_training
from tests.support.fused import evaluate
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import design, linear, recipe_of, trained

SHAPES = [("linear", 1, 1, 1), ("rnn", 1, 1, 5), ("gru", 2, 3, 8), ("lstm", 2, 2, 4)]
H, L, F, C, K = 3, 12, 5, 2, 2


def network_of(cell: str, layers: int, segment: int, hidden: int, normalise: str) -> Network:
    return Network(cell, F, H * C, L, C, hidden, layers, segment, normalise=normalise, future=K)


@pytest.mark.parametrize("normalise", ["none", "instance"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s[0])
def test_both_engines_equal_torch_forward_and_gradients(shape, normalise):
    """ŷ = W_h h + W_f f + b: a torch module whose head reads the H · k values of the horizon, too."""
    cell, layers, segment, hidden = shape
    network = network_of(cell, layers, segment, hidden, normalise)
    rng = np.random.default_rng(3)
    series, rows = rng.normal(size=(90, F)), rng.permutation(40)[:33] + L - 1
    weights = initial_weights(network, 1) + 0.1 * rng.normal(size=network.parameters)
    out, target, grad = evaluate(network, weights, series, rows)

    seen = series[rows[:, None] + np.arange(1 - L, 1)].copy()
    if normalise == "instance":
        past = seen[..., :C]
        seen[..., :C] = (past - past.mean(1, keepdims=True)) / np.sqrt(
            past.var(1, keepdims=True) + 1e-5
        )
    known = series[rows[:, None] + np.arange(1, H + 1), F - K :].reshape(len(rows), -1)
    oracle = Oracle(network, weights)
    expected = oracle(torch.tensor(seen), torch.tensor(known))
    (0.5 * ((expected - torch.tensor(target)) ** 2).sum()).backward()
    np.testing.assert_allclose(out, expected.detach(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(grad, oracle.flat_gradient(), rtol=1e-12, atol=1e-12)

    flat = torch.from_numpy(weights[None])
    program, stacked = Stacked(network, 1, len(rows), flat), torch.empty_like(flat)
    x, y, _, f = stacked_windows(network, torch.from_numpy(series), torch.from_numpy(rows[None]))
    y_hat = program.forward(flat, x, future=f)
    program.backward(flat, y_hat - y, stacked)
    np.testing.assert_allclose(y_hat[0].T, out, rtol=0, atol=1e-12)
    np.testing.assert_allclose(stacked[0], grad, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s[0])
def test_their_weights_are_the_heads_and_training_is_torchs(shape):
    cell, layers, segment, hidden = shape
    windows = synthetic_windows(steps=70, features=3, known=2, lookback=6)
    network = Network(cell, 3, H, 6, 1, hidden, layers, segment, dropout=0.0, future=2)
    head = network.groups[network.matrices[-1].offset :].reshape(H, -1)
    assert (head[:, 1:] == GROUPS.index("head")).all()
    assert head.shape[1] == 1 + (6 * 3 if cell == "linear" else hidden) + H * 2
    recipe = recipe_of(network, batch_size=20, epochs=3)
    member = Member(7.0, 3, "fold1", 3)
    outcome = trained(recipe, windows, [member])[member]
    np.testing.assert_allclose(outcome.weights, torch_training(recipe, windows, member), atol=1e-10)


def test_the_linear_network_and_the_baseline_are_scikit_learns_ridge():
    windows = synthetic_windows(groups=2, features=3, known=2)
    x, y = design(windows)
    assert x.shape[1] == 6 * 3 + 3 * 2
    fold = windows.folds[-1]
    recipe = recipe_of(linear(windows), epochs=6000, batch_size=fold.m, learning_rate=0.05)
    members = [Member(lam, 0, "final", 6000) for lam in (0.3, 80.0)]
    path = fit(scaled(windows, fold), fold)
    for member, outcome in trained(recipe, windows, members).items():
        truth = Ridge(alpha=member.lam, tol=1e-12).fit(x, y)
        weights = outcome.weights.reshape(3, -1)
        np.testing.assert_allclose(weights[:, 1:], truth.coef_, atol=1e-6)
        np.testing.assert_allclose(weights[:, 0], truth.intercept_, atol=1e-6)
        np.testing.assert_allclose(path.coefficients(member.lam).T, truth.coef_, atol=1e-8)
        np.testing.assert_allclose(path.at(member.lam).predict(x), truth.predict(x), atol=1e-8)


@pytest.mark.parametrize("cell", ["linear", "gru"])
def test_what_lies_beyond_the_horizon_changes_nothing_and_what_lies_in_it_does(cell):
    network = Network(cell, 3, H, 6, 1, 1 if cell == "linear" else 5, future=1)
    rng = np.random.default_rng(0)
    series, rows = rng.normal(size=(40, 3)), np.array([15])
    weights = initial_weights(network, 0)
    before = evaluate(network, weights, series, rows)[0]

    def changed(step: int, feature: int) -> np.ndarray:
        other = series.copy()
        other[15 + step, feature] += 5.0
        return evaluate(network, weights, other, rows)[0] != before

    for step in range(1, 10):
        assert not changed(step, 0).any()  # the target
        assert not changed(step, 1).any()  # a covariate that is known up to the origin
        assert changed(step, 2).all() == (step <= H)
    assert changed(0, 1).all()
    assert changed(-5, 2).all()
    assert not changed(H + 1, 2).any()
    assert replace(network, future=0).parameters == network.parameters - H * H

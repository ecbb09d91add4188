"""The data's losses: absolute error against support vector regression, torch's L1Loss, and autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.svm import SVR

from stages.losses import LOSSES
from stages.networks.initial import initial_weights
from stages.networks.shape import Network
from stages.train.engines.cpu import CompiledEngine
from stages.train.engines.cuda import StackedEngine
from stages.train.engines.engine import Part, fold_data, start_state
from stages.train.engines.penalty import terms
from stages.train.engines.state_gradients import state_gradients
from stages.train.planning.members import Member
from tests.oracles.cell_equations import forecast
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import design, linear, recipe_of, trained

WINDOWS = synthetic_windows()
X, Y = design(WINDOWS)
M = len(X)


@pytest.mark.parametrize("name", LOSSES)
def test_value_and_slope_belong_together(name):
    """The reported value is ℓ times a constant, and the slope is ℓ's: by autograd away from the kink."""
    loss, e = LOSSES[name], torch.linspace(-3, 3, 100, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss.value(e).sum(), e)
    ratio = slope / loss.slope(e.detach())
    torch.testing.assert_close(ratio, ratio[:1].expand(100))
    assert loss.slope(torch.zeros(1)) == 0


@pytest.mark.parametrize("lam", [0.5, 3.0, 20.0])
def test_absolute_with_l2_is_support_vector_regression(lam):
    """SVR(epsilon=0, C=1/λ) minimises m·L with a free intercept, an output at a time: objectives agree."""
    recipe = recipe_of(
        linear(WINDOWS), epochs=8000, batch_size=M, learning_rate=0.02, loss="absolute"
    )
    member = Member(lam, 0, "final", recipe.epochs)
    fitted = trained(recipe, WINDOWS, [member])[member].weights.reshape(Y.shape[1], -1)

    def objective(intercept: float, weights: np.ndarray, y: np.ndarray) -> float:
        return float(np.abs(X @ weights + intercept - y).sum() + lam / 2 * weights @ weights)

    for w, y in zip(fitted, Y.T, strict=True):
        model = SVR(kernel="linear", epsilon=0, C=1 / lam, tol=1e-8).fit(X, y)
        least = objective(model.intercept_[0], model.coef_[0], y)
        assert objective(w[0], w[1:], y) == pytest.approx(least, rel=1e-4)
    assert np.abs(fitted[:, 1:]).max() > 0.01


def test_absolute_takes_the_steps_of_torchs_l1loss():
    """torch averages over P outputs: weight_decay = λ/(mP), and a rate P times as large."""
    lam, rate, epochs, p = 4.0, 0.01, 25, Y.shape[1]
    recipe = recipe_of(
        linear(WINDOWS), epochs=epochs, batch_size=M, learning_rate=rate, optimizer="sgd",
        schedule="constant", loss="absolute",
    )  # fmt: skip
    member = Member(lam, 0, "final", epochs)
    outcome = trained(recipe, WINDOWS, [member])[member]
    fitted = outcome.weights.reshape(p, -1)
    start = torch.tensor(initial_weights(linear(WINDOWS), 0)).reshape(p, -1)
    bias, weight = (part.clone().requires_grad_() for part in (start[:, 0], start[:, 1:]))
    groups = [{"params": [bias]}, {"params": [weight], "weight_decay": lam / (M * p)}]
    optimizer, x, y = torch.optim.SGD(groups, lr=rate * p), torch.tensor(X), torch.tensor(Y)
    for _ in range(epochs):
        optimizer.zero_grad()
        error = torch.nn.functional.l1_loss(x @ weight.T + bias, y)
        error.backward()
        optimizer.step()
    np.testing.assert_allclose(fitted[:, 1:], weight.detach(), atol=1e-12)
    np.testing.assert_allclose(fitted[:, 0], bias.detach(), atol=1e-12)
    unit = float(
        WINDOWS.folds[-1].scale[0, 0] / WINDOWS.scale[0, 0]
    )  # losses are in the split's units
    reported = unit * error.item()  # before the last step
    assert outcome.curves[-1, 0] == pytest.approx(reported, rel=1e-12)
    ends = unit * np.abs(X @ fitted[:, 1:].T + fitted[:, 0] - Y).mean()
    assert outcome.train_losses[1] == pytest.approx(ends, rel=1e-12)


@pytest.mark.parametrize("cell", ["linear", "gru"])
@pytest.mark.parametrize("normalise", ["none", "instance"])
def test_both_engines_train_alike_on_absolute_errors(cell, normalise):
    windows = synthetic_windows(normalise=normalise)
    layout = windows.layout
    network = Network(
        cell, windows.values.shape[1], layout.horizon, layout.lookback, 1, 5, normalise=normalise
    )
    recipe, fold = recipe_of(network, loss="absolute", learning_rate=0.002), windows.folds[-1]
    data, members = fold_data(windows, fold, "float64"), [Member(2.0, 0, "final", 1)]
    ends, losses = [], []
    for engine in (CompiledEngine(recipe, data), StackedEngine(recipe, data, "cpu")):
        state = start_state(recipe, members)
        lines, penalty = np.zeros((1, 2), np.int64), terms(recipe, members, fold.m)
        engine.train(state, Part(0, 3, data.train[None], lines, penalty, np.full(3, 0.002), 0))
        ends.append(state)
        losses.append(engine.losses(state.weights, data.train[:20]))
    np.testing.assert_allclose(ends[0].weights, ends[1].weights, atol=1e-11)
    np.testing.assert_allclose(ends[0].sums, ends[1].sums, rtol=1e-11)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-10)


def test_state_gradients_are_of_the_loss_that_is_minimised():
    """Of a network of one step, ∂ℓ/∂h = Wᵀ sign(e) for each window."""
    network = Network("rnn", 1, 3, 4, 1, 5, segment=4)
    rng = np.random.default_rng(0)
    series, rows = rng.normal(size=(40, 1)), np.arange(10) + 4
    weights = initial_weights(network, 0)
    x = torch.tensor(np.stack([series[row - 3 : row + 1] for row in rows]))
    y = torch.tensor(np.stack([series[row + 1 : row + 4, 0] for row in rows]))
    signs = torch.sign(forecast(network, torch.tensor(weights), x) - y).numpy()
    head = weights[network.matrices[-1].offset :].reshape(3, 6)[:, 1:]
    truth = np.sqrt(((signs @ head) ** 2).sum(1).mean())
    gradients = state_gradients(network, series, rows, weights[None], "absolute")
    np.testing.assert_allclose(gradients, [[[truth]]], rtol=1e-12)

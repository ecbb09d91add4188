"""Diagnostics against torch's autograd on every hidden state, its eigenvalues, and theory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.networks.initial import initial_weights
from stages.networks.shape import Network
from stages.train.engines.diagnostics import norms, spectral_radii, zeros
from stages.train.engines.engine import fold_data
from stages.train.engines.state_gradients import WINDOWS, start_and_end, state_gradients
from stages.train.planning.members import Member
from tests.oracles.torch_networks import Oracle
from tests.oracles.torch_training import LOSSES
from tests.oracles.windows import batch
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import recipe_of, trained

CELLS = {"rnn": torch.nn.RNNCell, "gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}
DATA = synthetic_windows(steps=120, features=2, lookback=12, horizon=5)
FOLD = DATA.folds[1]
SCALED = fold_data(DATA, FOLD, "float64")


def network_of(cell: str, layers: int = 1, segment: int = 1, dropout: float = 0.0) -> Network:
    return Network(cell, 2, 5, 12, 1, 7, layers, segment, dropout)


def torch_state_gradients(
    network: Network, weights: np.ndarray, rows: np.ndarray, loss: str = "squared"
) -> np.ndarray:
    """(layers, S): root mean square over windows of ‖∂ℓ/∂h_t‖ by autograd."""
    oracle = Oracle(network, weights)
    windows = replace(DATA, layout=replace(DATA.layout, normalise=network.normalise))
    x, y, _, spread = batch(windows, rows, FOLD.center, FOLD.scale)
    inputs = torch.tensor(x).reshape(len(x), network.steps, network.step_inputs)
    states: list[list[torch.Tensor]] = []
    steps = [inputs[:, t] for t in range(network.steps)]
    for layer in range(network.layers):
        cell = CELLS[network.cell](steps[0].shape[1], network.hidden, dtype=torch.float64)
        parameters = {
            n: getattr(oracle.body, f"{n}_l{layer}").detach() for n, _ in cell.named_parameters()
        }
        cell.load_state_dict(parameters)
        state, hidden = None, []
        for step in steps:
            state = cell(step, state)
            h = state[0] if network.cell == "lstm" else state
            hidden.append(h)
        states.append(hidden)
        steps = hidden
    output = oracle.head(steps[-1]).view(y.shape)
    forecast, target = (part * torch.tensor(spread)[:, None] for part in (output, torch.tensor(y)))
    total = LOSSES[loss](forecast, target)
    squares = [
        [
            float((gradient**2).sum())
            for gradient in torch.autograd.grad(total, hidden, retain_graph=True)
        ]
        for hidden in states
    ]
    return np.sqrt(np.array(squares) / len(rows))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize(("layers", "segment", "count"), [(1, 1, 32), (3, 2, 21)])
@pytest.mark.parametrize("loss", ["squared", "absolute"])
@pytest.mark.parametrize("normalise", ["none", "instance"])
def test_state_gradients_are_those_of_autograd(cell, layers, segment, count, loss, normalise):
    network = replace(network_of(cell, layers, segment), normalise=normalise)
    rng = np.random.default_rng(1)
    weights = np.stack([initial_weights(network, seed) for seed in (0, 1)])
    weights += 0.2 * rng.normal(size=weights.shape)
    gradients = state_gradients(network, SCALED.series, SCALED.train[:count], weights, loss)
    assert gradients.shape == (2, layers, 12 // segment)
    for k in range(2):
        truth = torch_state_gradients(network, weights[k], FOLD.train[:count], loss)
        np.testing.assert_allclose(gradients[k], truth, rtol=1e-11)
    masked = replace(network, dropout=0.4)
    np.testing.assert_array_equal(
        state_gradients(masked, SCALED.series, SCALED.train[:count], weights, loss), gradients
    )


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_state_gradients_of_a_member_do_not_depend_on_one_that_diverged(cell):
    network, rows = network_of(cell), SCALED.train[:21]  # a tile that is not full
    weights = np.stack([initial_weights(network, seed) for seed in (0, 1, 2)])
    whole = state_gradients(network, SCALED.series, rows, weights)
    weights[0] = np.nan
    gradients = state_gradients(network, SCALED.series, rows, weights)
    assert np.isnan(gradients[0]).all()
    np.testing.assert_array_equal(gradients[1:], whole[1:])


def test_the_windows_are_spread_over_the_training_part():
    network, rows = network_of("rnn"), SCALED.train
    assert len(rows) > 2 * WINDOWS
    weights = initial_weights(network, 0)
    chosen = FOLD.train[np.unique(np.linspace(0, len(rows) - 1, WINDOWS).round().astype(int))]
    assert (chosen[0], chosen[-1], len(chosen)) == (FOLD.train[0], FOLD.train[-1], WINDOWS)
    sizes = state_gradients(network, SCALED.series, rows, weights[None])[0]
    np.testing.assert_allclose(sizes, torch_state_gradients(network, weights, chosen), rtol=1e-11)


@pytest.mark.parametrize("stretch", [0.5, 1.3])
def test_a_stretched_orthogonal_recurrence_vanishes_and_explodes_as_theory_says(stretch):
    """With inputs shut off h stays 0, tanh' = 1, and ‖∂ℓ/∂h_t‖ = stretch^(S−t) ‖∂ℓ/∂h_S‖."""
    network = network_of("rnn")
    weights = initial_weights(network, 3)
    weights[network.groups == 1] = 0
    weights[network.groups == 2] *= stretch
    sizes = state_gradients(network, SCALED.series, SCALED.train, weights[None])[0, 0]
    np.testing.assert_allclose(sizes / sizes[-1], stretch ** np.arange(11.0, -1, -1), rtol=1e-10)
    np.testing.assert_allclose(spectral_radii(network, weights), [[stretch]], rtol=1e-12)


def test_start_and_end_of_a_trained_member():
    network = network_of("gru", dropout=0.2)
    recipe = recipe_of(network, epochs=5, learning_rate=0.05)
    members = [Member(lam, seed, "fold1", 5) for lam in (0.0, 9.0) for seed in (0, 1)]
    outcomes = trained(recipe, DATA, members)
    for member in members:
        start, end = outcomes[member].state_gradients
        first = initial_weights(network, member.seed)
        for gradients, weights in ((start, first), (end, outcomes[member].weights)):
            truth = state_gradients(network, SCALED.series, SCALED.train, weights[None])[0]
            np.testing.assert_array_equal(gradients, truth)
    np.testing.assert_array_equal(  # the start is the seed's, whatever λ is
        outcomes[members[0]].state_gradients[0], outcomes[members[2]].state_gradients[0]
    )


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_spectral_radii_are_of_torchs_matrices_by_gate(cell):
    network = network_of(cell, layers=2)
    rng = np.random.default_rng(2)
    weights = rng.normal(size=network.parameters)
    body = Oracle(network, weights).body
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[cell]
    truth = [
        [float(torch.linalg.eigvals(gate).abs().max()) for gate in matrix.detach().chunk(gates)]
        for matrix in (body.weight_hh_l0, body.weight_hh_l1)
    ]
    np.testing.assert_allclose(spectral_radii(network, weights), truth, rtol=1e-10)
    started = spectral_radii(network, initial_weights(network, 0))
    np.testing.assert_allclose(started, np.ones((2, gates)), rtol=1e-12)


def test_a_diverged_member_has_no_spectral_radius():
    network = network_of("gru")
    weights = initial_weights(network, 0)
    weights[3] = np.inf
    assert np.isnan(spectral_radii(network, weights)).all()


def test_norms_and_zeros_by_group():
    network = network_of("lstm", layers=2)
    oracle = Oracle(network, np.random.default_rng(4).normal(size=network.parameters))
    with torch.no_grad():
        oracle.body.weight_ih_l1[:14] = 0  # half the second layer's inputs
        oracle.head.weight[:, 2:] = 0
    flat = oracle.flat_weights()
    body, head = oracle.body, oracle.head.weight
    groups = [
        [body.weight_ih_l0, body.weight_ih_l1],
        [body.weight_hh_l0, body.weight_hh_l1],
        [head],
    ]
    truth = [float(sum((w**2).sum() for w in group).detach().sqrt()) for group in groups]
    np.testing.assert_allclose(norms(network, flat), truth, rtol=1e-12)
    np.testing.assert_allclose(zeros(network, flat), [14 * 7 / (28 * 9), 0, 5 / 7], rtol=1e-12)


def test_a_linear_network_has_no_states():
    network = replace(network_of("linear"), hidden=1)
    weights = initial_weights(network, 0)
    assert spectral_radii(network, weights).shape == (0, 0)
    trace = start_and_end(network, SCALED.series, SCALED.train, weights[None], [0])
    assert trace.shape == (1, 2, 0, 1)
    np.testing.assert_array_equal(zeros(network, weights), [np.nan, np.nan, 0.0])

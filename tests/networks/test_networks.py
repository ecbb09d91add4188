"""The fused cells against torch's own modules and against published known-answer vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from stages.networks.initial import initial_weights
from stages.networks.kernels.evaluation import forecasts
from stages.networks.kernels.workspace import plan_of, workspace_of
from stages.networks.shape import Network
from tests.oracles.torch_networks import Oracle
from tests.oracles.windows import shift_and_spread
from tests.support.fused import evaluate

SHAPES = [
    # cell, layers, segment, features, channels, lookback, horizon, hidden, windows
    ("linear", 1, 1, 2, 1, 7, 3, 4, 9),
    *[
        (cell, layers, segment, features, channels, 12, 5, hidden, windows)
        for cell in ("rnn", "gru", "lstm")
        for layers, segment, features, channels, hidden, windows in (
            (1, 1, 1, 1, 5, 7),
            (2, 3, 3, 2, 8, 33),
            (3, 4, 2, 1, 3, 16),
        )
    ],
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s[0]}-{s[1]}-{s[2]}")
@pytest.mark.parametrize("normalise", ["none", "last", "mean", "instance"])
def test_equals_torch_forward_and_gradients(shape, normalise):
    cell, layers, segment, features, channels, lookback, horizon, hidden, windows = shape
    network = Network(
        cell,
        features,
        horizon * channels,
        lookback,
        channels,
        hidden,
        layers,
        segment,
        0.0,
        normalise,
    )
    rng = np.random.default_rng(3)
    length = windows + lookback + horizon  # of each of two groups, one behind the other
    series = rng.normal(size=(2 * length, features))
    origins = rng.permutation(windows) + lookback - 1
    rows = origins + rng.integers(0, 2, windows) * length
    weights = initial_weights(network, 1) + 0.1 * rng.normal(size=network.parameters)
    out, target, grad = evaluate(network, weights, series, rows)

    x, y = [], []
    for row in rows:
        window = series[row - lookback + 1 : row + 1].copy()
        future = series[row + 1 : row + 1 + horizon, :channels].copy()
        seen = window[:, :channels]
        shift, spread = shift_and_spread(seen, normalise)
        window[:, :channels] = (seen - shift) / spread
        x.append(window)
        y.append(((future - shift) / spread).reshape(-1))
    oracle = Oracle(network, weights)
    expected = oracle(torch.tensor(np.array(x)))
    (0.5 * ((expected - torch.tensor(np.array(y))) ** 2).sum()).backward()
    np.testing.assert_allclose(target, np.array(y), rtol=0, atol=1e-12)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(grad, oracle.flat_gradient(), rtol=1e-12, atol=1e-12)
    out32, _, grad32 = evaluate(network, weights, series.astype(np.float32), rows)
    np.testing.assert_allclose(out32, out, rtol=0, atol=3e-5)
    np.testing.assert_allclose(grad32, grad, rtol=2e-3, atol=2e-3 * np.abs(grad).max())


@pytest.mark.parametrize("normalise", ["none", "last", "mean", "instance"])
def test_gaps_that_no_window_touches_change_nothing(normalise):
    """A differenced series begins with a gap, and others may lie between the windows."""
    network = Network("gru", 2, 3, 6, 1, 5, normalise=normalise)
    rng = np.random.default_rng(4)
    series = rng.normal(size=(80, 2))
    rows = np.array([7, 8, 25, 40 + 9])
    used = np.zeros(80, bool)
    for row in rows:
        used[row - 5 : row + 4] = True
    weights = initial_weights(network, 1)
    whole = evaluate(network, weights, series, rows)
    series[~used] = np.nan
    assert np.isnan(series[0, 0])
    for result, expected in zip(evaluate(network, weights, series, rows), whole, strict=True):
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("lstm", (0.6288687, 0.8689916, 0.9460773)),
        ("gru", (0.5217289, 0.6371659, 0.3938496)),
    ],
)
def test_known_answers_of_keras(cell, expected):
    """Constant kernel .01, recurrent .02, bias .03, input arange(72) as (3, 6, 4): the last output."""
    network = Network(cell, 4, 1, 6, 1, 3)
    weights = np.zeros(network.parameters)
    for matrix in network.matrices[:-1]:
        block = weights[matrix.offset : matrix.offset + matrix.size].reshape(matrix.rows, -1)
        block[:, : matrix.inputs] = 0.01
        block[:, matrix.inputs] = 0.03
        block[:, matrix.inputs + 1 :] = 0.02
        if cell == "lstm":
            block[3:6, matrix.inputs] = 1  # Keras's unit_forget_bias takes the place of the .03
        elif len(matrix.gates) == 2:
            block[:, matrix.inputs] += 0.03  # both biases of the gates r and z
    weights[-3] = 1.0  # the head passes the first unit on
    windows = np.arange(72, dtype=float).reshape(3, 6, 4)
    series = np.concatenate([windows, np.zeros((3, 1, 4))], axis=1).reshape(21, 4)
    rows = np.arange(3) * 7 + 5
    out, _, _ = evaluate(network, weights, series, rows)
    np.testing.assert_allclose(out[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("cell", ["linear", "rnn", "gru", "lstm"])
def test_a_forecast_depends_on_neither_company_nor_block(cell):
    """Bit for bit: alone or among 50 others, on all windows at once or a few at a time."""
    network = Network(cell, 2, 5, 13, 1, 7, normalise="instance")
    rng = np.random.default_rng(4)
    series = rng.normal(size=(180, 2)).astype(np.float32)
    rows = np.concatenate([np.arange(12, 85), 90 + np.arange(12, 85)])
    every = np.stack([initial_weights(network, seed) for seed in range(51)]).astype(np.float32)

    def forecast(weights: np.ndarray, origins: np.ndarray) -> np.ndarray:
        result = np.empty((len(weights), len(origins), network.outputs), np.float32)
        plan, ws = plan_of(network, len(origins)), workspace_of(network, len(origins), "float32")
        units = np.empty((len(origins), 2 * network.channels), np.float32)
        forecasts(plan, ws, series, origins, weights, result, units)
        return result

    together = forecast(every, rows)
    assert len(np.unique(together[:, 0, 0])) == 51
    for k in (0, 17, 50):
        np.testing.assert_array_equal(forecast(every[k : k + 1], rows)[0], together[k])
    for block in (1, 7, 40):
        parts = [forecast(every[:3], rows[i : i + block]) for i in range(0, len(rows), block)]
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), together[:3])


@pytest.mark.parametrize("cell", ["linear", "rnn", "gru", "lstm"])
def test_torchs_start_values_are_distributed_as_torchs(cell):
    """Two-sample Kolmogorov-Smirnov of every column of every matrix, over 40 networks of each."""
    network = Network(
        cell, 3, 4, 6, 2, 1 if cell == "linear" else 8, layers=1 if cell == "linear" else 2
    )
    ours = np.stack([initial_weights(network, seed, "torch") for seed in range(40)])
    theirs = []
    for seed in range(40):
        torch.manual_seed(seed)
        theirs.append(as_started(network))
    for matrix in network.matrices:
        part = slice(matrix.offset, matrix.offset + matrix.size)
        a, b = (
            np.stack([w[part].reshape(matrix.rows, -1) for w in side]) for side in (ours, theirs)
        )
        for column in range(matrix.columns):
            assert ks_2samp(a[..., column].ravel(), b[..., column].ravel()).pvalue > 1e-4
            assert abs(a[..., column]).max() <= 1.0001 * abs(b[..., column]).max() + 0.1
    assert len(np.unique(ours[0])) == network.parameters


def as_started(network: Network) -> np.ndarray:
    """Flat weights of torch's modules as they start; of two biases that are only ever added, the sum."""
    oracle = Oracle(network, np.zeros(network.parameters))
    for module in oracle.children():
        module.reset_parameters()  # type: ignore[operator]
    with torch.no_grad():
        for name, parameter in oracle.named_parameters():
            if "bias_ih" not in name:
                continue
            other = dict(oracle.named_parameters())[name.replace("bias_ih", "bias_hh")]
            shared = len(parameter) - network.hidden if network.cell == "gru" else len(parameter)
            parameter[:shared] += other[:shared]
            other[:shared] = 0
    return oracle.flat_weights()

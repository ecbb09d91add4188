"""The stacked torch program: against torch's own modules, and the compiled kernels against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch

from stages.networks.initial import initial_weights
from stages.networks.shape import Network
from stages.networks.stacked.network import Stacked
from stages.train.engines.cpu import CompiledEngine
from stages.train.engines.cuda import StackedEngine
from stages.train.engines.engine import Part, State, fold_data, start_state
from stages.train.engines.penalty import terms
from stages.train.planning.members import Member, Recipe
from tests.oracles.torch_networks import Oracle
from tests.support.synthetic_windows import synthetic_windows

SHAPES = [
    # cell, layers, segment, hidden
    ("linear", 1, 1, 1),
    *(
        (cell, *rest)
        for cell in ("rnn", "gru", "lstm")
        for rest in ((1, 1, 5), (2, 3, 8), (3, 4, 3))
    ),
]
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="torch finds no CUDA device on this machine"
        ),
    ),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s[0]}-{s[1]}-{s[2]}")
def test_equals_torch_forward_and_gradients(shape):
    cell, layers, segment, hidden = shape
    network = Network(cell, 3, 4, 12, 2, hidden, layers, segment)
    rng = np.random.default_rng(1)
    members, batch = 3, 7
    w = np.stack([initial_weights(network, seed) for seed in range(members)])
    w += 0.1 * rng.normal(size=w.shape)
    x, y = rng.normal(size=(members, batch, 12, 3)), rng.normal(size=(members, batch, 4))
    flat, grad = torch.from_numpy(w), torch.empty(w.shape, dtype=torch.float64)
    program = Stacked(network, members, batch, flat)
    inputs = x.reshape(members, batch, network.steps, network.step_inputs).transpose(2, 0, 3, 1)
    for _ in range(2):  # buffers are used again
        out = program.forward(flat, torch.from_numpy(inputs.copy()))
        program.backward(flat, out - torch.from_numpy(y).mT, grad)
    for k in range(members):
        oracle = Oracle(network, w[k])
        expected = oracle(torch.from_numpy(x[k]))
        (0.5 * ((expected - torch.from_numpy(y[k])) ** 2).sum()).backward()
        np.testing.assert_allclose(out[k].T, expected.detach(), rtol=0, atol=1e-13)
        np.testing.assert_allclose(grad[k], oracle.flat_gradient(), rtol=1e-12, atol=1e-12)


CASES = {
    "linear": Network("linear", 2, 5, 12, 1, 1, normalise="mean"),
    "rnn": Network("rnn", 2, 5, 12, 1, 5, layers=2, dropout=0.3, normalise="instance"),
    "gru": Network("gru", 2, 5, 12, 1, 7, layers=2, segment=3, dropout=0.2, normalise="last"),
    "lstm": Network("lstm", 2, 5, 12, 1, 9, layers=2, dropout=0.4),
    "known": Network("gru", 2, 5, 12, 1, 7, dropout=0.2, normalise="instance", future=1),
    "known, linear": Network("linear", 2, 5, 12, 1, 1, normalise="last", future=1),
}


def trained(engine, recipe: Recipe, members: list[Member], rows: np.ndarray) -> tuple[State, Part]:
    """Three epochs in two parts each of the windows `rows`; the last batch is short."""
    state, order = start_state(recipe, members), np.random.default_rng(2)
    penalty = terms(recipe, members, len(rows))
    lines = np.array([[m.seed, m.seed] for m in members], np.int64)
    batches = -(-len(rows) // recipe.batch_size)
    for epoch, rates in enumerate(recipe.rates(batches)[:3]):
        orders = np.stack([order.permutation(rows) for _ in range(2)])
        for start, stop in ((0, 2), (2, batches)):
            part = Part(start, stop, orders, lines, penalty, rates, epoch * batches)
            engine.train(state, part)
    return state, part


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("cell", CASES)
def test_the_kernels_and_the_stacked_program_train_the_same_network(
    cell, optimizer, precision, device
):
    same_network(cell, optimizer, precision, device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("cell", CASES)
@pytest.mark.parametrize(
    ("penalty", "ratio", "optimizer"),
    [
        ("decoupled", None, "adam"),
        ("l1", None, "sgd"),
        ("elastic_net", 0.6, "adam"),
        ("predictions", None, "adam"),
    ],
)
def test_every_penalty_is_the_same_in_both(penalty, ratio, optimizer, cell, device):
    same_network(cell, optimizer, "float64", device, penalty=penalty, ratio=ratio, momentum=0.0)


def same_network(
    cell: str,
    optimizer: Literal["adam", "sgd"],
    precision: Literal["float32", "float64"],
    device: str,
    **changes,
) -> None:
    """Train four members by both engines and compare weights, moments, sums and losses."""
    network = CASES[cell]
    windows = synthetic_windows(
        steps=120, groups=2, features=2, lookback=12, horizon=5, normalise=network.normalise
    )
    recipe = Recipe(
        network, 4, 37, optimizer, 0.5 if optimizer == "sgd" else 0.0, 0.01, "cosine", 0.5, None,
        (1.0, 0.5, 2.0), precision,
    )  # fmt: skip
    recipe = replace(recipe, **changes)
    data = fold_data(windows, windows.folds[1], precision)
    assert len(data.train) % 37
    members = [Member(lam, seed, "fold1", 4) for lam in (0.0, 3.0) for seed in (0, 1)]
    results = []
    for engine in (CompiledEngine(recipe, data), StackedEngine(recipe, data, device)):
        state, _ = trained(engine, recipe, members, data.train)
        results.append((state, engine.losses(state.weights, data.validation)))
    (compiled, losses), (stacked, stacked_losses) = results
    start = start_state(recipe, members).weights
    assert np.abs(compiled.weights - start).max() > 3e-3
    exact = precision == "float64"
    rtol, atol = (1e-10, 1e-11) if exact else (3e-3, 3e-4)
    for name in ("weights", "first", "sums"):
        np.testing.assert_allclose(
            getattr(stacked, name), getattr(compiled, name), rtol=rtol, atol=atol, err_msg=name
        )
    np.testing.assert_allclose(stacked_losses, losses, rtol=rtol, atol=atol)
    assert (compiled.sums[:, 2] > 0).any()  # some steps were clipped
    np.testing.assert_array_equal(compiled.sums[:, 2], stacked.sums[:, 2])


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_refused():
    windows = synthetic_windows()
    recipe = Recipe(
        Network("gru", 1, 3, 6, 1, 4), 2, 8, "adam", 0.0, 0.01, "constant", None, None,
        (1.0, 1.0, 1.0), device="cuda",
    )  # fmt: skip
    data = fold_data(windows, windows.folds[0], "float32")
    with pytest.raises(ValueError, match=r"train\.device = 'cuda': torch finds no CUDA device"):
        StackedEngine(recipe, data, "cuda")

"""A network of the user's is trained as a built-in cell is: torch's modules given so reach its numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from stages.artifacts.windows import Windows
from stages.forecast.networks import forecast
from stages.networks.module.build import Built, flat_weights
from stages.networks.module.named import network_named
from stages.networks.shape import Network
from stages.train.engines.engine import State, fold_data, start_state
from stages.train.engines.trainer import Chunk, Outcome
from stages.train.planning.members import Member, Recipe
from stages.train.pool.store import MemberStore
from stages.train.pool.worker import _groups
from tests.oracles.torch_networks import Oracle
from tests.oracles.windows import scaled
from tests.support.closure import ROOT
from tests.support.members import WINDOWS, assert_same, members_of
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import design, recipe_of, trained

HIDDEN = 5
GATED = """
import torch
from torch import nn

class Gated(nn.Module):
    def __init__(self, features, horizon, channels, hidden, layers, **_):
        super().__init__()
        self.body = nn.GRU(features, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, horizon * channels)
        for name, parameter in self.body.named_parameters():
            if "bias_hh" in name:  # redundant except in the gate n: it stays as it is elsewhere
                parameter.register_hook(
                    lambda g: torch.cat([torch.zeros_like(g[: 2 * hidden]), g[2 * hidden :]])
                )

    def forward(self, x):
        return self.head(self.body(x)[0][:, -1])
"""
FLAT = """
from torch import nn

class Flat(nn.Module):
    def __init__(self, lookback, features, horizon, channels, **_):
        super().__init__()
        self.head = nn.Linear(lookback * features, horizon * channels)
        self.shape = horizon, channels

    def forward(self, x):
        return self.head(x.flatten(1)).unflatten(1, self.shape)  # (batch, horizon, channels)
"""


def module_of(name: str, root: Path, windows: Windows, **more) -> Network:
    """The network of a class in `root/cells`, for these windows."""
    layout, channels = windows.layout, windows.levels.shape[1]
    shape = {
        "features": windows.values.shape[1], "outputs": layout.horizon * channels,
        "lookback": layout.lookback, "channels": channels, "hidden": HIDDEN, "layers": 1, **more,
    }  # fmt: skip
    return network_named(name, root, normalise=layout.normalise, **shape)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder with the two classes."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "cells").mkdir()
    (folder / "cells/gated.py").write_text(GATED)
    (folder / "cells/flat.py").write_text(FLAT)
    return folder


def from_start(recipe: Recipe, windows: Windows, member: Member, oracle: Oracle) -> Outcome:
    """The module's member, trained from the oracle's weights."""
    built = Built(recipe.network, recipe.precision)
    names = dict(built.module.named_parameters())
    outcomes: dict[Member, Outcome] = {}
    with torch.no_grad():
        for name, value in oracle.named_parameters():
            names[name].copy_(value)
    state, fold = start_state(recipe, [member]), windows.folds[1]
    state.weights[0] = flat_weights(built.module)
    data = fold_data(windows, fold, recipe.precision)
    Chunk(recipe, data, [member], state, outcomes.__setitem__).run()
    return outcomes[member]


@pytest.mark.parametrize(
    ("cell", "name"), [("gru", "cells.gated:Gated"), ("linear", "cells.flat:Flat")]
)
@pytest.mark.parametrize(
    ("precision", "atol"), [("float64", 1e-10), ("float32", 1e-4)]
)  # fmt: skip
@pytest.mark.parametrize(
    "settings",
    [
        {"penalty": "l2"},
        {"penalty": "decoupled", "loss": "absolute", "schedule": "constant"},
        {"penalty": "elastic_net", "ratio": 0.5, "clip_norm": 0.3},
        {"penalty": "predictions", "optimizer": "sgd", "momentum": 0.9},
    ],
)  # fmt: skip
def test_torchs_modules_reach_the_built_in_cells(root, cell, name, precision, atol, settings):
    windows = synthetic_windows(features=3, channels=2, normalise="instance")
    network = module_of(name, root, windows)
    twin = Network(cell, 3, 6, 6, 2, HIDDEN if cell == "gru" else 1, normalise="instance")
    recipe = recipe_of(twin, batch_size=20, epochs=4, precision=precision, **settings)
    assert windows.folds[1].m % 20  # a short last batch
    member = Member(3.0, 3, "fold1", 4)
    truth = trained(recipe, windows, [member])[member]
    start = start_state(recipe, [member]).weights[0]
    recipe = replace(recipe, network=network)
    outcome = from_start(recipe, windows, member, Oracle(twin, start))
    built = Built(network, precision)
    built.set(outcome.weights)
    oracle = Oracle(twin, start)
    oracle.load_state_dict(built.module.state_dict())
    np.testing.assert_allclose(oracle.flat_weights(), truth.weights, atol=atol)
    for what in ("curves", "window_losses", "train_losses"):
        np.testing.assert_allclose(getattr(outcome, what), getattr(truth, what), rtol=10 * atol)
    data = scaled(windows, windows.folds[1].center, windows.folds[1].scale)
    rows, weights = windows.folds[1].validation, outcome.weights.astype(np.float32)[None]
    expected = forecast(twin, truth.weights.astype(np.float32)[None], data, rows)
    np.testing.assert_allclose(forecast(network, weights, data, rows), expected, atol=1e-3)


def test_a_linear_module_is_scikit_learns_ridge(root):
    windows = synthetic_windows(features=2)
    recipe = recipe_of(
        module_of("cells.flat:Flat", root, windows), epochs=500, batch_size=windows.folds[-1].m,
        learning_rate=0.05,
    )  # fmt: skip
    members = [Member(lam, 0, "final", 500) for lam in (0.3, 20.0)]
    for member, outcome in trained(recipe, windows, members).items():
        truth = Ridge(alpha=member.lam, tol=1e-12).fit(*design(windows))
        weights = outcome.weights.reshape(-1)
        np.testing.assert_allclose(weights[: truth.coef_.size], truth.coef_.ravel(), atol=1e-5)
        np.testing.assert_allclose(weights[truth.coef_.size :], truth.intercept_, atol=1e-5)


def convolution(epochs: int = 3) -> Recipe:
    """The example of the repository, with dropout."""
    network = module_of("cells.tcn:Convolution", ROOT, WINDOWS, layers=2, dropout=0.3)
    return recipe_of(network, precision="float32", batch_size=37, epochs=epochs, clip_norm=1.0)


def test_bits_do_not_depend_on_company_threads_or_what_torch_drew_before():
    recipe, members = convolution(), members_of(5, 3)
    together = trained(recipe, WINDOWS, members)
    torch.manual_seed(99)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        alone = trained(recipe, WINDOWS, [members[4]])[members[4]]
        assert torch.get_num_threads() == 2  # as it was before
    finally:
        torch.set_num_threads(threads)
    assert_same(alone, together[members[4]])
    weights = [together[member].weights for member in members]
    assert len({w.tobytes() for w in weights}) == 5
    plain = replace(recipe, network=replace(recipe.network, dropout=0.0))
    assert not np.array_equal(trained(plain, WINDOWS, members[:1])[members[0]].weights, weights[0])


def test_one_start_serves_all_lambdas():
    first, other, seed1 = start_state(convolution(), members_of(5, 3)).weights[[0, 3, 1]]
    np.testing.assert_array_equal(first, other)
    assert not np.array_equal(first, seed1)


class KilledError(Exception):
    """Simulates the end of a process."""


def test_a_killed_member_goes_on_to_the_same_bits(tmp_path):
    recipe, members = convolution(), members_of(2, 3)
    whole = trained(recipe, WINDOWS, members)
    data = fold_data(WINDOWS, WINDOWS.folds[1], "float32")
    store, keys = MemberStore(tmp_path), {m: f"{i:02d}{'a' * 62}" for i, m in enumerate(members)}
    outcomes: dict[Member, Outcome] = {}
    kills = []

    def pause(chunk: Chunk) -> None:
        for k, member in enumerate(chunk.members):
            arrays = {name: getattr(chunk.state, name)[k] for name in State.ARRAYS}
            meta = {"epoch": chunk.state.epoch, "batch": chunk.state.batch}
            store.put(keys[member], arrays, meta, partial=True)
        chunk._batches_a_call = 1  # a pause after every batch
        kills.append((chunk.state.epoch, chunk.state.batch))
        if len(kills) % 2:
            raise KilledError

    for _ in range(100):
        left = [m for m in members if m not in outcomes]
        try:
            for group, state in _groups(recipe, left, keys, store):
                Chunk(recipe, data, group, state, outcomes.__setitem__, pause).run()
        except KilledError:
            continue
        break
    assert any(batch for _, batch in kills)  # amid an epoch
    for member in members:
        assert_same(outcomes[member], whole[member])

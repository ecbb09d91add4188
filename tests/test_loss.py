"""The loss is the one of the README: against ridge in closed form and against torch's optimisers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from stages.artifacts.windows import Windows
from stages.networks.initial import initial_weights
from stages.networks.shape import Network
from stages.train.members import Member, Recipe
from stages.train.state import fold_data, start_state
from stages.train.trainer import Chunk, Outcome
from tests.made_windows import made_windows
from tests.torch_oracle import Oracle


def recipe_of(network: Network, **more) -> Recipe:
    values = {
        "epochs": 3, "batch_size": 16, "optimizer": "adam", "momentum": 0.0, "learning_rate": 0.01,
        "schedule": "cosine", "clip_norm": None, "patience": None, "multipliers": (1.0, 1.0, 1.0),
        "precision": "float64", **more,
    }  # fmt: skip
    return Recipe(network, **values)


def trained(recipe: Recipe, windows: Windows, members: list[Member]) -> dict[Member, Outcome]:
    """Train members of one fold in this process."""
    fold = next(f for f in windows.folds if f.name == members[0].fold)
    found: dict[Member, Outcome] = {}
    data = fold_data(windows, fold, recipe.precision)
    Chunk(recipe, data, members, start_state(recipe, members), found.__setitem__).run()
    return found


def linear(windows: Windows) -> Network:
    layout = windows.layout
    channels = windows.levels.shape[2]
    return Network(
        "linear", windows.values.shape[2], layout.horizon * channels, layout.lookback, channels, 1,
        normalise=layout.normalise,
    )  # fmt: skip


def ridge(windows: Windows, lam: float) -> Ridge:
    """scikit-learn's ridge on the final fold's windows."""
    fold = windows.folds[-1]
    x, y, _, _ = windows.batch(fold.train, fold.center, fold.scale)
    return Ridge(alpha=lam, tol=1e-12).fit(x.reshape(len(x), -1), y.reshape(len(y), -1))


@pytest.mark.parametrize(("groups", "features", "channels"), [(1, 1, 1), (3, 2, 1), (1, 3, 2)])
def test_full_batch_linear_network_is_ridge(groups, features, channels):
    windows = made_windows(groups=groups, features=features, channels=channels)
    m = windows.folds[-1].m
    recipe = recipe_of(linear(windows), epochs=6000, batch_size=m, learning_rate=0.05)
    members = [Member(lam, 0, "final", 6000) for lam in (0.0, 0.3, 5.0, 80.0)]
    for member, outcome in trained(recipe, windows, members).items():
        truth = ridge(windows, member.lam)
        own = outcome.weights.reshape(truth.coef_.shape[0], -1)
        np.testing.assert_allclose(own[:, 1:], truth.coef_, atol=1e-6)
        np.testing.assert_allclose(own[:, 0], truth.intercept_, atol=1e-6)


def test_minibatches_with_a_short_last_one_reach_ridge():
    windows = made_windows()
    recipe = recipe_of(linear(windows), epochs=4000, batch_size=32, learning_rate=0.01)
    assert windows.folds[-1].m % 32
    members = [Member(lam, 1, "final", 4000) for lam in (0.3, 5.0, 80.0)]
    for member, outcome in trained(recipe, windows, members).items():
        truth = ridge(windows, member.lam)
        own = outcome.weights.reshape(3, -1)
        np.testing.assert_allclose(own[:, 1:], truth.coef_, atol=1e-3)
        np.testing.assert_allclose(own[:, 0], truth.intercept_, atol=1e-3)


def test_multipliers_scale_the_penalty_of_their_group():
    windows = made_windows()
    m = windows.folds[-1].m
    recipe = recipe_of(
        linear(windows), epochs=5000, batch_size=m, learning_rate=0.05, multipliers=(9.0, 9.0, 0.5)
    )
    outcome = next(iter(trained(recipe, windows, [Member(8.0, 0, "final", 5000)]).values()))
    np.testing.assert_allclose(
        outcome.weights.reshape(3, -1)[:, 1:], ridge(windows, 4.0).coef_, atol=1e-6
    )


def torch_training(recipe: Recipe, windows: Windows, member: Member) -> np.ndarray:
    """The same steps by torch: its modules, its autograd, its optimisers; flat weights in our order."""
    fold = next(f for f in windows.folds if f.name == member.fold)
    network = Oracle(recipe.network, initial_weights(recipe.network, member.seed))
    decay = [p for name, p in network.named_parameters() if "bias" not in name]
    free = [p for name, p in network.named_parameters() if "bias" in name]
    groups = [{"params": decay, "weight_decay": member.lam / fold.m}, {"params": free}]
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.SGD
    extra = {"momentum": recipe.momentum} if recipe.optimizer == "sgd" else {}
    optimizer = kind(groups, lr=recipe.learning_rate, **extra)
    if recipe.network.cell not in (
        "linear",
    ):  # torch's second bias is redundant but in a GRU's n gate
        freeze_second_bias(network)
    for epoch, rate in enumerate(recipe.rates()):
        for group in optimizer.param_groups:
            group["lr"] = float(rate)
        entropy = np.random.SeedSequence([member.seed, 1, epoch])
        order = np.random.Generator(np.random.PCG64(entropy)).permutation(fold.train)
        for begin in range(0, len(order), recipe.batch_size):
            rows = order[begin : begin + recipe.batch_size]
            x, y, _, _ = windows.batch(rows, fold.center, fold.scale)
            error = network(torch.tensor(x)) - torch.tensor(y.reshape(len(y), -1))
            share = len(rows) / recipe.batch_size
            for group in optimizer.param_groups[:1]:
                group["weight_decay"] = share * member.lam / fold.m
            optimizer.zero_grad()
            (0.5 * (error**2).sum() / recipe.batch_size).backward()
            if recipe.clip_norm:
                with torch.no_grad():  # the limit holds for the gradient of the whole loss
                    for p in decay:
                        p.grad += share * member.lam / fold.m * p
                torch.nn.utils.clip_grad_norm_([*decay, *free], recipe.clip_norm)
                optimizer.param_groups[0]["weight_decay"] = 0.0
            optimizer.step()
    return network.flat_weights()


def freeze_second_bias(network: Oracle) -> None:
    for name, parameter in network.named_parameters():
        if "bias_hh" not in name:
            continue
        d = network.network.hidden
        mask = torch.zeros_like(parameter)
        if network.network.cell == "gru":
            mask[2 * d :] = 1
        parameter.register_hook(lambda grad, mask=mask: grad * mask)


@pytest.mark.parametrize("cell", ["linear", "rnn", "gru", "lstm"])
@pytest.mark.parametrize(
    ("optimizer", "momentum", "clip"),
    [("sgd", 0.0, None), ("sgd", 0.9, None), ("adam", 0.0, None), ("adam", 0.0, 0.2)],
)
def test_steps_are_those_of_torch_with_weight_decay(cell, optimizer, momentum, clip):
    windows = made_windows(features=2)
    network = Network(cell, 2, 3, 6, 1, 1 if cell == "linear" else 5)
    recipe = recipe_of(
        network, optimizer=optimizer, momentum=momentum, clip_norm=clip, batch_size=20, epochs=4
    )
    member = Member(7.0, 3, "fold1", 4)
    assert windows.folds[1].m % 20
    outcome = trained(recipe, windows, [member])[member]
    np.testing.assert_allclose(outcome.weights, torch_training(recipe, windows, member), atol=1e-10)


def test_constant_and_cosine_rates():
    network = Network("linear", 1, 3, 6, 1, 1)
    assert set(recipe_of(network, schedule="constant", epochs=5).rates()) == {0.01}
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=7)
    for rate in recipe_of(network, epochs=7).rates():
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-15)
        optimizer.step()
        schedule.step()

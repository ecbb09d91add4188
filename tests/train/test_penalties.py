"""Each penalty is the one of its definition: against torch step by step, and at the optimum."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge

from stages.networks.shape import Network
from stages.train.engines.penalty import refuse_overshoot
from stages.train.planning.members import Member, Recipe
from tests.oracles.torch_training import torch_training
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import design, linear, recipe_of, trained

WINDOWS = synthetic_windows()
X, Y = design(WINDOWS)
M = len(X)
PATH = tuple(float(lam) for lam in np.geomspace(0.3, 60.0, 10))
EPOCHS = 6000


def path_of(lambdas=PATH, seed: int = 0, **changes) -> dict[float, np.ndarray]:
    """λ → weights (H, 1 + L), the intercept first, of full-batch training to the optimum."""
    values = {"epochs": EPOCHS, "batch_size": M, "learning_rate": 0.05, **changes}
    recipe = recipe_of(linear(WINDOWS), **values)
    members = [Member(lam, seed, "final", recipe.epochs) for lam in lambdas]
    outcomes = trained(recipe, WINDOWS, members)
    return {m.lam: outcome.weights.reshape(Y.shape[1], -1) for m, outcome in outcomes.items()}


def assert_fits(weights: np.ndarray, model) -> None:
    model.fit(X, Y)
    np.testing.assert_allclose(weights[:, 1:], model.coef_, rtol=0, atol=1e-6)
    np.testing.assert_allclose(weights[:, 0], model.intercept_, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(weights[:, 1:] == 0, model.coef_ == 0)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_ridge_path_and_its_falling_norm(optimizer):
    path = path_of(optimizer=optimizer)
    for lam, weights in path.items():
        assert_fits(weights, Ridge(alpha=lam, tol=1e-12))
    norms = [np.linalg.norm(path[lam][:, 1:]) for lam in PATH]
    assert (np.diff(norms) < 0).all()


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("ratio", [None, 0.5])
def test_the_path_of_lasso_and_elastic_net_with_its_zeros(optimizer, ratio):
    kind = "elastic_net" if ratio else "l1"
    zeros = 0
    for lam, weights in path_of(optimizer=optimizer, penalty=kind, ratio=ratio).items():
        exact = {"alpha": lam / M, "tol": 1e-14, "max_iter": 1_000_000}
        assert_fits(weights, ElasticNet(l1_ratio=ratio, **exact) if ratio else Lasso(**exact))
        zeros += int((weights[:, 1:] == 0).sum())
    assert 10 < zeros < 9 * len(PATH) * Y.shape[1]  # the path has both


def test_a_penalty_on_predictions_shrinks_the_whole_forecast_of_least_squares():
    least = LinearRegression().fit(X, Y)
    for lam, weights in path_of(penalty="predictions").items():
        np.testing.assert_allclose(weights[:, 1:], least.coef_ / (1 + lam), rtol=0, atol=1e-6)
        np.testing.assert_allclose(weights[:, 0], least.intercept_ / (1 + lam), rtol=0, atol=1e-6)


def test_decoupled_decay_reaches_least_squares_in_its_box_and_not_ridge():
    least = LinearRegression().fit(X, Y).coef_
    largest = np.abs(least).max()
    inside, outside = (
        0.5 * M / largest,
        2 * M / largest,
    )  # λ whose box m/λ holds least squares, or not
    path = path_of((inside, outside), penalty="decoupled", epochs=20000, learning_rate=0.01)
    np.testing.assert_allclose(path[inside][:, 1:], least, rtol=0, atol=1e-3)
    assert np.abs(Ridge(alpha=inside).fit(X, Y).coef_ - least).max() > 0.1
    assert np.abs(path[outside][:, 1:]).max() <= M / outside * 1.001
    assert np.abs(path[outside][:, 1:] - least).max() > 0.1


def test_a_decay_of_the_whole_weight_is_refused():
    recipe = recipe_of(linear(WINDOWS), penalty="decoupled", learning_rate=0.1)
    refuse_overshoot(recipe, (0.0, 9.0 * M), M)
    with pytest.raises(ValueError, match=r"λ = .* takes 1.1 of a weight in a step .* smaller λ"):
        refuse_overshoot(recipe, (0.0, 11.0 * M), M)
    refuse_overshoot(recipe_of(linear(WINDOWS), learning_rate=0.1), (0.0, 11.0 * M), M)


@pytest.mark.parametrize("cell", ["linear", "rnn", "gru", "lstm"])
@pytest.mark.parametrize(
    ("penalty", "ratio", "optimizer", "clip"),
    [
        ("decoupled", None, "adam", None),
        ("decoupled", None, "adam", 0.2),
        ("l1", None, "adam", None),
        ("l1", None, "sgd", 0.2),
        ("elastic_net", 0.3, "adam", 0.2),
        ("elastic_net", 0.3, "sgd", None),
        ("predictions", None, "adam", None),
        ("predictions", None, "sgd", 0.2),
    ],
)
def test_steps_are_those_of_torch(cell, penalty, ratio, optimizer, clip):
    windows = synthetic_windows(features=2)
    network = Network(cell, 2, 3, 6, 1, 1 if cell == "linear" else 5)
    recipe = recipe_of(
        network, penalty=penalty, ratio=ratio, optimizer=optimizer, clip_norm=clip, batch_size=20,
        epochs=5,
    )  # fmt: skip
    member = Member(7.0, 3, "fold1", 5)
    assert windows.folds[1].m % 20
    weights = trained(recipe, windows, [member])[member].weights
    np.testing.assert_allclose(weights, torch_training(recipe, windows, member), rtol=0, atol=1e-10)
    plain = trained(recipe_of(network, **changes(recipe)), windows, [member])[member].weights
    assert np.abs(weights - plain).max() > 1e-3  # not those of another penalty


def changes(recipe: Recipe) -> dict[str, object]:
    names = ("optimizer", "clip_norm", "batch_size", "epochs")
    return {name: getattr(recipe, name) for name in names}


@pytest.mark.parametrize(("penalty", "ratio"), [("l1", None), ("elastic_net", 0.4), ("l2", None)])
def test_the_batch_size_does_not_change_the_meaning_of_lambda(penalty, ratio):
    assert all(M % size for size in (16, 64))
    size_of = {16: 0.003, 64: 0.01, M: 0.05}
    paths = {
        size: path_of(
            (0.5, 6.0, 30.0), penalty=penalty, ratio=ratio, batch_size=size, learning_rate=rate
        )
        for size, rate in size_of.items()
    }
    for lam, truth in paths[M].items():
        for size in (16, 64):
            np.testing.assert_allclose(paths[size][lam], truth, rtol=0, atol=1e-3)


@pytest.mark.parametrize("penalty", ["decoupled", "l1", "elastic_net"])
def test_multipliers_act_on_their_group(penalty):
    """A group of multiplier 0 is free, one of a large multiplier is squeezed."""
    network = Network("gru", 1, 3, 6, 1, 4)
    ratio = 0.5 if penalty == "elastic_net" else None
    norms = {}
    for squeezed in range(3):
        multipliers = tuple(20.0 if g == squeezed else 0.0 for g in range(3))
        recipe = recipe_of(
            network, penalty=penalty, ratio=ratio, multipliers=multipliers, epochs=200
        )
        member = Member(15.0, 0, "final", 200)
        weights = trained(recipe, WINDOWS, [member])[member].weights
        norms[squeezed] = [np.linalg.norm(weights[network.groups == g]) for g in (1, 2, 3)]
    for squeezed in range(3):
        others = [norms[other][squeezed] for other in range(3) if other != squeezed]
        assert norms[squeezed][squeezed] < 0.25 * min(others)


def test_zero_is_the_same_reference_under_every_penalty():
    network = Network("lstm", 1, 3, 6, 1, 4, dropout=0.2)
    member = Member(0.0, 2, "fold0", 3)
    kinds = [
        ("l2", None),
        ("decoupled", None),
        ("l1", None),
        ("elastic_net", 0.5),
        ("predictions", None),
    ]
    first, *others = [
        trained(recipe_of(network, penalty=kind, ratio=ratio), WINDOWS, [member])[member].weights
        for kind, ratio in kinds
    ]
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_members_of_one_seed_see_the_same_start_batches_and_masks_whatever_their_lambda():
    """A λ too small to change a bit gives the bits of λ = 0, in another company."""
    network = Network("gru", 1, 3, 6, 1, 4, layers=2, dropout=0.2)
    recipe = recipe_of(network, epochs=6)
    alone = Member(0.0, 1, "fold1", 6)
    tiny = Member(1e-300, 1, "fold1", 6)
    company = [Member(3.0, 0, "fold1", 6), tiny, Member(3.0, 1, "fold1", 6)]
    outcomes = trained(recipe, WINDOWS, company)
    truth = trained(recipe, WINDOWS, [alone])[alone].weights
    np.testing.assert_array_equal(outcomes[tiny].weights, truth)
    assert not np.array_equal(outcomes[company[2]].weights, truth)


@pytest.mark.parametrize("penalty", ["decoupled", "elastic_net", "predictions"])
def test_bits_do_not_depend_on_company_that_stops_early(penalty):
    network = Network("rnn", 1, 3, 6, 1, 4)
    ratio = 0.5 if penalty == "elastic_net" else None
    recipe = recipe_of(
        network, penalty=penalty, ratio=ratio, patience=2, epochs=40, learning_rate=0.05
    )
    members = [Member(lam, seed, "fold1", 40) for lam in (0.0, 0.5, 40.0) for seed in (0, 1)]
    outcomes = trained(recipe, WINDOWS, members)
    assert len({outcome.epochs for outcome in outcomes.values()}) > 2
    for member in members:
        alone = trained(recipe, WINDOWS, [member])[member]
        np.testing.assert_array_equal(outcomes[member].weights, alone.weights)
        np.testing.assert_array_equal(outcomes[member].curves, alone.curves)

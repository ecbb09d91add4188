"""The conversion table, row by row: each tool is run with its setting and finds this project's weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial

from tests.support.closure import ROOT

# Read when keras is imported: its backend, and the folder of its settings.
os.environ |= {"KERAS_BACKEND": "torch", "KERAS_HOME": str(ROOT / ".pytest_cache" / "keras")}

import keras
import numpy as np
import pytest
import statsmodels.api as sm
import torch
from scipy.optimize import minimize
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from sklearn.svm import SVR

from stages.equivalents import EQUIVALENTS, Equivalent, Setting, find, main
from stages.networks.initial import initial_weights
from stages.train.planning.members import Member
from tests.support import lambda_table
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import design, linear, recipe_of, trained

WINDOWS = synthetic_windows()
X, Y = design(WINDOWS)
M, P = Y.shape
LAM, RATIO, RATE, STEPS = 6.0, 0.4, 0.02, 40
SETTING = Setting(LAM, M, P, M, RATIO)
KINDS = {"l2": None, "l1": None, "elastic_net": RATIO, "decoupled": None, "predictions": None}
RAN: set[Equivalent] = set()


def setting(kind: str, tool: str, given: Setting = SETTING) -> float:
    """The table's value for the row, which counts as run."""
    row = find(kind, tool)
    RAN.add(row)
    return row.value(given)


@cache
def ours(
    kind: str,
    optimizer: str = "adam",
    epochs: int = 6000,
    rate: float = 0.05,
    loss: str = "squared",
) -> np.ndarray:
    """Weights (P, 1 + L·F) of this project, the intercept first."""
    recipe = recipe_of(
        linear(WINDOWS), penalty=kind, ratio=KINDS[kind], optimizer=optimizer, batch_size=M,
        epochs=epochs, learning_rate=rate, loss=loss, schedule="cosine" if epochs > STEPS else "constant",
    )  # fmt: skip
    member = Member(LAM, 0, "final", epochs)
    return trained(recipe, WINDOWS, [member])[member].weights.reshape(P, -1)


def start() -> np.ndarray:
    return initial_weights(linear(WINDOWS), 0).reshape(P, -1)


def assert_optimum(kind: str, intercept: np.ndarray, coefficients: np.ndarray) -> None:
    theirs = np.column_stack([intercept, coefficients])
    np.testing.assert_allclose(theirs, ours(kind), rtol=0, atol=1e-6)


def test_scikit_learn():
    exact = {"tol": 1e-14, "max_iter": 1_000_000}
    models = {
        "l2": Ridge(alpha=setting("l2", "scikit-learn `Ridge`"), tol=1e-12),
        "l1": Lasso(alpha=setting("l1", "scikit-learn"), **exact),
        "elastic_net": ElasticNet(
            alpha=setting("elastic_net", "scikit-learn"), l1_ratio=RATIO, **exact
        ),
    }
    for kind, model in models.items():
        model.fit(X, Y)
        assert_optimum(kind, model.intercept_, model.coef_)


@pytest.mark.parametrize(("kind", "ratio"), [("l2", 0.0), ("l1", 1.0), ("elastic_net", RATIO)])
def test_statsmodels(kind, ratio):
    strength = setting(kind, "statsmodels")
    alpha = np.full(X.shape[1] + 1, strength)
    alpha[0] = 0
    exact = {"maxiter": 5000, "cnvrg_tol": 1e-13, "zero_tol": 1e-13} if ratio else {}
    inputs = sm.add_constant(X)

    def objective(w: np.ndarray, y: np.ndarray) -> float:
        error, penalties = y - inputs @ w, (1 - ratio) * w**2 / 2 + ratio * np.abs(w)
        return error @ error / (2 * M) + alpha @ penalties

    for j, y in enumerate(Y.T):
        model = sm.OLS(y, inputs)
        # Its active set drops for good a weight that is 0 on the way, so two starts are tried.
        starts = (np.zeros(len(alpha)), model.fit().params)
        fits = [
            model.fit_regularized(alpha=alpha, L1_wt=ratio, start_params=s, **exact) for s in starts
        ]
        best = min((fit.params for fit in fits), key=partial(objective, y=y))
        np.testing.assert_allclose(best, ours(kind)[j], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("kind", "ratio"), [("l2", 0.0), ("l1", 1.0), ("elastic_net", RATIO)])
def test_the_objective_that_glmnet_documents(kind, ratio):
    """y/s is fitted with lambda/s, and the coefficients are multiplied by s: glmnet's help, `gaussian`."""
    inputs = np.column_stack([np.ones(M), X])
    penalised = np.r_[0.0, np.ones(2 * X.shape[1])]
    for j in range(P):
        y, s = Y[:, j], Y[:, j].std()
        lam = setting(kind, "glmnet", Setting(LAM, M, P, M, RATIO, s)) / s
        alpha = ratio / (ratio + s * (1 - ratio))

        def objective(v, y=y, s=s, lam=lam, alpha=alpha):
            plus, minus = v[1 : 1 + X.shape[1]], v[1 + X.shape[1] :]  # β = plus − minus, both ≥ 0
            beta = np.concatenate([v[:1], plus - minus])
            error = inputs @ beta - y / s
            value = error @ error / (2 * M) + lam * (
                (1 - alpha) / 2 * beta[1:] @ beta[1:] + alpha * (plus.sum() + minus.sum())
            )
            slope = inputs.T @ error / M
            slope[1:] += lam * (1 - alpha) * beta[1:]
            return value, np.concatenate([slope, -slope[1:]]) + lam * alpha * penalised

        bounds = [(None, None)] + [(0, None)] * (2 * X.shape[1])
        options = {"maxiter": 20000, "maxfun": 100000, "ftol": 1e-16, "gtol": 1e-12}
        v = minimize(objective, np.zeros(len(bounds)), jac=True, bounds=bounds, options=options).x
        beta = s * np.r_[v[0], v[1 : 1 + X.shape[1]] - v[1 + X.shape[1] :]]
        np.testing.assert_allclose(beta, ours(kind)[j], rtol=0, atol=1e-6)


def test_support_vector_regression():
    """With absolute errors the minimum need not be unique, so objectives are compared."""
    strength = setting("l2", "scikit-learn `SVR`")
    for w, y in zip(ours("l2", loss="absolute"), Y.T, strict=True):
        model = SVR(kernel="linear", epsilon=0, C=strength, tol=1e-8).fit(X, y)
        both = [
            np.abs(X @ beta + intercept - y).sum() + LAM / 2 * beta @ beta
            for beta, intercept in ((w[1:], w[0]), (model.coef_[0], model.intercept_[0]))
        ]
        assert both[0] == pytest.approx(both[1], rel=1e-4)


# name: this project's loss, torch's of (forecast, y), what torch's is to be multiplied by to be this one
TORCH_LOSSES: dict[str, tuple[str, Callable[..., torch.Tensor], float]] = {
    "loss 1/(2b)": ("squared", lambda f, y: 0.5 * ((f - y) ** 2).sum() / M, 1),
    "`MSELoss`": ("squared", torch.nn.MSELoss(), P / 2),
    "`L1Loss`": ("absolute", torch.nn.L1Loss(), P),
}


@pytest.mark.parametrize("name", TORCH_LOSSES)
@pytest.mark.parametrize("tool", ["SGD", "Adam", "AdamW"])
def test_torch_takes_the_same_steps(tool, name):
    loss, function, scale = TORCH_LOSSES[name]
    kind = "decoupled" if tool == "AdamW" else "l2"
    decay = setting(kind, f"torch `{tool}`" + (f", {name}" if kind == "l2" else ""))
    network = torch.nn.Linear(X.shape[1], P, dtype=torch.float64)
    with torch.no_grad():
        network.bias.copy_(torch.tensor(start()[:, 0]))
        network.weight.copy_(torch.tensor(start()[:, 1:]))
    settings = {"lr": RATE * scale} if tool == "SGD" else {"lr": RATE, "eps": 1e-8 / scale}
    groups = [
        {"params": [network.weight], "weight_decay": decay},
        {"params": [network.bias], "weight_decay": 0.0},
    ]
    optimizer = getattr(torch.optim, tool)(groups, **settings)
    x, y = torch.tensor(X), torch.tensor(Y)
    for _ in range(STEPS):
        optimizer.zero_grad()
        function(network(x), y).backward()
        optimizer.step()
    theirs = np.column_stack([network.bias.detach(), network.weight.detach()])
    truth = ours(kind, "sgd" if tool == "SGD" else "adam", STEPS, RATE, loss)
    np.testing.assert_allclose(theirs, truth, rtol=0, atol=1e-11)
    assert np.abs(theirs - start()).max() > 0.1


def keras_model(weights: np.ndarray, regularizer=None, loss="mse", scale=P / 2) -> keras.Model:
    """A dense layer in double precision with SGD that takes this project's steps."""
    layer = keras.layers.Dense(P, kernel_regularizer=regularizer, dtype="float64")
    model = keras.Sequential([keras.Input((X.shape[1],), dtype="float64"), layer])
    model.compile(keras.optimizers.SGD(RATE * scale), loss=loss)
    model.set_weights([weights[:, 1:].T.copy(), weights[:, 0].copy()])
    return model


def keras_weights(model: keras.Model) -> np.ndarray:
    kernel, bias = (v.value.detach().numpy() for v in model.weights)
    return np.column_stack([bias, kernel.T])


def on_predictions(strength: float):
    """The loss of the listings: mean squared error and a regulariser called on y_pred."""
    regularizer = keras.regularizers.L2(strength)
    return lambda y, p: keras.ops.mean(keras.ops.square(y - p)) + regularizer(p)


def test_keras_takes_the_same_steps():
    strength = setting("l2", "Keras `l2`, loss `mse`")
    absolute = keras.regularizers.L2(setting("l2", "Keras `l2`, loss `mae`"))
    on_y = setting("predictions", "Keras")
    models = {
        ("l2", "squared"): keras_model(start(), keras.regularizers.L2(strength)),
        ("l2", "absolute"): keras_model(start(), absolute, "mae", P),
        ("predictions", "squared"): keras_model(start(), loss=on_predictions(on_y)),
    }
    for (kind, loss), model in models.items():
        for _ in range(STEPS):
            model.train_on_batch(X, Y)
        truth = ours(kind, "sgd", STEPS, RATE, loss)
        np.testing.assert_allclose(keras_weights(model), truth, rtol=0, atol=1e-6)
        assert np.abs(truth - ours("l1", "sgd", STEPS, RATE)).max() > 1e-3


def test_the_minimum_of_keras_l1_is_this_projects():
    """Keras has no smaller loss nearby; with half or twice the setting it has."""
    strength, rng = setting("l1", "Keras"), np.random.default_rng(0)
    for factor, is_minimum in ((1.0, True), (0.5, False), (2.0, False)):
        model = keras_model(ours("l1"), keras.regularizers.L1(factor * strength))

        def loss(weights: np.ndarray, model=model) -> float:
            model.set_weights([weights[:, 1:].T.copy(), weights[:, 0].copy()])
            return float(model.test_on_batch(X, Y))

        least = loss(ours("l1"))
        steps = [1e-4 * rng.normal(size=ours("l1").shape) for _ in range(20)]
        steps += [1e-3 * ours("l1"), -1e-3 * ours("l1")]
        assert all(loss(ours("l1") + step) > least - 1e-12 for step in steps) == is_minimum


def test_every_row_was_run(request):
    """Every row needs a test of its tool; checked only where all tests above ran."""
    ran = {
        item.function.__name__ for item in request.session.items if item.fspath == request.fspath
    }
    above = {name for name in globals() if name.startswith("test_")}
    if above - ran:
        pytest.skip("needs the other tests of this file in the same run")
    assert set(EQUIVALENTS) == RAN


def test_the_document_is_true():
    text = lambda_table.DOCUMENT.read_text(encoding="utf-8")
    assert lambda_table.current(text) == text, "run python -m tests.support.lambda_table"


def test_values_on_the_command_line(capsys):
    assert main(["--lam", "5", "--windows", "100", "--outputs", "10"]) == 0
    output = capsys.readouterr().out
    assert "| `l2` | squared | scikit-learn `Ridge` | alpha = 5 |" in output
    assert "| `l2` | squared | Keras `l2`, loss `mse` | l2 = 0.005 |" in output
    assert main([]) == 0
    assert "alpha = λ" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--lam", "-1", "--windows", "100"], "--lam = -1.0 must be a number of at least 0"),
        (["--windows", "100"], "--lam = None must be a number"),
        (["--lam", "1"], "--windows is needed"),
        (["--lam", "1", "--windows", "9", "--outputs", "0"], "--outputs and --batch must be"),
        (["--lam", "1", "--windows", "9", "--ratio", "1"], "--ratio must lie between 0 and 1"),
        (["--lam", "1", "--windows", "9", "--spread", "0"], "--spread above 0"),
    ],
)
def test_bad_values_are_refused(arguments, words, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert words in capsys.readouterr().err

"""The table of cells: each row against its equation under autograd in both engines; a row that is added."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.networks.cells import CELLS, LSTM
from stages.networks.initial import initial_weights
from stages.networks.shape import Network
from stages.networks.stacked.network import Stacked
from stages.report.page.weights import gate_looks
from tests.oracles.cell_equations import EQUATIONS, forecast
from tests.support.fused import evaluate
from tests.support.study import commit, edit, repro, run, small_repository

ROOT = Path(__file__).resolve().parents[2]


def test_every_row_has_an_equation():
    assert set(EQUATIONS) == {name for name, cell in CELLS.items() if cell.products}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "segment", "hidden"), [(1, 1, 5), (3, 3, 4)])
def test_both_engines_agree_with_the_equation(cell, layers, segment, hidden):
    """Values and the gradient of ½ Σ‖ŷ − y‖² in float64."""
    network = Network(cell, 2, 4, 12, 1, hidden, layers, segment)
    rng = np.random.default_rng(5)
    series, rows = rng.normal(size=(60, 2)), rng.permutation(40)[:21] + 11
    weights = initial_weights(network, 2) + 0.2 * rng.normal(size=network.parameters)
    x = torch.tensor(np.stack([series[row - 11 : row + 1] for row in rows]))
    y = torch.tensor(np.stack([series[row + 1 : row + 5, 0] for row in rows]))
    flat = torch.tensor(weights, requires_grad=True)
    truth = forecast(network, flat, x)
    (0.5 * ((truth - y) ** 2).sum()).backward()
    assert flat.grad is not None

    out, _, grad = evaluate(network, weights, series, rows)
    np.testing.assert_allclose(out, truth.detach(), atol=1e-12)
    np.testing.assert_allclose(grad, flat.grad, rtol=1e-11, atol=1e-12)

    program = Stacked(network, 1, len(rows), torch.tensor(weights))
    inputs = x.reshape(1, len(rows), network.steps, network.step_inputs).permute(2, 0, 3, 1)
    flat_row = torch.tensor(weights)[None]
    stacked = program.forward(flat_row, inputs)
    np.testing.assert_allclose(stacked[0].T, truth.detach(), atol=1e-12)
    gradient = torch.empty_like(flat_row)
    program.backward(flat_row, stacked - y.T[None], gradient)
    np.testing.assert_allclose(gradient[0], flat.grad, rtol=1e-11, atol=1e-12)


def test_biases_start_where_the_row_says():
    network = Network("lstm", 1, 1, 4, 1, 3, layers=2)
    weights = initial_weights(network, 0)
    for matrix in network.matrices[:-1]:
        block = weights[matrix.offset : matrix.offset + matrix.size].reshape(4, 3, matrix.columns)
        np.testing.assert_array_equal(block[:, :, matrix.inputs].mean(1), [0, 1, 0, 0])
    assert LSTM.biases == {"forget gate f": 1.0}


def test_gates_of_a_cell_look_unlike_and_a_name_looks_alike():
    rows = [cell.recurrences() for cell in CELLS.values()] + [("forget gate f", "candidate n")]
    looks = gate_looks(rows)
    for gates in rows:
        assert len({looks[gate] for gate in gates}) == len(gates)
    many = tuple(f"gate {k}" for k in range(6))  # more than there are looks
    assert set(gate_looks([many])) == set(many)


def add_the_guides_cell(folder: Path) -> None:
    """The code blocks of docs/extending.md, put where it says."""
    guide = (ROOT / "docs/extending.md").read_text("utf-8").split("## A penalty")[0]
    cell, row, oracle, oracle_row = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    insert(folder / "stages/networks/cells.py", "CELLS: dict[str, type[Cell]] = {\n", cell, row)
    insert(
        folder / "tests/oracles/cell_equations.py",
        "EQUATIONS: dict[str, Rule] = {\n",
        oracle,
        oracle_row,
    )


def insert(path: Path, table: str, before: str, row: str) -> None:
    """Put a definition before a table, and a row into it."""
    text = path.read_text("utf-8")
    assert text.count(table) == 1
    path.write_text(text.replace(table, f"{before}\n\n{table}{row}"), "utf-8")


AGREEMENT = """
import numpy as np, torch
from stages.networks.initial import initial_weights
from stages.networks.shape import Network
from stages.networks.stacked.network import Stacked
from tests.oracles.cell_equations import forecast
for layers in (1, 2):
    network, rng = Network("mgu", 2, 4, 12, 1, 5, layers, 3), np.random.default_rng(1)
    weights = torch.tensor(initial_weights(network, 0) + 0.2 * rng.normal(size=network.parameters))
    x, y = torch.tensor(rng.normal(size=(7, 12, 2))), torch.tensor(rng.normal(size=(7, 4)))
    flat = weights.clone().requires_grad_()
    truth = forecast(network, flat, x)
    (0.5 * ((truth - y) ** 2).sum()).backward()
    program = Stacked(network, 1, 7, weights)
    out = program.forward(weights[None], x.reshape(1, 7, 4, 6).permute(2, 0, 3, 1))
    grad = torch.empty_like(weights)[None]
    program.backward(weights[None], out - y.T[None], grad)
    torch.testing.assert_close(out[0].T, truth.detach(), atol=1e-12, rtol=0)
    torch.testing.assert_close(grad[0], flat.grad, atol=1e-12, rtol=1e-11)

# The kernels that the study compiled, in single precision, against the torch engine: one epoch of training.
from stages.train.engines.cpu import CompiledEngine
from stages.train.engines.cuda import StackedEngine
from stages.train.planning.members import Member
from stages.train.engines.penalty import terms
from stages.train.engines.engine import FoldData, Part, start_state
from tests.support.training import recipe_of
network = Network("mgu", 1, 3, 12, 1, 6, 2)
recipe, member = recipe_of(network, epochs=1, precision="float32"), Member(1.0, 0, "1", 1)
series = np.random.default_rng(2).normal(size=(120, 1)).astype(np.float32)
rows = np.arange(12, 92)
ends = []
for engine in (CompiledEngine, lambda *a: StackedEngine(*a, "cpu")):
    state = start_state(recipe, [member])
    lines, rates = np.zeros((1, 2), np.int64), np.full(5, 0.01)
    part = Part(0, 5, rows[None], lines, terms(recipe, [member], 80), rates, 0)
    engine(recipe, FoldData(series, rows, rows, np.ones_like(series))).train(state, part)
    ends.append(state)
assert np.abs(ends[0].weights - start_state(recipe, [member]).weights).max() > 0.01
np.testing.assert_allclose(ends[0].weights, ends[1].weights, atol=2e-4)
np.testing.assert_allclose(ends[0].sums, ends[1].sums, rtol=1e-4)
"""


@pytest.mark.slow
def test_the_guides_cell_is_a_class_and_a_row(tmp_path):
    """Added as docs/extending.md says, it is trained, scored, on the page and in MLflow's view."""
    folder = small_repository(tmp_path / "study")
    add_the_guides_cell(folder)
    edit(folder, "train.cells", ["mgu", "linear"])
    edit(folder, "train.penalty.lambdas", [0, 1])
    edit(folder, "evaluate.baselines", ["repeat_last"])
    commit(folder, "A minimal gated unit")
    compiled = str(tmp_path / "kernels")
    repro(folder, RIDGELINE_COMPILED=compiled)
    page = (folder / "data/report/index.html").read_text("utf-8")
    radii = (folder / "data/report/figures/radii.csv").read_text("utf-8")
    assert "forget gate f" in radii
    assert "candidate n" in radii
    assert "How the recurrence stretches a state" in page
    assert "mgu" in (folder / "data/report/report.md").read_text("utf-8")
    view = "from stages.tracking.store.views import views; print(views())"
    assert "mgu.validation_mse" in run(folder, sys.executable, "-c", view)
    run(folder, sys.executable, "-W", "error", "-c", AGREEMENT, RIDGELINE_COMPILED=compiled)

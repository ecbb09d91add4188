"""The study of shampoo sales is the published one, and docs/shampoo.md has the committed numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from benchmarks import documents, shampoo, shampoo_by_hand
from benchmarks.shampoo_study import PERSISTENCE, PUBLISHED, SALES, TEST, WINDOWS
from stages.artifacts.windows import Windows
from stages.networks.initial import initial_weights

RESULTS = json.loads(shampoo.RESULTS.read_text(encoding="utf-8"))


def test_the_page_has_the_committed_numbers():
    page = shampoo.PAGE.read_text(encoding="utf-8")
    assert documents.with_part(page, "numbers", shampoo.page(RESULTS)) == page


def test_repeating_the_last_month_is_as_wrong_as_published():
    steps = np.diff(SALES)[-TEST:]
    assert np.sqrt(np.mean(steps**2)) == pytest.approx(PERSISTENCE, abs=5e-4)


def test_the_coefficient_of_keras_as_lambda():
    """Σe²/m + 0.01 Σw², times m/2, is ½Σe² + λ/2 Σw²."""
    assert pytest.approx(0.01 * WINDOWS) == shampoo.LAM
    page = " ".join(shampoo.PAGE.read_text(encoding="utf-8").split())
    assert f"λ = 0.01·m·H·C = {shampoo.LAM:g}" in page


def test_the_published_change():
    change, error = PUBLISHED["input"].change
    assert change == pytest.approx(82.137 - 91.640)
    assert error == pytest.approx(np.hypot(6.086, 3.379) / np.sqrt(30))


def test_without_steps_recurrent_weights_change_nothing():
    first = RESULTS["lookbacks"][0]
    rows = {row["group"]: row for row in first["rows"]}
    assert first["lookback"] == 1
    assert (rows["recurrent"]["change"], rows["recurrent"]["se"]) == (0, 0)
    assert shampoo.cells(rows["recurrent"])[-1] == "0"


def test_a_carried_state_is_that_of_a_sequence_across_batches():
    """Row r of the batches sees x[r], x[r + 4], x[r + 8] as torch's LSTM sees a sequence."""
    flat = initial_weights(shampoo_by_hand.NETWORK, seed=3)
    x = torch.linspace(-1, 1, 12, dtype=torch.float64)
    carried = torch.cat(list(shampoo_by_hand.outputs(torch.tensor(flat)[None], x, True)), 1)
    body, head = torch.tensor(flat[:60]).reshape(12, 5), torch.tensor(flat[60:])
    lstm = torch.nn.LSTM(1, 3, dtype=torch.float64)
    parts = {"weight_ih": body[:, :1], "bias_ih": body[:, 1], "weight_hh": body[:, 2:]}
    lstm.load_state_dict(
        {f"{name}_l0": part for name, part in parts.items()}
        | {"bias_hh_l0": torch.zeros(12, dtype=torch.float64)}
    )
    hidden, _ = lstm(x.reshape(3, 4, 1))
    expected = hidden @ head[1:] + head[0]
    torch.testing.assert_close(carried[0], expected.reshape(-1))


@pytest.mark.slow
@pytest.mark.parametrize("group", shampoo.MULTIPLIERS)
def test_the_pipeline_and_plain_torch_agree(tmp_path, group):
    epochs, seeds = 100, 2
    got = shampoo.measured(tmp_path / group, 1, group, epochs, seeds)
    pair = [shampoo_by_hand.errors(g, False, epochs, seeds) for g in (None, group)]
    assert got == pytest.approx(shampoo.summary(group, *pair), abs=2e-3)
    assert bool(got["change"]) == (group != "recurrent")


@pytest.mark.slow
def test_every_lookback_has_the_same_targets(tmp_path):
    differences = np.diff(SALES)
    low, high = differences[:-TEST].min(), differences[:-TEST].max()
    for lookback in shampoo.LOOKBACKS:
        folder = tmp_path / str(lookback)
        shampoo.write_study(folder, lookback, "input", epochs=1, seeds=1)
        windows = Windows.load(folder / "development.safetensors")
        targets = windows.targets(windows.folds[-1].train).ravel()
        np.testing.assert_allclose(targets, SALES[-TEST - WINDOWS : -TEST])
        final = windows.folds[-1]
        np.testing.assert_allclose(final.center.item() - final.scale.item(), low)
        np.testing.assert_allclose(final.center.item() + final.scale.item(), high)

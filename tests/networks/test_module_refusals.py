"""A network of the user's that would give wrong numbers is refused before training, with a remedy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from stages.networks.module.build import initial_weights
from stages.networks.module.named import network_named
from stages.networks.module.source import known_cell, label
from stages.networks.shape import GROUPS, Network
from stages.train.params import TrainParams
from tests.support.closure import ROOT

TRAIN = {
    "hidden": 3, "penalty": {"lambdas": [0.0, 1.0]}, "seeds": 1, "epochs": 1, "batch_size": 8,
    "learning_rate": 0.1,
}  # fmt: skip
GOOD = """
import random
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, lookback, features, horizon, channels, hidden, layers, dropout):
        super().__init__()
        self.body = nn.Linear(lookback * features, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, horizon * channels)
        self.calls = 0

    def forward(self, x):
        h = self.drop(torch.relu(self.norm(self.body(x.flatten(1)))))
        return self.head(h)
"""


def named(root: Path, code: str, cell: str = "cells.net:Net") -> Network:
    """The network of a file `cells/net.py` with this code."""
    (root / "cells").mkdir(exist_ok=True)
    (root / "cells/net.py").write_text(code)
    return network_named(
        cell, root, features=2, outputs=6, lookback=5, channels=2, hidden=4, layers=1, dropout=0.4
    )


def test_what_is_penalised_and_where_it_starts(tmp_path):
    network = named(tmp_path, GOOD)
    assert network.parameters == 10 * 4 + 4 + 2 * 4 + 4 * 6 + 6
    weights = network.groups == GROUPS.index("weights")
    assert weights.sum() == 10 * 4 + 4 * 6
    assert not network.groups[~weights].any()  # biases, and scale and shift of the norm
    first, again, other = (initial_weights(network, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (network.depth, network.steps) == (0, 1)


BATCH_NORM = ("nn.LayerNorm(hidden)", "nn.BatchNorm1d(hidden)")
MIXED = ("return self.head(h)", "return self.head(h - h.mean(0))")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("class Net", "class Other", "importing it fails: AttributeError: .*'Net'"),
        ("class Net(nn.Module)", "class Net(nn.Module", r"cells/net.py is not Python .* correct it"),
        ("import random", "1 / 0", "importing it fails: ZeroDivisionError: division by zero; correct"),
        ("class Net(nn.Module):", "def Net(**_):\n  return 1\nclass Other(nn.Module):",
         "not a class derived from torch.nn.Module; derive it"),
        ("layers, dropout)", "layers)", "constructing it fails: TypeError: .*'dropout'; its constructor"),
        ("layers, dropout)", "layers, dropout, width)", "constructing it fails: TypeError: .*'width'"),
        ("horizon * channels)", "horizon)", r"of windows \(5, 5, 2\) it gives \(5, 3\); it must be \(5, 6\)"),
        ("return self.head(h)", "return self.head(h)[0]", r"it gives \(6,\)"),
        ("return self.head(h)", "return self.head(h), h", "its forward gives a tuple; return one tensor"),
        ("return self.head(h)", "return self.head(x)", r"its forward fails on windows .*RuntimeError.*"),
        ("return self.head(h)", "return self.head(h) / 0 * 0", "is not finite float32"),
        ("return self.head(h)", "return self.head(h).detach()", "has no gradient by its parameters"),
        ("return self.head(h)", "return self.head(h + torch.randn_like(h))", "two forecasts .* evaluation"),
        ("return self.head(h)", "return self.head(h + random.random())", "two forecasts of one window"),
        ("return self.head(h)", "self.calls += 1\n        return self.head(h + self.calls)",
         "remembers an earlier call"),
        ("nn.Dropout(dropout)", "nn.Dropout(0.1)", "differ in training with dropout 0: .* only dropout"),
        (*BATCH_NORM, "a forecast changes norm.running_mean, .*LayerNorm"),
        (*MIXED, "depends on the others of its batch"),
        ("self.calls = 0", "self.norm.weight.requires_grad_(False)", "norm.weight is not to be trained"),
        ("self.calls = 0", "self.double()", "body.weight is torch.float64; let it be float32"),
        ("self.calls = 0", "self.extra = nn.LazyLinear(3)", "extra.weight has no size yet"),
        ("self.calls = 0", "self.calls = torch.randn(4)\n        h = self.head\n        "
         "self.head = nn.Sequential(Shift(self.calls), h)\n\nclass Shift(nn.Module):\n"
         "    def __init__(self, by):\n        super().__init__()\n        self.by = by\n\n"
         "    def forward(self, x):\n        return x + self.by\n\nclass Rest(Net):\n    pass\n\n"
         "class Body:", "draws numbers at the start that are not parameters"),
        ("self.calls = 0", "self.head.bias.data.fill_(random.random())", "start values differ from one"),
        ("import random", "import pandas", "cells.net imports pandas, which the key .* does not cover"),
        ("import random", "from stages import scale", "cells.net imports stages, which the key"),
        ("import random", "import cells.lost", "importing it fails: ModuleNotFoundError"),
        ("self.calls = 0", "from cells import parts", "imports cells inside a function; import it at"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_trained_is_refused(tmp_path, old, new, fault):
    if "Shift" in new:  # the forward of `Net` follows the classes that it needs
        init, forward = GOOD.split("    def forward")
        head, tail = new.split("\n\nclass Shift", 1)
        shift = "class Shift" + tail.split("class Rest")[0]
        code = init.replace(old, head).replace("class Net", f"{shift}class Net")
        code += f"    def forward{forward}"
    else:
        assert GOOD.count(old) == 1
        code = GOOD.replace(old, new)
    with pytest.raises(
        ValueError, match=rf"(?s)^train\.cells: cells\.net:Net cannot be trained: .*{fault}"
    ):
        named(tmp_path, code)


def test_a_network_without_weights_or_without_a_file_is_refused(tmp_path):
    empty = (
        GOOD.split("    def __init__")[0]
        + "    def __init__(self, **_):\n        super().__init__()\n"
    )
    with pytest.raises(
        ValueError, match=r"cells\.net:Net cannot be trained: it has no parameters; give"
    ):
        named(tmp_path, empty)
    with pytest.raises(ValueError, match=r"there is no file cells/lost\.py; write it"):
        named(tmp_path, GOOD, "cells.lost:Net")


def test_the_text_of_all_files_is_the_code_and_nothing_is_imported_from_disk(tmp_path):
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells/parts.py").write_text("from cells import deeper\nWIDTH = deeper.WIDTH\n")
    (tmp_path / "cells/deeper.py").write_text("WIDTH = 7\n")
    (tmp_path / "cells/unused.py").write_text("1 / 0\n")
    code = GOOD.replace("import random", "from .parts import WIDTH").replace("hidden)", "WIDTH)")
    network = named(tmp_path, code.replace("nn.Linear(hidden", "nn.Linear(WIDTH"))
    assert network.module is not None
    assert [name for name, _ in network.module.files] == [
        "cells.deeper",
        "cells.net",
        "cells.parts",
    ]
    before = initial_weights(network, 0)
    for path in (tmp_path / "cells").iterdir():
        path.unlink()
    np.testing.assert_array_equal(initial_weights(network, 0), before)
    assert not [name for name in sys.modules if name.split(".")[0] == "cells"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["gruu"], "is not a cell; choose any of linear, rnn, gru, lstm, or a class"),
        (["tcn:Net"], "must be cells.FILE:CLASS"),
        (["cells.tcn:My_Net"], "letters and digits only"),
        (["cells.a:Gru"], "results would be called gru, a name that is taken"),
        (["cells.a:Ridge"], "results would be called ridge, a name that is taken"),
        (["cells.a:Net", "cells.b:NET"], "results of two classes would be called net"),
    ],
)
def test_names_that_are_refused(cells, words):
    with pytest.raises(ValueError, match=words):
        TrainParams.model_validate({"cells": cells, **TRAIN})


def test_settings_that_have_no_meaning_for_a_module_are_refused():
    cells = ["gru", "cells.a:Net"]
    assert [label(known_cell(cell)) for cell in cells] == ["gru", "net"]
    with pytest.raises(ValueError, match="cells/ are trained on the CPU; set device to cpu"):
        TrainParams.model_validate({"cells": cells, **TRAIN, "device": "cuda"})
    penalty = {"lambdas": [0.0, 1.0], "multipliers": {"head": 0.0}}
    with pytest.raises(
        ValueError, match=r"multipliers name groups of weights that cells\.a:Net does not"
    ):
        TrainParams.model_validate({"cells": cells, **TRAIN, "penalty": penalty})


def test_the_example_is_that_of_the_docs():
    text = (ROOT / "docs/own_network.md").read_text(encoding="utf-8")
    assert f"```python\n{(ROOT / 'cells/tcn.py').read_text(encoding='utf-8')}```" in text

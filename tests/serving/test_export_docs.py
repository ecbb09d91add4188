"""What docs/export.md says of an export: its command, its code, its tables."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

from stages.serving.export import __main__ as command
from tests.serving.test_export import CASES, Case
from tests.support.closure import ROOT

TEXT = (ROOT / "docs/export.md").read_text(encoding="utf-8")
CASE = Case({"cell": "gru", "segment": 2}, {"difference": 1}, ("rain",), ridge=1)
SHOWN = """
from safetensors.numpy import load_file
STATE = load_file("tmp/export/state_dict.safetensors")
print(np.abs(weight_ih - STATE["networks.0.recurrence.weight_ih_l0"][: 2 * D]).max())
print(np.abs(bias_ih - STATE["networks.0.recurrence.bias_ih_l0"][: 2 * D]).max())
print(np.abs(weight_hh - STATE["networks.0.recurrence.weight_hh_l0"][: 2 * D]).max())
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the document names it: the study's model, its export, and a window beside it."""
    root = tmp_path_factory.mktemp("documented")
    chosen, source = CASE.chosen(), root / "data/report/chosen/model.safetensors"
    chosen.save(source)
    command.main(["--model", str(source), "--out", str(root / "tmp/export")])
    name, rows = CASE.windows(chosen)[0]
    assert name == "shop"
    table = pd.DataFrame(rows, columns=["y", "rain"])
    table.to_csv(root / "tmp/export/window.csv", index=False)
    return root


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Where no module of this repository can be imported."""
    return subprocess.run(
        [sys.executable, "-I", *arguments], cwd=folder, capture_output=True, text=True
    )


def test_the_command_and_the_code_of_the_document_forecast_alike(folder):
    change, line = blocks("text")[0].splitlines()
    program, *arguments = line.split()
    assert (change, program) == ("cd tmp/export", "python")
    done = run(folder / "tmp/export", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    printed = pd.read_csv(StringIO(done.stdout))
    wanted = CASE.chosen().forecast(CASE.study().frame.rename(columns={"covariate:rain": "rain"}))
    columns = [name for name in map(str, wanted) if name.startswith("y_hat")]
    assert list(printed) == ["unique_id", "step", *columns]
    shop = wanted[wanted["unique_id"] == "shop"]
    np.testing.assert_allclose(printed["y_hat"], shop["y_hat"], rtol=1e-6)
    assert printed["unique_id"].eq("shop").all()
    assert printed["step"].tolist() == [1, 2, 3]
    first, second = blocks("py")
    code = run(folder, "-c", first.replace("print(answer", "print(*answer") + second + SHOWN)
    assert code.returncode == 0, code.stderr
    *y_hat, ih, bias, hh = code.stdout.split("\n")[:-1]
    got = [float(number) for number in re.findall(r"[-\d.e+]+", " ".join(y_hat))]
    np.testing.assert_allclose(got, shop["y_hat"], rtol=1e-6)
    assert {float(ih), float(bias), float(hh)} == {0.0}


def test_the_command_refuses_a_file_with_other_columns(folder):
    path = folder / "tmp/export/other.csv"
    path.write_text("rain,y\n1,2\n")
    done = run(folder, "tmp/export/load.py", str(path), "shop")
    assert done.returncode == 1
    assert done.stderr == f"error: {path} has the columns rain, y; it needs y, rain\n"


def test_the_tables_name_what_the_files_hold(folder):
    prose = re.sub(r"^```.*?^```", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"`([^`]+)`", prose))
    assert set(json.loads((folder / "tmp/export/config.json").read_text())) <= named
    with safe_open(folder / "data/report/chosen/model.safetensors", "np") as file:
        assert set(file.keys()) <= named
        assert set(json.loads(file.metadata()["meta"])) <= named


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_sizes_of_the_documented_matrices_add_up_to_all_parameters(case):
    chosen = case.chosen()
    network = chosen.config["network"]
    table = TEXT.split("| cell | matrices of a layer |")[1].split("\n\n")[0]
    lines = {
        line.split("|")[1].strip(" `"): line for line in re.sub(r"\n\| \|", "", table).splitlines()
    }
    head, head_of_linear = shapes(lines["each"])
    inner = shapes(lines[network["cell"]]) if network["cell"] in lines else []
    D, P = network["hidden"], network["lookback"] * network["features"]
    total = 0
    for layer in range(network["layers"] if inner else 0):
        inputs = D if layer else network["segment"] * network["features"]
        total += sum(np.prod(eval(shape, {"D": D, "I": inputs})) for shape in inner)
    last = head if inner else head_of_linear
    total += np.prod(eval(last, {"D": D, "P": P, "Q": network["outputs"]}))
    assert chosen.weights.shape == (case.seeds, total)


def shapes(line: str) -> list[str]:
    """The shapes in a line, as Python: `(4D, I + 1 + D)` is (4*D, I + 1 + D)."""
    return [
        re.sub(r"(\d)([A-Z])", r"\1*\2", shape) for shape in re.findall(r"\(\w+, [^)]+\)", line)
    ]

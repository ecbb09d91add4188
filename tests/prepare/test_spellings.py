"""However a parameter is spelled, in the file or by `dvc exp run -S`: refused, or as in dvc.lock."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc.exceptions import DvcException
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import dumps_yaml, load_yaml, parse_yaml

from stages.evaluate.params import EvaluateParams
from stages.params import ParameterError, Section, check_section
from stages.prepare.params import PrepareParams
from stages.report.params import ReportParams
from stages.train.params import TrainParams
from stages.window.params import WindowParams
from tests.repository.test_read_yaml import SPELLINGS, as_dvc, ours, same
from tests.support.closure import ROOT
from tests.support.study import commit, run

FIELDS: dict[str, tuple[str, type[Section]]] = {
    "train.hidden": ("hidden", TrainParams),
    "train.learning_rate": ("learning_rate", TrainParams),
    "train.clip_norm": ("clip_norm", TrainParams),
    "window.horizon": ("horizon", WindowParams),
    "window.difference": ("difference", WindowParams),
    "window.split.test": ("split", WindowParams),
    "evaluate.season": ("season", EvaluateParams),
    "report.confidence": ("confidence", ReportParams),
    "prepare.header": ("header", PrepareParams),
    "prepare.zone": ("zone", PrepareParams),
}
# Of the longest section what it must have and what is spelled here: reading is slow.
TRAIN = (
    "cells",
    "hidden",
    "penalty",
    "seeds",
    "epochs",
    "batch_size",
    "learning_rate",
    "clip_norm",
)
GOOD: dict[str, Any] = load_yaml(str(ROOT / "params.yaml"))
GOOD["train"] = {name: GOOD["train"][name] for name in TRAIN}
GOOD["train"]["penalty"] = {"lambdas": [0, 1]}


def given_file(key: str, value: str) -> str:
    """The section of params.yaml in which this dotted key has this spelling."""
    section, *outer, last = key.split(".")
    values = inner = copy.deepcopy(GOOD[section])
    for name in outer:
        inner = inner[name]
    inner[last] = "SPELLING"
    return str(dumps_yaml({section: values})).replace("SPELLING", value)


@pytest.mark.parametrize("key", FIELDS)
def test_a_parameter_is_refused_or_has_the_value_of_dvc(tmp_path, key):
    taken = []
    for spelling in SPELLINGS:
        file = given_file(key, spelling)
        values = ours(tmp_path, file)
        if isinstance(values, dict) and the_same_as_dvc(key, values, as_dvc(file)):
            taken.append(spelling)
    assert 2 <= len(taken) < len(SPELLINGS)


def the_same_as_dvc(key: str, values: dict[str, Any], dvc: dict[str, Any]) -> bool:
    """Whether the value is taken; if so it is DVC's, of the same type, but for what the section says."""
    section, (field, model) = key.split(".")[0], FIELDS[key]
    try:
        params = check_section(section, values[section], model)
    except ParameterError:
        return False
    got, given = getattr(params, field), dvc[section]
    for name in key.split(".")[1:]:
        given = given[name]
    if key == "window.split.test":
        got = got.test
    if isinstance(got, float) and type(given) is int:
        given = float(given)
    if key == "train.clip_norm" and given in (False, "none", "off"):
        given = None
    assert same(got, given)
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    "key", ["train.hidden", "train.clip_norm", "window.split.test", "prepare.header"]
)
def test_set_by_dvc_exp_run(tmp_path, key):
    """`-S` by DVC's code, which keeps the file's spellings and puts dates in quotes."""
    section, file, taken = key.split(".")[0], tmp_path / "params.yaml", []
    good = dumps_yaml({section: GOOD[section]})
    for spelling in SPELLINGS:
        file.write_text(good, encoding="utf-8")
        try:
            apply_overrides(file, [f"++{key}={spelling}"])
        except (DvcException, ValueError):  # refused before anything is written
            continue
        values = ours(tmp_path, file.read_text(encoding="utf-8"))
        if isinstance(values, dict) and the_same_as_dvc(key, values, load_yaml(str(file))):
            taken.append(spelling)
    assert 2 <= len(taken) < len(SPELLINGS)


@pytest.mark.parametrize(
    ("key", "taken", "refused"),
    [
        (
            "train.hidden",
            "010 08 1_000 0x10 0o10 +1 0b11",
            "1:0 yes true '1' 1.0 1e3 .5 ~ 0 -1 1e-05",
        ),
        (
            "train.learning_rate",
            "1e-05 .5 1e3 1 010 +.5 5.",
            ".nan .inf true '1' yes 1:0 ~ 0 1e400 .5e1",
        ),
        ("train.clip_norm", "~ null false off 1e3 2", "0 .inf true '1' no -1"),
        ("window.horizon", "1 2 0x2", "11.0 true '11' 10000000000 ~ 2001-01-01"),
        ("window.difference", "0 1 seasonal", "true 1.0 '1' 2 ~ 0.0 false"),
        (
            "window.split.test",
            "0.2 120 '2001-01-01' '2001-01-01T10:00:00' 0x20",
            "2001-01-01 true '120' 2001-1-1 '2001-01-01T10:00:00Z' 1.0 0 ~ .nan 12:30:45 '2001-13-01' no",
        ),
        ("evaluate.season", "11 ~ null 0xb", "0 1.0 true '11' .5"),
        ("report.confidence", "0.9 .5 9e-1", "1 0 true '0.9' .nan 0,9"),
        ("prepare.header", "true false ~ True", "yes no 1 0 'true' on"),
        ("prepare.zone", "Europe/Berlin ~ '1' yes", "1 true 2001-01-01 .5"),
    ],
)
def test_what_is_taken_and_what_not(tmp_path, key, taken, refused):
    for spelling in taken.split():
        file = given_file(key, spelling)
        assert the_same_as_dvc(key, ours(tmp_path, file), as_dvc(file)), spelling
    for spelling in refused.split():
        file = given_file(key, spelling)
        values = ours(tmp_path, file)
        assert isinstance(values, str) or not the_same_as_dvc(key, values, as_dvc(file)), spelling


SHOW = """
import json
from stages.params import load_section
from stages.train.params import TrainParams
from stages.window.params import WindowParams
train = load_section("params.yaml", "train", TrainParams)
window = load_section("params.yaml", "window", WindowParams)
print(json.dumps([train.hidden, train.learning_rate, window.split.test]), file=open("got", "w"))
"""


@pytest.mark.slow
def test_what_the_stage_got_is_in_dvc_lock(tmp_path):
    """Real commands: the file's spelling in a `repro`, and set by `-S`."""
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    run(folder, "dvc", "init", "-q")
    (folder / "show.py").write_text(SHOW)
    (folder / "dvc.yaml").write_text(
        f"stages:\n  show:\n    cmd: PYTHONPATH={ROOT} {sys.executable} show.py\n"
        "    params: [train, window]\n    outs: [got]\n"
    )
    text = dumps_yaml(GOOD).replace("hidden: 32", "hidden: 010").replace(": 0.003", ": 1e-05")
    (folder / "params.yaml").write_text(text.replace("test: 240", "test: '1990-01-01'"))
    run(folder, "dvc", "repro")
    assert got(folder) == [10, 1e-5, "1990-01-01"] == locked(folder)
    commit(folder, "As the file has it")
    for date, hidden, rate in (("1991-01-01", "1_6", "1e3"), ("'1992-01-01'", "+9", ".5")):
        words = (
            f"window.split.test={date}",
            f"train.hidden={hidden}",
            f"train.learning_rate={rate}",
        )
        run(folder, "dvc", "exp", "run", *(word for w in words for word in ("-S", w)))
        assert got(folder) == locked(folder) == [int(hidden), float(rate), date.strip("'")]
    for hidden in ("yes", "010"):
        text = run(folder, "dvc", "exp", "run", "-S", f"train.hidden={hidden}", check=False)
        assert f"train.hidden = '{hidden}': must be a whole number" in text


def got(folder: Path) -> list[Any]:
    values: list[Any] = parse_yaml((folder / "got").read_text(), "got")
    return values


def locked(folder: Path) -> list[Any]:
    params = load_yaml(str(folder / "dvc.lock"))["stages"]["show"]["params"]["params.yaml"]
    train, window = params["train"], params["window"]
    return [train["hidden"], train["learning_rate"], str(window["split"]["test"])]

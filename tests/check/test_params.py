"""Parameters: what is refused, and with which words."""

from __future__ import annotations

import copy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.check.__main__ import main
from stages.check.sections import check
from stages.params import ParameterError, check_section
from stages.season import infer_season
from stages.train.params import TrainParams
from tests.support.closure import ROOT

GOOD = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def written(tmp_path, key: str, value: object, remove: bool = False) -> str:
    """params.yaml with one dotted key set (or taken out)."""
    params = copy.deepcopy(GOOD)
    *sections, last = key.split(".")
    inner: Any = params
    for section in sections:
        inner = inner[section]
    if remove:
        del inner[last]
    else:
        inner[last] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    return str(path)


def test_the_committed_file_is_good(capsys):
    assert main([str(ROOT / "params.yaml")]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("prepare.path", "data.xls", "prepare.path = 'data.xls': must end in .csv"),
        ("prepare.format", "tall", "prepare.format = 'tall': input should be 'wide' or 'long'"),
        ("prepare.frequency", "fortnight", "must be `infer`, `rows` or a pandas alias"),
        ("prepare.covariates", ["sst"], "column 'sst' has two roles; give it one"),
        ("window.lookback", 0, "window.lookback = 0: input should be greater than or equal to 1"),
        ("window.missing", "linear", "window.missing = 'linear'"),
        ("window.difference", 2, "window.difference = 2"),
        (
            "window.scaler_range",
            [-1, 1],
            "[-1.0, 1.0] has no meaning for scaler = 'standard'; set scaler",
        ),
        (
            "window.scaler_range",
            [1, -1],
            "window.scaler_range = [1, -1]: must be two ascending numbers",
        ),
        (
            "window.scaler_range",
            [0, 1, 2],
            "window.scaler_range = [0, 1, 2]: must be two ascending",
        ),
        (
            "window.scaler_range",
            [0, float("inf")],
            "must be two ascending numbers of at most 1,000,000",
        ),
        ("window.scaler_range", [False, True], "write [0, 1] or [-1, 1]"),
        ("window.scaler_range", 1, "window.scaler_range = 1: must be two ascending numbers"),
        (
            "window.transform",
            "log",
            "window.transform = 'log': input should be 'none', 'log1p' or 'sqrt'",
        ),
        ("window.split.test", 1.5, "must lie between 0 and 1 as a fraction"),
        ("window.split.test", 0, "must be at least 1 as a count"),
        ("window.split.test", True, "must be a fraction, a count or a date"),
        ("window.normalise", "zscore", "window.normalise = 'zscore'"),
        ("train.cells", ["lstm", "lstm"], "names a cell twice; name each once"),
        ("train.cells", ["mlp"], "train.cells.0 = 'mlp'"),
        ("train.hidden", 0, "train.hidden = 0"),
        ("train.dropout", 1.0, "train.dropout = 1.0: input should be less than 1"),
        ("train.penalty.kind", "l3", "train.penalty.kind = 'l3'"),
        ("train.loss", "huber", "train.loss = 'huber'"),
        ("evaluate.ridge.intercept", "maybe", "evaluate.ridge.intercept = 'maybe'"),
        ("evaluate.ridge.lambdas", [1, 1], "needs at least one value and none twice"),
        ("report.measure", "rmse", "report.measure = 'rmse'"),
        ("train.penalty.lambdas", [0, -1], "train.penalty.lambdas.1 = -1"),
        ("train.penalty.lambdas", [1, 1], "needs at least one value and none twice"),
        ("train.penalty.lambdas", [], "needs at least one value"),
        ("train.penalty.lambdas", {"from": 2, "to": 1, "count": 3}, "`from` must be smaller"),
        (
            "train.penalty.lambdas",
            {"from": 1, "to": 1.000000000001, "count": 5},
            "5 values from 1.0 to 1.000000000001 are not distinct in 12 digits; lower `count`",
        ),
        ("train.penalty.multipliers", {"input": -1}, "train.penalty.multipliers.input = -1"),
        ("train.penalty.kind", "elastic_net", "train.penalty: kind elastic_net needs `ratio`"),
        ("train.penalty.ratio", 0.5, "ratio = 0.5 has no meaning for kind l2; set ratio to null"),
        ("train.penalty.ratio", 1.0, "train.penalty.ratio = 1.0: input should be less than 1"),
        ("train.momentum", 0.9, "momentum = 0.9 has no meaning for adam"),
        ("train.shuffle", 1, "train.shuffle = 1: must be true or false, without quotes"),
        ("train.shuffle", "no", "train.shuffle = 'no': must be true or false, without quotes"),
        ("train.learning_rate", 0, "train.learning_rate = 0: input should be greater than 0"),
        ("train.early_stopping", 0, "train.early_stopping = 0"),
        ("evaluate.season", 0, "evaluate.season = 0"),
        ("evaluate.metrics", ["mape"], "evaluate.metrics.0 = 'mape'"),
        ("evaluate.baselines", ["ar", "ar"], "each name may appear once"),
        ("report.confidence", 95, "report.confidence = 95: input should be less than 1"),
        ("report.rule", "best", "report.rule = 'best'"),
    ],
)
def test_a_bad_value_is_refused(tmp_path, key, value, words):
    with pytest.raises(ParameterError) as caught:
        check(written(tmp_path, key, value))
    assert words in str(caught.value)
    assert key.split(".")[0] in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"penalty": {"kind": "predictions", "lambdas": [1], "multipliers": {"head": 2.0}}},
            "multipliers apply to weights, and kind predictions penalises none; set them to 1",
        ),
        (
            {"penalty": {"kind": "decoupled", "lambdas": [1]}, "optimizer": "sgd"},
            "penalty.kind decoupled is the decay of AdamW, optimizer is sgd; set optimizer to adam",
        ),
        (
            {"penalty": {"kind": "l1", "lambdas": [1]}, "optimizer": "sgd", "momentum": 0.9},
            "momentum = 0.9 and penalty.kind l1 exclude each other",
        ),
        (
            {
                "penalty": {"kind": "elastic_net", "ratio": 0.5, "lambdas": [1]},
                "optimizer": "sgd",
                "momentum": 0.5,
            },
            "momentum = 0.5 and penalty.kind elastic_net exclude each other",
        ),
    ],
)
def test_penalties_that_mean_nothing_are_refused(changes, words):
    with pytest.raises(ParameterError) as caught:
        check_section("train", GOOD["train"] | changes, TrainParams)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "penalty",
    [
        {"kind": "decoupled"},
        {"kind": "l1", "multipliers": {"recurrent": 0.0}},
        {"kind": "elastic_net", "ratio": 0.5},
        {"kind": "predictions"},
    ],
)
def test_every_kind_of_penalty_is_taken(penalty):
    train = GOOD["train"] | {"penalty": {"lambdas": [0, 1], **penalty}}
    assert check_section("train", train, TrainParams).penalty.kind == penalty["kind"]


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("trian", "train"),
        ("window.look_back", "lookback"),
        ("train.penalty.lamdas", "lambdas"),
        ("train.penalty.multipliers.recurent", "recurrent"),
        ("window.split.tests", "test"),
    ],
)
def test_an_unknown_key_gets_the_nearest_known(tmp_path, key, near):
    with pytest.raises(ParameterError, match=f"did you mean {near}\\?"):
        check(written(tmp_path, key, 1))


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"train\.hidden is missing"):
        check(written(tmp_path, "train.hidden", None, remove=True))


def test_all_problems_are_reported_at_once(tmp_path, capsys):
    path = written(tmp_path, "train.hidden", 0)
    params = yaml.safe_load(Path(path).read_text(encoding="utf-8")) | {"report": {"rule": "best"}}
    Path(path).write_text(yaml.safe_dump(params), encoding="utf-8")
    assert main([path]) == 2
    problems = capsys.readouterr().err
    assert "train.hidden = 0" in problems
    assert "report.rule = 'best'" in problems


@pytest.mark.parametrize("off", [None, False, "none", "off"])
def test_what_switches_off(off):
    values = GOOD["train"] | {"clip_norm": off, "early_stopping": off}
    params = TrainParams.model_validate(values)
    assert (params.clip_norm, params.early_stopping) == (None, None)


def test_the_grid_of_lambda():
    path = TrainParams.model_validate(GOOD["train"]).penalty.path()
    assert len(path) == 10
    assert path[0] == 0
    assert (path[1], path[-1]) == (1.0, 100.0)
    ratios = [b / a for a, b in pairwise(path[1:])]
    assert max(ratios) - min(ratios) < 1e-9


@pytest.mark.parametrize(
    ("frequency", "season"),
    [("h", 24), ("15min", 96), ("D", 7), ("W-SAT", 52), ("MS", 12), ("QS-OCT", 4), ("YS", None),
     ("1", None), ("7h", None), ("2h", 12)],
)  # fmt: skip
def test_seasons_of_frequencies(frequency, season):
    assert infer_season(frequency) == season

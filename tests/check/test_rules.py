"""What parameters alone decide: across sections, of frequencies and names, of kinds and sizes of values."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from stages.check.sections import check
from stages.params import ParameterError
from tests.check.test_params import GOOD, written
from tests.support.closure import ROOT


def of(**changes: object) -> dict[str, dict[str, object]]:
    """The committed parameters with changes of sections, each key as `section__name`."""
    params = copy.deepcopy(GOOD)
    for key, value in changes.items():
        section, name = key.split("__")
        params[section][name] = value
    return params


def problems(tmp_path: Path, params: dict[str, dict[str, object]]) -> str:
    """What `check` says of them; "" where nothing."""
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    try:
        check(path)
    except ParameterError as error:
        return str(error)
    return ""


SEASONAL = {"evaluate__baselines": ["seasonal_repeat"], "evaluate__metrics": ["mse"]}


@pytest.mark.parametrize("needs", [
    SEASONAL, {"evaluate__baselines": ["ridge"], "evaluate__metrics": ["mase"]},
    {"evaluate__baselines": [], "evaluate__metrics": [], "window__difference": "seasonal"},
])  # fmt: skip
@pytest.mark.parametrize(
    ("frequency", "season", "refused"),
    [("YS", None, True), ("YS", 11, False), ("MS", None, False), ("7h", None, True), ("W-SAT", None, False),
     ("60min", None, False), ("infer", None, False), ("rows", None, False), ("YS", 1, False)],
)  # fmt: skip
def test_a_season_that_is_needed_is_demanded(tmp_path, needs, frequency, season, refused):
    text = problems(tmp_path, of(prepare__frequency=frequency, evaluate__season=season, **needs))
    assert ("evaluate.season is null, but" in text) == refused
    assert bool(text) == refused
    none = {"evaluate__baselines": ["ridge"], "evaluate__metrics": ["mse"], "window__difference": 1}
    assert not problems(tmp_path, of(prepare__frequency=frequency, evaluate__season=season, **none))


@pytest.mark.parametrize(
    ("cells", "lookback", "segment", "refused"),
    [(["lstm"], 22, 11, False), (["lstm"], 22, 4, True), (["linear"], 22, 4, False),
     (["linear", "rnn"], 22, 4, True), (["gru"], 22, 23, True), (["gru"], 1, 1, False)],
)  # fmt: skip
def test_a_segment_divides_the_lookback(tmp_path, cells, lookback, segment, refused):
    text = problems(
        tmp_path, of(train__cells=cells, window__lookback=lookback, train__segment=segment)
    )
    assert ("does not divide window.lookback" in text) == refused == bool(text)


@pytest.mark.parametrize(
    ("split", "more", "words"),
    [
        ({"validation": 0.5, "test": 0.5}, {}, "leave nothing for training"),
        ({"validation": 0.9, "test": 0.2}, {}, "leave nothing for training"),
        ({"validation": 0.6, "test": 0.3}, {}, ""),
        ({"validation": "2001-01-01", "test": "2001-01-01"}, {}, "must be a date before test"),
        ({"validation": "2002-01-01", "test": "2001-01-01"}, {}, "must be a date before test"),
        ({"validation": "2001-01-01", "test": "2001-01-01 12:00"}, {}, ""),
        ({"validation": 90, "test": 5}, {}, "split.test = 5 steps hold no window of horizon = 6"),
        ({"validation": 90, "test": 6}, {}, ""),
        ({"validation": 17, "test": 6}, {}, "in folds = 3 blocks leave 5 for the smallest"),
        ({"validation": 18, "test": 6}, {}, ""),
        ({"validation": 17, "test": 6}, {"window__folds": 2}, ""),
        ({"validation": 0.2, "test": 0.2}, {"window__normalise": "instance", "window__lookback": 1},
         "normalise = 'instance' divides by the spread of a window"),
    ],
)  # fmt: skip
def test_parts_that_leave_nothing(tmp_path, split, more, words):
    text = problems(tmp_path, of(window__split=split, **more))
    assert words in text
    assert bool(text) == bool(words)


@pytest.mark.parametrize(
    ("frequency", "words"),
    [
        ("0D", "must be a step forward in time"), ("-1D", "must be a step forward in time"),
        ("0MS", "must be a step forward in time"), ("0h0min", "must be a step forward in time"),
        ("M", "write MS (start of the month) or ME (its end) for M"), ("2H", "write h for H"),
        ("d", "write D for d"), ("1ns", "whole microseconds"), ("5000YS", "100 years at most"),
        ("99999999YS", "pandas alias"), ("9" * 30 + "D", "pandas alias"), ("", "pandas alias"),
        ("D1", "pandas alias"), ("-MS", "pandas alias"), ("W-XYZ", "pandas alias"), ("1e3D", "pandas alias"),
    ],
)  # fmt: skip
def test_a_frequency_that_does_not_exist(tmp_path, frequency, words):
    text = problems(tmp_path, of(prepare__frequency=frequency))
    assert words in text
    assert len(text.splitlines()) == 1


def test_a_frequency_that_exists(tmp_path):
    known = [
        "h",
        "D",
        "B",
        "W-SAT",
        "MS",
        "ME",
        "QS-OCT",
        "YS",
        "15min",
        "2W",
        "SMS",
        "1.5h",
        "1D12h",
        "BMS",
    ]
    for frequency in [*known, "WOM-2TUE", "s", "ms", "us"]:
        text = problems(tmp_path, of(prepare__frequency=frequency, evaluate__season=7))
        assert not text, frequency


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prepare__time": []}, "time = [] names no column; write null"),
        ({"prepare__time": ["a", "b"], "prepare__covariates": ["b"]}, "column 'b' has two roles"),
        ({"prepare__time": ["a", "a"]}, "column 'a' has two roles"),
        (
            {"prepare__format": "long", "prepare__id": "k", "prepare__value": "k"},
            "column 'k' has two roles",
        ),
        ({"prepare__format": "long", "prepare__targets": ["s", "s"]}, "targets name 's' twice"),
        (
            {"prepare__separator": ";", "prepare__decimal": ",", "prepare__thousands": ","},
            "decimal and thousands are both ','",
        ),
        ({"prepare__zone": "Europe/Berln"}, "did you mean Europe/Berlin?"),
        ({"prepare__zone": ""}, "is not a time zone"),
        ({"prepare__encoding": "rot13"}, "prepare.encoding = 'rot13' is not known"),
        ({"prepare__encoding": ""}, "is not known"),
        ({"prepare__separator": ";;"}, "must be one character"),
        ({"prepare__thousands": "x"}, "must be one sign"),
        ({"prepare__date_format": "%Q"}, "%Q is not a known directive"),
        ({"prepare__date_format": "no format"}, "must contain the year"),
        ({"prepare__path": "https://example.org/x.csv"}, "must be a file on this machine"),
        ({"prepare__path": "x.xlsx"}, "must end in .csv"),
    ],
)
def test_names_and_signs_with_two_meanings(tmp_path, changes, words):
    assert words in problems(tmp_path, of(**changes))


INTS = [
    "window.lookback", "window.horizon", "window.stride", "window.validation_stride", "window.fill_limit",
    "window.folds", "window.fold_steps", "window.difference", "window.split.test", "window.split.validation",
    "train.hidden", "train.layers", "train.segment", "train.seeds", "train.epochs", "train.batch_size",
    "train.early_stopping", "train.penalty.lambdas.count", "evaluate.season",
]  # fmt: skip
FLOATS = ["train.learning_rate", "train.clip_norm", "train.dropout", "train.momentum", "report.confidence",
          "train.penalty.multipliers.head", "train.penalty.lambdas.from", "train.penalty.ratio"]  # fmt: skip


@pytest.mark.parametrize("key", INTS)
def test_a_count_beyond_all_sense_is_one_sentence(tmp_path, key):
    for value in (10**30, -(10**30), 2**63, 10**290):
        with pytest.raises(ParameterError) as caught:
            check(written(tmp_path, key, value))
        assert len(str(caught.value).splitlines()) == 1
        assert str(caught.value).startswith(key.rsplit(".split.")[0])


@pytest.mark.parametrize("key", FLOATS)
def test_a_number_that_is_not_finite_is_refused(tmp_path, key):
    for value in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(ParameterError, match="finite number"):
            check(written(tmp_path, key, value))


def test_kinds_of_value_that_are_not_meant(tmp_path):
    for key, value, words in (
        ("train.hidden", "16", "train.hidden = '16': must be a whole number, without quotes"),
        ("train.hidden", True, "train.hidden = true: must be a whole number"),
        (
            "train.hidden",
            16.0,
            "train.hidden = 16.0: must be a whole number, without quotes and without a point",
        ),
        ("train.penalty.lambdas.zero", 1, "train.penalty.lambdas.zero = 1: must be true or false"),
        (
            "train.penalty.lambdas",
            "1",
            "train.penalty.lambdas = '1': must be a list such as [a, b] or must be a",
        ),
        (
            "train.penalty.lambdas",
            [1, "2"],
            "train.penalty.lambdas.1 = '2': must be a number, without quotes",
        ),
        ("train.cells", "lstm", "train.cells = 'lstm': must be a list such as [a, b]"),
        ("prepare.targets", [2019], "prepare.targets.0 = 2019: must be text; put it in quotes"),
        (
            "prepare.time",
            5,
            "prepare.time = 5: must be text; put it in quotes if it looks like a number",
        ),
        ("train.penalty", [1], "train.penalty = [1]: must be a mapping"),
        ("train", 5, "train = 5: must be a mapping"),
        ("train.optimizer", ["x" * 99], "…"),
    ):
        with pytest.raises(ParameterError) as caught:
            check(written(tmp_path, key, value))
        assert words in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_a_network_of_cells_is_tried_before_any_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = problems(tmp_path, of(train__cells=["gru", "cells.lost:Net"]))
    assert text == (
        "train.cells: cells.lost:Net cannot be trained: there is no file cells/lost.py; write it"
    )
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells/lost.py").write_text("class Net:\n    pass\n")
    text = problems(tmp_path, of(train__cells=["gru", "cells.lost:Net"]))
    assert text.endswith("it is not a class derived from torch.nn.Module; derive it")
    (tmp_path / "cells/lost.py").write_text((ROOT / "cells/tcn.py").read_text(encoding="utf-8"))
    assert not problems(tmp_path, of(train__cells=["gru", "cells.lost:Convolution"]))
    cells = ["gru", "cells.lost:Convolution"]
    for known in ({"window__calendar": ["month"]}, {"prepare__covariates": {"future": ["price"]}}):
        assert "whose windows end at" not in problems(tmp_path, of(**known))
        text = problems(tmp_path, of(train__cells=cells, **known))
        assert "names 'cells.lost:Convolution', whose windows end at the origin" in text

"""params.yaml is read as DVC reads it: by the file, by `dvc exp run -S`, and back from dvc.lock."""

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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.evaluate.params import EvaluateParams
from stages.params import ParameterError, Section, check_section
from stages.prepare.params import PrepareParams
from stages.read_yaml import LARGEST, read_yaml
from stages.report.params import ReportParams
from stages.train.params import TrainParams
from stages.window.params import WindowParams
from tests.closure import ROOT
from tests.study import commit, run

BATTERY = """\
010|08|0_8|1:0|12:30:45|yes|no|on|off|y|n|true|True|false|"1"|'1'|"1.0"|1_000|1__0|1_|_1|0x10|0x1F|0xg|0o10|0o8
0b11|1e-05|1E5|1e+5|1e3|1e400|1e-400|.5|.5e-1|.5e1|5.|1.|+1|-1|+.5|-0|-0.0|~|null|Null|NULL|1.0|2.0|1,5|1.5|
2001-01-01|2001-1-1|2001-13-45|2001-01-01T10:00:00|2001-01-01T10:00:00Z|2001-01-01 12:30:00|'2001-01-01'
.nan|.NaN|.inf|-.inf|nan|inf|NaN|seasonal|0|1|2|16|100|0x_|0b_|-_|._|none|None|null1|true1|'\u00e9'|\u0661|\uff11
<<|=|!|-|?|1e|1e5.0|0.0.0|1/2|1%|9999999999|100000000000000000000000000000000|[]|[1]|[1, 2]|{}|{a: 1}|1 2
&a 1|*a|@| 1 |1 # one|!!int 5|!!int '5'|!!float 5|!!str 5|!!bool yes|!!binary aGk=|!!set {a}|! 5|!x 5|'1\t'"""
SPELLINGS = [*BATTERY.replace("\n", "|").split("|"), "|\n    1", "9" * 5000, "0x" + "f" * 5000]

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
GOOD: dict[str, Any] = load_yaml(str(ROOT / "params.yaml"))


def as_dvc(text: str) -> Any:
    """DVC's own reading, or None where it fails."""
    try:
        return parse_yaml(text, "params.yaml")
    except Exception:  # it lets through what its parser raises
        return None


def ours(folder: Path, text: str) -> Any:
    """Our reading, or the sentence."""
    (folder / "params.yaml").write_text(text, encoding="utf-8", newline="")
    try:
        return read_yaml(folder / "params.yaml")
    except ParameterError as error:
        sentence = str(error)
    assert len(sentence.splitlines()) == 1
    return sentence


def same(a: Any, b: Any) -> bool:
    """Equal in type and value, NaN to NaN, −0 unlike 0."""
    return repr(a) == repr(b)


def given_file(key: str, value: str) -> str:
    """The section of params.yaml in which this dotted key has this spelling."""
    section, *outer, last = key.split(".")
    values = inner = copy.deepcopy(GOOD[section])
    for name in outer:
        inner = inner[name]
    inner[last] = "SPELLING"
    return str(dumps_yaml({section: values})).replace("SPELLING", value)


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: repr(s[:20]))
def test_a_spelling_is_refused_or_is_what_dvc_reads(tmp_path, spelling):
    text = f"a: {spelling}\nb: [{spelling.strip()}]\n"
    values = ours(tmp_path, text)
    assert isinstance(values, str) or same(values, as_dvc(text))
    alone = ours(tmp_path, f"a: {spelling}\n")
    assert isinstance(alone, str) or same(alone, as_dvc(f"a: {spelling}\n"))


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.text(
        st.sampled_from("0123456789_-+.eExob:TZ'\"\n[]{},& *!|>%@#~?ntruefalsy<=é"), max_size=12
    )
)
def test_any_text_is_refused_or_is_what_dvc_reads(tmp_path, text):
    values = ours(tmp_path, f"a: {text}\n")
    assert isinstance(values, str) or same(values, as_dvc(f"a: {text}\n"))


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
    got, told = getattr(params, field), dvc[section]
    for name in key.split(".")[1:]:
        told = told[name]
    if key == "window.split.test":
        got = got.test
    if isinstance(got, float) and type(told) is int:
        told = float(told)
    if key == "train.clip_norm" and told in (False, "none", "off"):
        told = None
    assert same(got, told)
    return True


@pytest.mark.parametrize("key", FIELDS)
def test_set_by_dvc_exp_run(tmp_path, key):
    """`-S` by DVC's own code, which keeps the file's spellings and puts dates in quotes."""
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


def exploding(form: str) -> str:
    lines = ["a0: &a0 " + ("{x: 1, y: 2}" if form == "{" else "[1, 2]")]
    for i in range(1, 30):
        many = f"{{x: *a{i - 1}, y: *a{i - 1}}}" if form == "{" else f"[*a{i - 1}, *a{i - 1}]"
        lines.append(f"a{i}: &a{i} {many}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train:\n  hidden: 8\n  epochs: 1\n  hidden: 9\n",
         "line 4: `hidden` stands twice (first in line 2); keep one"),
        ("train: {}\ntrain: {}\n", "line 2: `train` stands twice (first in line 1)"),
        ("a: {b: 1, 'b': 2}\n", "`b` stands twice"),
        ("a:\n  1: 2\n", "line 2: the key '1' is not text"),
        ("a: {yes: 1, true: 2}\n", "the key 'true' is not text"),
        ("a: {[1]: 2}\n", "the key of several values is not text"),
        ("a: {2001-01-01: 2}\n", "the key '2001-01-01' is not text"),
        ("a: !!set {x, y}\n", "line 1: the tag !!set is not for parameters"),
        ("a: !!binary aGk=\n", "the tag !!binary"),
        ("a: !!omap [x: 1]\n", "the tag !!omap"),
        ("a: !!python/object/apply:os.system [ls]\n", "the tag !!python/object/apply:os.system"),
        ("a: 2001-13-45\n", "'2001-13-45' cannot be read as a date; correct it, or put it in quotes"),
        ("a: 2001-01-01\n", "DVC does not take 2001-01-01 as a date; put it in quotes: '2001-01-01'"),
        ("a: 0x_\n", "'0x_' cannot be read as a whole number"),
        ("a: &a [*a]\n", "an alias (*) stands within what it names"),
        (exploding("["), "this holds more than 100,000 values; write fewer aliases"),
        (exploding("{"), "this holds more than 100,000 values; write fewer aliases"),
        ("a: " + "[" * 5000, "nested too deep"),
        ("a: " + "{b: " * 900 + "1" + "}" * 900, "nested too deep"),
        ("a: [1, 2\nb: 3\n", "not valid YAML"),
        ("a: 1\n  b: 2\n", "line 2: not valid YAML"),
        ("a:\n\tb: 1\n", "line 2: not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: \x07\n", "not valid YAML"),
        ("%YAML 1.1\n---\na: 010\n", "has a line %YAML, and DVC reads YAML 1.2"),
        ("", "must hold sections such as `train:`"),
        ("- a\n", "must hold sections such as `train:`"),
        ("text\n", "must hold sections such as `train:`"),
    ],
    ids=lambda value: repr(value[:24]),
)  # fmt: skip
def test_what_is_no_file_of_parameters(tmp_path, text, words):
    sentence = ours(tmp_path, text)
    assert isinstance(sentence, str)
    assert words in sentence
    assert "; " in sentence, "a remedy stands behind the rule"


def test_what_cannot_be_read_at_all(tmp_path):
    cases = {}
    (tmp_path / "folder").mkdir()
    cases["folder"] = "is a folder"
    cases["away"] = "is not there; run from the folder that holds it"
    cases["folder/away/params.yaml"] = "is not there"
    (tmp_path / "latin").write_bytes("a: é\n".encode("latin-1"))
    cases["latin"] = "is not UTF-8 (byte 4 is not); save it as UTF-8"
    (tmp_path / "wide").write_bytes("a: 1\n".encode("utf-16"))
    cases["wide"] = "is not UTF-8"
    (tmp_path / "large").write_text("# " + "x" * LARGEST)
    cases["large"] = "bytes, and a file of parameters at most 1,048,576"
    for name, words in cases.items():
        with pytest.raises(ParameterError) as caught:
            read_yaml(tmp_path / name)
        assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["\ufeffa: 1\n", "a: 1\r\nb: 2\r\n", "base: &b {x: 1}\na:\n  <<: *b\n  y: 2\n", "a: &x 1\nb: [*x, *x]\n",
     "---\na: 1\n...\n", "a: !!str 5\n", "a: {b: {c: [1, [2, {d: 3}]]}}\n"],
)  # fmt: skip
def test_what_is_unusual_and_right(tmp_path, text):
    (tmp_path / "params.yaml").write_bytes(text.encode())
    assert same(read_yaml(tmp_path / "params.yaml"), load_yaml(str(tmp_path / "params.yaml")))


def test_a_reading_forgets_the_one_before(tmp_path):
    """A loader would keep the version that another file told it."""
    parse_yaml("%YAML 1.1\n---\na: 010\n", "x")
    assert ours(tmp_path, "a: 010\n") == {"a": 10}


SHOW = """
import json
from stages.params import load_section
from stages.train.params import TrainParams
from stages.window.params import WindowParams
train = load_section("params.yaml", "train", TrainParams)
window = load_section("params.yaml", "window", WindowParams)
print(json.dumps([train.hidden, train.learning_rate, window.split.test]), file=open("got", "w"))
"""


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
    text = dumps_yaml(GOOD).replace("hidden: 16", "hidden: 010").replace(": 0.003", ": 1e-05")
    (folder / "params.yaml").write_text(text.replace("test: 120", "test: '1990-01-01'"))
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

"""params.yaml is read as DVC reads it: by the file, by `dvc exp run -S`, and back from dvc.lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import load_yaml, parse_yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.params import ParameterError
from stages.read_yaml import LARGEST, read_yaml

BATTERY = """\
010|08|0_8|1:0|12:30:45|yes|no|on|off|y|n|true|True|false|"1"|'1'|"1.0"|1_000|1__0|1_|_1|0x10|0x1F|0xg|0o10|0o8
0b11|1e-05|1E5|1e+5|1e3|1e400|1e-400|.5|.5e-1|.5e1|5.|1.|+1|-1|+.5|-0|-0.0|~|null|Null|NULL|1.0|2.0|1,5|1.5|
2001-01-01|2001-1-1|2001-13-45|2001-01-01T10:00:00|2001-01-01T10:00:00Z|2001-01-01 12:30:00|'2001-01-01'
.nan|.NaN|.inf|-.inf|nan|inf|NaN|seasonal|0|1|2|16|100|0x_|0b_|-_|._|none|None|null1|true1|'\u00e9'|\u0661|\uff11
<<|=|!|-|?|1e|1e5.0|0.0.0|1/2|1%|9999999999|100000000000000000000000000000000|[]|[1]|[1, 2]|{}|{a: 1}|1 2
&a 1|*a|@| 1 |1 # one|!!int 5|!!int '5'|!!float 5|!!str 5|!!bool yes|!!binary aGk=|!!set {a}|! 5|!x 5|'1\t'"""
SPELLINGS = [*BATTERY.replace("\n", "|").split("|"), "|\n    1", "9" * 5000, "0x" + "f" * 5000]


def as_dvc(text: str) -> Any:
    """How DVC reads the text, or None where it fails."""
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
         "line 4: `hidden` appears twice (first in line 2); keep one"),
        ("train: {}\ntrain: {}\n", "line 2: `train` appears twice (first in line 1)"),
        ("a: {b: 1, 'b': 2}\n", "`b` appears twice"),
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
        ("a: &a [*a]\n", "an alias (*) lies within what it names"),
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
def test_what_is_not_a_file_of_parameters(tmp_path, text, words):
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
    """A loader would keep the YAML version of the file before."""
    parse_yaml("%YAML 1.1\n---\na: 010\n", "x")
    assert ours(tmp_path, "a: 010\n") == {"a": 10}

"""Names say what a thing is: words that hide it are in no name of code, nor in a file's."""

from __future__ import annotations

import builtins
import re
import tokenize
from io import StringIO

import pytest

from tests.support.closure import ROOT

# They say where a thing came from or what it is like, not what it is.
VAGUE = {"own", "found", "told", "place", "made", "beside", "surroundings", "board", "passes"}
FOLDERS = ("stages", "benchmarks", "tests")
PATHS = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
FILES = [path for path in PATHS if "__pycache__" not in path.parts]
MODULES = [path for path in FILES if path.suffix == ".py"]


def is_vague(name: str) -> bool:
    """Whether a word of a snake_case or CamelCase name hides what it names; Python's names are exempt."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return not VAGUE.isdisjoint(map(str.lower, words)) and not hasattr(builtins, name)


def vague_names(code: str) -> dict[str, int]:
    """Each vague name that the code gives or uses, with the line where it is last."""
    tokens = tokenize.generate_tokens(StringIO(code).readline)
    return {t.string: t.start[0] for t in tokens if t.type == tokenize.NAME and is_vague(t.string)}


@pytest.mark.parametrize(
    ("code", "vague"),
    [("own_folds = 1", ["own_folds"]), ("def f(told): ...", ["told"]), ("f(\nplace=1)", ["place"]),
     ("class MadeFit: ...", ["MadeFit"]), ("x.passes()", ["passes"]), ("MADE_BY = 1", ["MADE_BY"]),
     ("known = placed = owner", []), ("raise FileNotFoundError('found')  # told", [])],
)  # fmt: skip
def test_what_is_vague(code, vague):
    assert list(vague_names(code)) == vague


def test_no_name_is_vague():
    assert len(MODULES) > 200
    vague = {
        f"{path.relative_to(ROOT)}:{line}": name
        for path in MODULES
        for name, line in vague_names(path.read_text(encoding="utf-8")).items()
    }
    assert not vague


def test_no_file_is_named_vaguely():
    assert not [path for path in FILES if is_vague(path.stem)]

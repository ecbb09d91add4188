"""The line about a file that only this folder has: in every state of git and DVC, and never a failure."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from stages.prepare import __main__ as stage
from stages.prepare.tracked import dvc_file_of, missing, untracked

NAMES = [
    "plain.csv",
    "my data.csv",
    "it's.csv",
    "$(touch X).csv",
    "-x.csv",
    "*.csv",
    ":(top)x.csv",
    '"é".csv',
]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / "other.csv").touch()
    monkeypatch.chdir(folder)
    return folder


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def remedies(sentence: str) -> list[list[str]]:
    """The commands in back quotes, as a shell would split them."""
    return [
        shlex.split(part)
        for part in sentence.split("`")[1::2]
        if part.startswith(("git", "dvc add"))
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_state_of_a_file(folder, name):
    Path(name).touch()
    git("add", "other.csv")
    sentence = untracked(name)
    assert sentence is not None
    assert sentence.startswith(f"prepare.path = {name!r} is neither in git nor in DVC: ")
    safe = f"./{name}" if name[0] == "-" else name
    assert remedies(sentence) == [
        ["git", "add", safe],
        ["dvc", "add", safe],
        ["git", "add", f"{safe}.dvc"],
    ]
    assert len(sentence.splitlines()) == 1
    Path(f"{name}.dvc").touch()
    sentence = untracked(name)
    assert sentence is not None
    assert "which git does not have" in sentence
    assert remedies(sentence) == [["git", "add", f"{safe}.dvc"]]
    git("--literal-pathspecs", "add", f"./{name}.dvc")
    assert untracked(name) is None
    Path(f"{name}.dvc").unlink()
    git("--literal-pathspecs", "add", f"./{name}")
    assert untracked(name) is None


def test_a_folder_that_dvc_has(folder):
    Path("raw/deep").mkdir(parents=True)
    Path("raw/deep/x.csv").touch()
    assert untracked("raw/deep/x.csv") is not None
    Path("raw.dvc").touch()
    git("add", "raw.dvc")
    assert untracked("raw/deep/x.csv") is None
    assert dvc_file_of("raw/deep/x.csv") == Path("raw.dvc")
    assert dvc_file_of("raw") == Path("raw.dvc")
    assert dvc_file_of("other.csv") is None


def test_outside_the_repository(folder):
    outside = folder.parent / "x.csv"
    outside.touch()
    for name in (str(outside), "../x.csv"):
        sentence = untracked(name)
        assert sentence is not None
        assert f"prepare.path = {name!r} lies outside the repository" in sentence
    assert untracked(str(folder / "other.csv")) is not None, "an absolute path to a file within"


def test_a_project_in_a_folder_of_the_repository(folder, monkeypatch):
    inner = folder / "project"
    inner.mkdir()
    (inner / "x.csv").touch()
    monkeypatch.chdir(inner)
    assert "is neither in git" in (untracked("x.csv") or "")
    assert "is neither in git" in (untracked("../other.csv") or "")
    git("add", "x.csv")
    assert untracked("x.csv") is None


def test_where_there_is_nothing_to_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    Path("x.csv").touch()
    assert untracked("x.csv") is None, "no repository"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert untracked("x.csv") is None, "no git"


@pytest.mark.parametrize(
    "error",
    [
        OSError("no"),
        subprocess.TimeoutExpired("git", 30),
        UnicodeDecodeError("utf-8", b"", 0, 1, "no"),
    ],
)
def test_it_never_fails(folder, monkeypatch, error):
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fails)
    assert untracked("other.csv") is None


def test_the_stage_says_it_and_writes_the_same(folder, monkeypatch, capsys):
    rows = "".join(f"2001-01-{day:02d},{day}\n" for day in range(1, 29))
    Path("x.csv").write_text("ds,sales\n" + rows)
    Path("params.yaml").write_text("prepare: {path: x.csv, time: ds, frequency: D}\n")
    stage.main(["--series", "first"])
    assert "'x.csv' is neither in git nor in DVC" in capsys.readouterr().err
    git("add", "x.csv")
    stage.main(["--series", "second"])
    assert "neither" not in capsys.readouterr().err
    for file in Path("first").iterdir():
        assert file.read_bytes() == (Path("second") / file.name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_sentence_for_a_file_that_is_missing(name):
    sentence = missing(name)
    assert sentence.startswith(f"prepare.path = {name!r} does not exist; ")
    assert "--queue or --temp" in sentence
    safe = f"./{name}" if name[0] == "-" else name
    assert remedies(sentence)[:2] == [["git", "add", safe], ["dvc", "add", safe]]

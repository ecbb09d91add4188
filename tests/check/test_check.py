"""A refused parameter loses nothing, and the name of a file is only a name: the real commands of DVC."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stages.check.__main__ import WRITTEN, main
from stages.tracking.history.lock import Lock
from tests.repository.test_pipeline import stages_run
from tests.support.closure import ROOT
from tests.support.study import commit, edit, repro, run, small_repository

pytestmark = pytest.mark.slow

NAMES = [
    "my data.csv", "it's.csv", "sales (1).csv", "$(touch X).csv", "a;b.csv", "a&b.csv", '"q".csv', "-x.csv",
    "${train.hidden} `touch X` *.csv", "../outside.csv", "deep/in a folder/x.csv",
]  # fmt: skip


def small(folder: Path) -> Path:
    """One cell, two values of λ."""
    small_repository(folder)
    for key, value in (
        ("train.cells", ["rnn"]),
        ("train.penalty.lambdas", [0, 1]),
        ("window.folds", 1),
        ("evaluate.baselines", ["repeat_last"]),
    ):
        edit(folder, key, value)
    return folder


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A study, reproduced and committed."""
    folder = small(tmp_path_factory.mktemp("check") / "study")
    repro(folder)
    commit(folder, "Reproduced")
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    """All outputs except the check's, which holds nothing, and the lock."""
    files = [p for p in (folder / "data").rglob("*") if p.is_file() and p.name != "checked"]
    outputs = {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}
    assert {"data/fits/rnn.safetensors", "data/report/index.html"} <= outputs.keys()
    return outputs | {"dvc.lock": (folder / "dvc.lock").read_bytes()}


@pytest.mark.parametrize("target", [(), ("train",), ("report",), ("window",)])
def test_a_refused_parameter_loses_nothing(repository, target):
    before = everything(repository)
    edit(repository, "train.hidden", -7)
    edit(repository, "window.horizon", True)
    edit(repository, "report.rule", "best")
    text = repro(repository, *target, check=False)
    assert "train.hidden = -7: input should be greater than or equal to 1" in text
    assert "window.horizon = true: must be a whole number" in text
    assert "report.rule = 'best'" in text
    assert stages_run(text) == []
    assert everything(repository) == before
    run(repository, "git", "checkout", "-q", ".")
    text = repro(repository, *target)
    assert stages_run(text) == []
    assert run(repository, "git", "status", "--porcelain") == ""


def test_a_change_reruns_no_stage_that_does_not_use_it(repository):
    edit(repository, "report.confidence", 0.9)
    text = repro(repository)
    assert stages_run(text) == ["report"]
    assert "Running stage 'check'" in text
    edit(repository, "report.confidence", 0.95)
    text = repro(repository)
    assert "Running stage 'check'" not in text, "it comes from the run cache"
    assert stages_run(text) in ([], ["report"]), "whose small files git keeps, not the cache"
    assert run(repository, "git", "status", "--porcelain") == ""


def test_the_check_alone_hides_no_study(repository):
    """`dvc repro train` writes the check's view of a changed report into dvc.lock."""
    before = Lock.parse((repository / "dvc.lock").read_text())
    edit(repository, "report.rule", "minimum")
    repro(repository, "train")
    after = Lock.parse((repository / "dvc.lock").read_text())
    assert before is not None
    assert after is not None
    assert after.stages["check"]["params"]["params.yaml"]["report"]["rule"] == "minimum"
    assert (after.key, after.sections) == (before.key, before.sections)
    run(repository, "git", "checkout", "-q", ".")
    repro(repository)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"train: [", "line 1: not valid YAML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"a: " + b"[" * 5000, "nested too deep"),
        (b"#" * 2_000_000, "bytes, and a file of parameters at most"),
        (None, "is a folder"),
    ],
)
def test_a_params_file_that_cannot_be_read_loses_nothing_either(repository, text, words):
    before = everything(repository)
    (repository / "params.yaml").unlink()
    if text is None:
        (repository / "params.yaml").mkdir()
    else:
        (repository / "params.yaml").write_bytes(text)
    said = run(repository, "python", "-m", "stages.check", "params.yaml", check=False)
    assert words in said
    assert len(said.splitlines()) == 1
    repro(repository, check=False)
    assert everything(repository) == before
    if text is None:
        (repository / "params.yaml").rmdir()
    run(repository, "git", "checkout", "-q", ".")


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Path:
    return small(tmp_path_factory.mktemp("names") / "study")


@pytest.mark.parametrize("name", NAMES)
def test_a_files_name_is_only_a_name(named, name):
    file = named / name
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "data/raw/elnino.csv", file)
    edit(named, "prepare.path", name)
    shutil.rmtree(named / "data/series", ignore_errors=True)
    text = repro(named, "prepare")
    assert "Running stage 'prepare'" in text
    assert (named / "data/series/series.parquet").is_file()
    assert not list(named.parent.rglob("X")), "the name was acted on"
    outside = name.startswith("..")
    words = "lies outside the repository" if outside else "is neither in git nor in DVC"
    assert f"prepare.path = {name!r} {words}" in text


def test_such_a_file_in_a_temporary_experiment(named):
    name = "$(touch X) it's.csv"
    shutil.copy(ROOT / "data/raw/elnino.csv", named / name)
    edit(named, "prepare.path", name)
    text = run(
        named, "dvc", "exp", "run", "--temp", "prepare", check=False, RIDGELINE_TRACKING="off"
    )
    assert (
        f"prepare.path = {name!r} does not exist" in text
        or f"prepare.path = {name!r} is not" in text
    )
    assert "git add '$(touch X) it'\"'\"'s.csv'" in text
    commit(named, "The file")
    text = run(named, "dvc", "exp", "run", "--temp", "prepare", RIDGELINE_TRACKING="off")
    assert "Running stage 'prepare'" in text
    assert "is neither in git" not in text
    assert not list(named.parent.rglob("X"))


def test_an_absolute_path_and_a_folder(named, capsys):
    outside = named.parent / "elsewhere.csv"
    shutil.copy(ROOT / "data/raw/elnino.csv", outside)
    edit(named, "prepare.path", str(outside))
    assert "lies outside the repository" in repro(named, "prepare")
    (named / "folder.csv").mkdir()
    edit(named, "prepare.path", "folder.csv")
    text = repro(named, "prepare", check=False)
    assert "prepare.path = 'folder.csv'" in text
    assert "Traceback" not in text


def test_the_check_reports_a_missing_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    assert main(["params.yaml", "--checked", "checked"]) == 2
    assert "prepare.path = 'data/raw/elnino.csv' does not exist" in capsys.readouterr().err
    assert not (tmp_path / "checked").exists()
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw.dvc").touch()
    assert main(["params.yaml"]) == 0, "DVC has it and can fetch it"
    (tmp_path / "data/raw.dvc").unlink()
    (tmp_path / "data/raw/elnino.csv").touch()
    assert main(["params.yaml", "--checked", "data/checked"]) == 0
    assert (tmp_path / "data/checked").read_text() == WRITTEN

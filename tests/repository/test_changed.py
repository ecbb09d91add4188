"""`make check` tests what has changed, and nothing that is slow."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import changed
from tests.support.closure import ROOT


@pytest.mark.parametrize(
    ("paths", "tests"),
    [
        (["stages/report/page/path.py", "stages/report/page/page.css"], ["tests/report"]),
        (["stages/train/stage.py", "tests/train/test_pool.py"], ["tests/train"]),
        (["tests/report/test_plot.py", "tests/report/test_gone.py"], ["tests/report/test_plot.py"]),
        (["tests/tracking/conftest.py"], ["tests/tracking"]),
        (["tests/conftest.py", "stages/window/stage.py"], ["tests"]),
        (["tests/support/changed.py"], ["tests/repository/test_changed.py"]),
        (["benchmarks/textbook.py"], ["tests/repository/test_textbook.py"]),
        (["README.md", "dvc.yaml", "stages/report.py"], ["tests/repository"]),
        ([], []),
    ],
)
def test_a_file_concerns_tests(paths, tests):
    assert changed.tests_of(paths) == tests


def test_a_module_that_all_stages_share_concerns_those_who_import_it():
    tests = changed.tests_of(["stages/losses.py"])
    assert tests
    for test in tests:
        assert "stages.losses" in (ROOT / test).read_text(encoding="utf-8")


def test_every_file_concerns_tests():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    for path in filter(None, listed.stdout.split("\0")):
        assert changed.tests_of([path]) or not (ROOT / path).is_file(), path


def git(folder: Path, *arguments: str) -> None:
    person = ["-c", "user.name=A reader", "-c", "user.email=reader@example.org"]
    subprocess.run(["git", *person, *arguments], cwd=folder, check=True, capture_output=True)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text(f"{name}\n")


def test_changed_is_what_no_commit_has_and_what_the_branch_adds(tmp_path):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    write(origin, "kept", "edited", "removed")
    git(origin, "add", ".")
    git(origin, "commit", "-qm", "All")
    assert changed.changed(origin) == []
    git(tmp_path, "clone", "-q", str(origin), "clone")
    write(origin, "of others")
    git(origin, "add", ".")
    git(origin, "commit", "-qm", "Of others")
    git(clone, "fetch", "-q")
    write(clone, "a new file of λ")
    (clone / "edited").write_text("otherwise\n")
    assert changed.changed(clone) == ["edited", "a new file of λ"]
    git(clone, "switch", "-qc", "branch", "--no-track")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "A branch that was never pushed")
    (clone / "removed").unlink()
    assert changed.changed(clone) == ["a new file of λ", "edited", "removed"]
    git(clone, "push", "-qu", "origin", "branch")
    assert changed.changed(clone) == ["removed"]

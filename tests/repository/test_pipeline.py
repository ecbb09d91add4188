"""The real `dvc repro` in a temporary repository, with a small study."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.study import commit, edit, repro, run, small_repository

pytestmark = pytest.mark.slow

STAGES = ["prepare", "window", "train", "evaluate", "report"]


def stages_run(text: str) -> list[str]:
    """The stages that a `dvc repro` really ran."""
    return [name for name in STAGES if f"Running stage '{name}'" in text]


def forget(folder: Path, store: bool = True) -> None:
    """Empty DVC's cache (the run cache too) and the member store."""
    shutil.rmtree(folder / ".dvc/cache", ignore_errors=True)
    if store:
        shutil.rmtree(folder / ".ridgeline/members", ignore_errors=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A small study, reproduced once and committed."""
    folder = small_repository(tmp_path_factory.mktemp("pipeline") / "study")
    assert stages_run(repro(folder, RIDGELINE_WORKERS="2")) == STAGES
    commit(folder, "Reproduced")
    return folder


def lock(folder: Path) -> bytes:
    return (folder / "dvc.lock").read_bytes()


def test_a_second_run_does_nothing(repository):
    text = repro(repository)
    assert "Data and pipelines are up to date" in text
    assert stages_run(text) == []
    assert run(repository, "git", "status", "--porcelain") == ""


def test_forced_run_from_nothing_writes_the_same_lock(repository):
    before = lock(repository)
    forget(repository)
    text = repro(repository, "--force", RIDGELINE_WORKERS="1")
    assert stages_run(text) == STAGES
    assert "taken from the store" not in text or "; 0 taken from the store" in text
    assert lock(repository) == before
    text = repro(repository, "--force")  # everything warm
    assert "members taken from the store" in text
    assert lock(repository) == before


def test_report_changes_rerun_the_report_alone(repository):
    edit(repository, "report.confidence", 0.9)
    assert stages_run(repro(repository)) == ["report"]
    with (repository / "stages/report/writing/tables.py").open("a", encoding="utf-8") as file:
        file.write("\n# a remark\n")
    assert stages_run(repro(repository)) == ["report"]
    run(repository, "git", "checkout", "-q", ".")
    run(repository, "dvc", "checkout")


def test_a_window_parameter_that_changes_no_number_retrains_nothing(repository):
    edit(repository, "window.missing", "drop")
    text = repro(repository)
    assert stages_run(text) == ["window"]
    run(repository, "git", "checkout", "-q", ".")
    run(repository, "dvc", "checkout")


def test_bad_parameters_are_refused_before_any_work(repository):
    edit(repository, "report.rule", "best")
    edit(repository, "train.hidden", 0)
    text = repro(repository, check=False)
    assert "train.hidden = 0: input should be greater than or equal to 1" in text
    assert "report.rule = 'best'" in text
    assert "Running stage 'evaluate'" not in text
    run(repository, "git", "checkout", "-q", ".")


def test_less_of_a_study_is_reproduced_in_a_fresh_clone(repository):
    edit(repository, "train.cells", ["gru"])
    edit(repository, "train.penalty.lambdas", [0, 1])
    text = repro(repository)
    assert "members taken from the store" in text
    assert sorted(p.name for p in (repository / "data/fits").iterdir()) == [
        "cells.json",
        "gru.safetensors",
    ]
    commit(repository, "One cell, two values of λ")
    fresh = repository.parent / "fresh"
    run(repository.parent, "git", "clone", "-q", str(repository), str(fresh))
    text = repro(fresh)
    assert stages_run(text) == STAGES
    assert run(fresh, "git", "status", "--porcelain") == ""
    assert lock(fresh) == lock(repository)


def test_an_added_lambda_trains_alone(repository):
    edit(repository, "train.penalty.lambdas", [0, 1, 30])
    text = repro(repository)
    assert "training 12 members; " in text  # 4 folds × 3 seeds
    run(repository, "git", "checkout", "-q", ".")
    run(repository, "dvc", "checkout")

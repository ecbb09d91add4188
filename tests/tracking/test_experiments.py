"""Runs are identified, reproduced, compared and shared: in real repositories, stores and clones."""

from __future__ import annotations

import json
import platform
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.artifacts.fits import Fit, load_fits
from stages.tracking.commands import reproduce
from stages.tracking.commands.sync import sync
from stages.tracking.history.lock import Lock
from stages.tracking.history.revisions import Repository
from stages.tracking.store.resolve import resolve
from tests.support.experiments import (
    begin,
    compare,
    free_port,
    local,
    number,
    runs,
    serving,
    tiny,
    tracking,
    wait_for_queue,
)
from tests.support.logged import settle
from tests.support.study import commit, edit, repro, run

# MLflow's use of SQLAlchemy
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]
RUNS = 3  # two λ and the study


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A committed study; `aside`, an experiment that ran in a temporary clone, has one more λ."""
    folder = tiny(tmp_path_factory.mktemp("experiments") / "study")
    grid = "train.penalty.lambdas=[0,1,5]"
    run(folder, "dvc", "exp", "run", "--temp", "-S", grid, "-n", "aside")
    return folder


def head(folder: Path) -> str:
    return run(folder, "git", "rev-parse", "--short=7", "HEAD").strip()


def test_what_ran_is_logged_once_and_tagged_with_its_commits_and_experiments(repository):
    before = runs(local(repository))
    assert len(before) == RUNS + 2  # λ = 5 and another study: the networks of 0 and 1 are the same
    assert {r.info.status for r in before} == {"FINISHED"}
    text = tracking(repository, "sync")
    assert number(text, r"(\d+) studies here") == 2
    assert number(text, r"(\d+) logged now") == 0
    after = {r.info.run_name: r.data.tags for r in runs(local(repository))}
    assert len(after) == len(before)
    assert (after["rnn λ=1"]["commits"], after["rnn λ=1"]["experiments"]) == (
        f"{head(repository)} (main)",
        "aside",
    )
    assert (after["rnn λ=5"]["commits"], after["rnn λ=5"]["experiments"]) == ("", "aside")
    assert after["rnn λ=5"]["dvc.exp_name"] == "aside"
    assert number(tracking(repository, "sync"), r"(\d+) runs newly tagged") == 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a choice of OpenBLAS on x86-64 alone")
def test_other_bits_of_another_instruction_set_are_equal_within_tolerance(
    repository, tmp_path, monkeypatch, capsys
):
    """Ridge's solver rounds otherwise there; the instruction set of a revision is that of its run.

    It comes before the store is deleted: files do not record the instruction set.
    """
    clone, other = tmp_path / "clone", "Prescott"
    shutil.copytree(repository, clone, symlinks=True)
    repro(clone, "--force", "--single-item", "evaluate", "report", OPENBLAS_CORETYPE=other)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    monkeypatch.setenv("OPENBLAS_CORETYPE", other)
    again = Lock.parse((clone / "dvc.lock").read_text(encoding="utf-8"))
    assert again is not None
    first = Repository(repository)
    named = resolve(first, "HEAD", {})
    assert reproduce._verdict(first, named, named.revision, again, clone, tmp_path / "then") == 0
    output = capsys.readouterr().out
    assert (
        "equal within tolerance on another instruction set: data/forecasts, data/scores" in output
    )
    assert "data/fits" not in output
    distance = re.search(r"by (\S+) relative at most", output)
    assert distance is not None
    assert float(distance[1]) < 1e-9
    assert "OPENBLAS_CORETYPE=Haswell" in output
    assert f"OPENBLAS_CORETYPE={other}" in output


def test_a_deleted_store_is_filled_again_from_files_and_cache(repository):
    before = {r.info.run_name: r.data for r in runs(local(repository))}
    for path in ("mlflow.db", "artifacts"):
        target = repository / "mlflow" / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    assert number(tracking(repository, "sync"), r"(\d+) logged now") == 2
    after = {r.info.run_name: r.data for r in runs(local(repository))}
    assert after.keys() == before.keys()
    for name, data in after.items():
        was = before[name].metrics  # of a training that took long, with what was shown while it ran
        assert data.metrics == {k: v for k, v in was.items() if not k.startswith("live/")}
        assert data.tags["ridgeline.key"] == before[name].tags["ridgeline.key"]
        assert data.params == before[name].params
    assert after["rnn λ=5"].tags["dvc.exp_name"] == "aside"
    assert "as pinned" in after["rnn λ=5"].tags["versions"]


def test_missing_files_are_reported(repository, tmp_path):
    clone = tmp_path / "study"
    run(tmp_path, "git", "clone", "-q", str(repository), str(clone))
    text = tracking(clone, "sync")
    lost = f"of {head(clone)} (main) is neither in DVC's cache nor at a remote"
    assert f"{lost}; ask whoever ran it for `dvc push`" in text
    assert f"or run it again: `git checkout {head(clone)}` and `dvc repro`" in text
    assert runs(local(clone)) == []
    tracking(clone, "sync", "HEAD", code=1)
    text = compare(clone, "HEAD", "main", code=2)
    assert "diff: data/" in text
    assert "run it again" in text


def test_a_run_is_reproduced_from_its_commit_to_the_bit(repository):
    (member,) = runs(local(repository), "tags.lam = '1' AND tags.kind = 'member'")
    text = tracking(repository, "reproduce", member.info.run_id)
    assert "identical, bit for bit" in text
    assert f"outputs of {head(repository)} (main))" in text
    assert "taken from the store" not in text or "; 0 taken from the store" in text
    assert run(repository, "git", "status", "--porcelain") == ""


def test_what_cannot_be_reproduced_says_why(repository, tmp_path):
    text = tracking(repository, "reproduce", "0" * 32, code=2)
    assert "has no run " + "0" * 32 in text
    assert "'nobody' is not a run, experiment or revision" in tracking(
        repository, "reproduce", "nobody", code=2
    )
    clone = tmp_path / "study"
    shutil.copytree(repository, clone, symlinks=True)
    with (clone / "stages/report/writing/tables.py").open("a", encoding="utf-8") as file:
        file.write("\n# a remark\n")
    commit(clone, "Changed after the run")
    text = tracking(clone, "reproduce", "HEAD", code=2)
    wanted = f"stages/report/writing/tables.py in {head(clone)} (HEAD) is not the one that report ran with"
    assert wanted in text
    run(clone, "git", "reset", "-q", "--hard", "HEAD~1")
    edit(clone, "report.rule", "minimum")
    run(clone, "dvc", "repro")
    (study,) = runs(local(clone), "params.`report.rule` = 'minimum'")
    text = tracking(clone, "reproduce", study.info.run_id, code=2)
    assert "its dvc.lock is in the workspace alone; commit it" in text
    run(clone, "git", "checkout", "-q", ".")
    text = tracking(clone, "reproduce", study.info.run_id, code=2)
    assert "is in no commit or experiment" in text


def test_studies_are_compared(repository):
    text = compare(repository, "HEAD", "aside")
    assert "| train.penalty.lambdas | [0, 1] | [0, 1, 5] |" in text
    assert re.search(r"\| aside: rnn, λ = \S+ +\| HEAD: rnn at λ = ", text)
    assert "window.lookback" not in text
    rows = pd.read_csv(repository / "data/report/lambda_path.csv").set_index("selected")
    assert f"{rows['validation_mse'].loc[True]:.5g}" in text
    assert {p.name for p in (repository / "tmp/diff").iterdir()} == {
        "diff.md",
        "figures",
        "index.html",
    }
    members = {r.data.tags["lam"]: r.info.run_id for r in runs(local(repository), "tags.lam != ''")}
    text = compare(repository, members["0"], members["1"])
    assert "All parameters are the same." in text
    assert re.search(r"rnn at λ = [01] of", text)
    assert "distance" in text
    assert "name two or more" in compare(repository, "HEAD", code=2)


def test_the_champion_is_a_committed_study_and_answers_over_http(repository, tmp_path):
    form = "--format=%(objectname)"
    sha = run(repository, "git", "for-each-ref", form, "refs/exps/*/*/aside").strip()
    for name in ("aside", sha):
        text = tracking(repository, "promote", name, code=2)
        assert f"{name} is an experiment, or a commit that is on no branch; apply it first" in text
    assert "version 1 of `ridgeline` registered" in tracking(repository, "promote")
    assert "version 1 of `ridgeline` was registered before" in tracking(repository, "promote")
    assert not list((repository / "mlflow/artifacts").rglob("*.pkl"))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = ["make", "-o", ".venv/installed", "serve", f"PORT={port}"]
    with serving(repository, *command, ready=f"{address}/ping"):
        raw = pd.read_csv(repository / "data/raw/elnino.csv").tail(72)
        table = pd.DataFrame({"unique_id": "sst", "ds": raw["month"], "y": raw["sst"]})
        code, answer = post(address, table)
        assert code == 200
        run(repository, "make", "-o", ".venv/installed", "forecast")
        written = pd.read_csv(repository / "tmp/forecast/forecast.csv")
        assert [row["y_hat"] for row in answer["predictions"]] == pytest.approx(
            list(written["y_hat"])
        )
        assert len(written) == 6
        assert (written["y_hat_spread"] > 0).all()
        for wrong, sentence in (
            (
                table.tail(5),
                "series 'sst': it has 5 steps; a forecast looks back on 60: give that many",
            ),
            (
                table.drop(table.index[-3]),
                "series 'sst': y at 2010-10-01 is missing; the last 60 steps must be there without "
                "a gap",
            ),
            (
                table.rename(columns={"y": "value"}),
                "column 'y' is missing; known: unique_id, ds, value; wanted: unique_id, ds, y",
            ),
            (
                table.assign(y="high"),
                "series 'sst': y at 2005-01-01 is high, not a finite number",
            ),
        ):
            assert post(address, wrong) == (
                400,
                {"error_code": "INVALID_PARAMETER_VALUE", "message": sentence},
            )
        months = [month[:7] for month in raw["month"]]
        assert post(address, table.assign(ds=months)) == post(address, table)


def post(address: str, table: pd.DataFrame) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"dataframe_split": json.loads(table.to_json(orient="split"))}).encode()
    request = urllib.request.Request(
        f"{address}/invocations", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return 200, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_server_that_is_killed_fails_no_study_and_sync_completes_it(repository, tmp_path):
    clone, port = tmp_path / "study", free_port()
    shutil.copytree(repository, clone, symlinks=True)
    shutil.rmtree(clone / "mlflow")
    run(clone, "git", "checkout", "-q", ".")
    before, server = (clone / "dvc.lock").read_bytes(), f"http://127.0.0.1:{port}"
    command = ["make", "-o", ".venv/installed", "server", f"PORT={port}"]
    with serving(clone, *command, ready=f"{server}/health"):
        pipeline = begin(clone, "dvc", "repro", "--force", MLFLOW_TRACKING_URI=server)
        assert pipeline.stdout is not None
        for line in pipeline.stdout:
            if "Running stage 'evaluate'" in line:
                break
    rest, _ = pipeline.communicate(timeout=300)  # the server is gone by now
    assert pipeline.returncode == 0, rest
    assert (clone / "dvc.lock").read_bytes() == before
    assert rest.count("not logged to MLflow: the study") == 1
    assert "make sync" in rest
    assert number(tracking(clone, "sync"), r"(\d+) logged now") == 2  # with the one of `aside`
    assert len(runs(local(clone))) == RUNS + 2


def test_two_clones_share_runs_and_experiments(repository, tmp_path):
    """A DVC remote on a folder, a git remote, and an MLflow server that both log to."""
    origin, port = tmp_path / "origin.git", free_port()
    run(tmp_path, "git", "clone", "-q", "--bare", str(repository), str(origin))
    run(repository, "git", "remote", "add", "origin", str(origin))
    run(repository, "dvc", "remote", "add", "-f", "-d", "shared", str(tmp_path / "remote"))
    commit(repository, "A remote")
    run(repository, "git", "push", "-q", "origin", "main")
    run(repository, "dvc", "push")
    run(repository, "dvc", "exp", "push", "origin", "aside", "--rev", "HEAD~1")
    other, server = tmp_path / "other", f"http://127.0.0.1:{port}"
    run(tmp_path, "git", "clone", "-q", str(origin), str(other))
    command = ["make", "-o", ".venv/installed", "server", f"PORT={port}"]
    shared = f"SHARED={tmp_path / 'server'}"
    with serving(repository, *command, shared, ready=f"{server}/health"):
        tracking(repository, "sync", MLFLOW_TRACKING_URI=server)
        logged = {r.info.run_name: r for r in runs(server)}
        assert len(logged) == RUNS + 2
        wanted = logged["rnn λ=5"].info.run_id
        text = tracking(other, "reproduce", wanted, code=2, MLFLOW_TRACKING_URI=server)
        assert "dvc exp pull" in text
        run(other, "dvc", "exp", "pull", "origin", "aside", "--rev", "HEAD~1")
        text = tracking(other, "reproduce", wanted, MLFLOW_TRACKING_URI=server)
        assert "identical, bit for bit" in text
        assert "outputs of aside)" in text
        text = tracking(other, "sync", MLFLOW_TRACKING_URI=server)
        assert number(text, r"(\d+) logged now") == 0
        assert len(runs(server)) == len(logged)
        study = next(r for r in logged.values() if r.data.tags["kind"] == "study")
        assert study.info.artifact_uri.startswith("mlflow-artifacts:/")


def test_four_queued_experiments_on_a_new_store_log_everything_once_and_are_reproduced(repository):
    for path in ("mlflow.db", "artifacts"):
        target = repository / "mlflow" / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    names = [f"wide{hidden}" for hidden in (2, 3, 5, 6)]
    for name in names:
        change = f"train.hidden={name.removeprefix('wide')}"
        run(repository, "dvc", "exp", "run", "--queue", "-S", change, "-n", name)
    run(repository, "dvc", "queue", "start", "-j", "4")
    wait_for_queue(repository, len(names))
    logged = runs(local(repository))
    assert len(logged) == 4 * RUNS
    assert {r.data.tags["dvc.exp_name"] for r in logged} == set(names)
    assert {r.info.status for r in logged} == {"FINISHED"}
    (queued,) = runs(local(repository), "tags.kind = 'study' AND tags.`dvc.exp_name` = 'wide5'")
    text = tracking(repository, "reproduce", queued.info.run_id)
    assert "identical, bit for bit" in text
    assert "outputs of wide5)" in text


def test_sync_goes_on_after_a_study_of_another_version(
    repository, empty_store, tmp_path, monkeypatch, capsys
):
    settle(repository, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shutil.copy(empty_store, tmp_path)}")
    calls = []

    def load(folder: Path) -> list[Fit]:
        calls.append(folder)
        if len(calls) == 1:
            raise ValueError("rnn.safetensors is from another version of the code")
        return load_fits(folder)

    monkeypatch.setattr("stages.tracking.store.runs.load_fits", load)
    assert sync([]) == 0
    output = capsys.readouterr()
    studies = number(output.out, r"(\d+) studies here")
    assert number(output.out, r"(\d+) logged now") == studies - 1 > 0
    assert output.err == "sync: not logged: rnn.safetensors is from another version of the code\n"

"""The runs of a study in MLflow, against a real SQLite store."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import environment, lambda_scale
from stages.artifacts.fits import load_fits, save_fits
from stages.tracking.history.digests import PATHS, md5_of
from stages.tracking.store import mirror, pending
from stages.tracking.store.runs import Files, log_study
from tests.support.logged import EPOCHS, RUNS, Store, live, log, shorter
from tests.support.synthetic_study import GRID, LEVELS

# MLflow's use of SQLAlchemy
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def test_a_study_is_logged_once_however_often_it_runs(folder):
    log()
    first = Store(folder)
    assert len(first.runs) == RUNS
    log()
    second = Store(folder)
    assert sorted(r.info.run_id for r in second.runs) == sorted(r.info.run_id for r in first.runs)
    assert {run.info.status for run in second.runs} == {"FINISHED"}
    for old in first.runs:
        new = second.client.get_run(old.info.run_id)
        assert (new.data.metrics, new.data.params) == (old.data.metrics, old.data.params)
        for name in old.data.metrics:
            points = second.history(new, name)
            assert len(points) == len({step for step, _ in points}), name


def test_a_lambda_has_curves_and_errors_with_their_spread_over_seeds(logged):
    store, fit = Store(logged), load_fits(logged / "fits")[0]
    run, i = store.named("rnn λ=10"), GRID.index(10.0)
    for name, curve in (
        ("train_loss", fit.train_loss[-1, i].mean(0)),
        ("validation_loss", fit.validation_loss[:2, i].mean((0, 1))),
    ):
        steps, values = zip(*store.history(run, name), strict=True)
        assert steps == tuple(range(1, EPOCHS + 1))
        np.testing.assert_allclose(values, curve, rtol=1e-12)
    metrics = run.data.metrics
    losses = np.concatenate([fit.window_losses["mse"][f"fold{k}"][i] for k in (0, 1)], axis=1)
    by_seed = losses.sum(1) / losses.shape[1]
    assert metrics["validation_mse"] == pytest.approx(by_seed.mean())
    assert metrics["validation_mse_spread"] == pytest.approx(statistics.stdev(by_seed.tolist()))
    scores = pd.read_parquet(logged / "scores/rnn.parquet").query(
        "lam == 10 and step == 0 and seed >= 0"
    )
    assert metrics["test_mse"] == pytest.approx(scores.query("metric == 'mse'")["value"].mean())
    assert {
        "test_mse_spread",
        "test_mae",
        "train_mse",
        "train_mae",
        "validation_mae",
        "lam",
    } <= set(metrics)
    assert run.data.params["train.hidden"] == "32"
    assert (run.data.params["cell"], run.data.params["m"]) == ("rnn", str(fit.m[-1]))
    assert "numpy" in run.data.tags["versions"]


def test_the_study_has_the_report_and_leads_to_the_runs_of_its_lambdas(logged):
    store = Store(logged)
    assert store.experiment is not None
    location = store.experiment.artifact_location
    assert location == (logged / "mlflow/artifacts").as_uri()
    (study,) = [run for run in store.runs if run.data.tags["kind"] == "study"]
    listed = [store.client.list_artifacts(study.info.run_id, p) for p in (None, "figures", "plots")]
    names = {item.path for part in listed for item in part}
    wanted = {"report.md", "lambda_path.csv", "metrics.json", "figures/path.svg"}
    assert wanted | {"plots/curves.csv"} <= names
    assert study.data.metrics["rnn.lam"] == 10
    short = study.data.tags["study"]
    runs = store.client.search_runs(
        [store.experiment.experiment_id], f"tags.`study.{short}` LIKE '%' AND tags.kind = 'member'"
    )
    assert len(runs) == len(LEVELS) * len(GRID)
    chosen = {run.info.run_name for run in runs if run.data.tags["chosen"] == "true"}
    assert chosen == {"rnn λ=10", "lstm λ=0"}
    assert study.info.run_name == f"elnino: rnn λ=10 ({short[:6]})"
    assert store.history(study, "path/log10_lam") == [(1, -1.0), (2, 0.0), (3, 1.0), (4, 2.0)]
    assert [v for _, v in store.history(study, "path/rnn.validation_mse")] == list(LEVELS["rnn"])
    for run in store.runs:
        assert run.inputs is not None
        (data,) = run.inputs.dataset_inputs
        assert data.dataset.name == "elnino, development part"
        assert data.dataset.digest == md5_of(logged / "development")[:12]
        assert run.data.tags["ridgeline.key"]
        assert "OPENBLAS_CORETYPE" in run.data.tags["instruction_set"]


def test_runs_are_coloured_by_lambda_and_studies_apart(folder):
    log()
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("one_standard_error ", "minimum "))
    log()  # the same networks, another study
    runs = Store(folder).runs
    colors = {r.data.tags["mlflow.runColor"] for r in runs if r.data.tags["kind"] == "study"}
    assert len(colors) == 2
    by_lam: dict[str, set[str]] = {}
    for run in runs:
        if run.data.tags["kind"] == "member":
            by_lam.setdefault(run.data.tags["lam"], set()).add(run.data.tags["mlflow.runColor"])
    assert [len(of_lam) for of_lam in by_lam.values()] == [1] * len(GRID)
    assert len(set.union(*by_lam.values())) == len(GRID)
    assert by_lam == {f"{lam:g}": {lambda_scale.color(lam, GRID)} for lam in GRID}  # as on the page


def test_an_added_lambda_adds_one_run_for_each_cell_and_one_study(folder):
    whole = load_fits(folder / "fits")
    save_fits(folder / "fits", [shorter(fit, (0, 1, 3)) for fit in whole])
    log()
    before = Store(folder)
    assert len(before.runs) == RUNS - len(LEVELS)
    save_fits(folder / "fits", whole)
    log()
    after = Store(folder)
    assert len(after.runs) == RUNS + 1
    both = [t for t in after.named("rnn λ=1").data.tags if t.startswith("study.")]
    assert len(both) == 2


def test_a_run_logged_from_another_clones_files_gets_the_environment_of_the_same_bits(folder):
    note = pending.note_of({flag: folder / flag for flag in PATHS})
    with mirror.mirror() as entries:
        entries.run_tags = {"versions": "numpy 1.0 (as pinned)"}  # all that `sync` knows of it
        paths = {flag: Path(path) for flag, path in note.paths.items()}
        log_study(entries, note.key, note.params, Files(**paths))
        entries.write()
    assert "instruction_set" not in Store(folder).named("rnn λ=1").data.tags
    log()
    store = Store(folder)
    assert len(store.runs) == RUNS
    for run in store.runs:
        assert run.data.tags["instruction_set"] == environment.instruction_set()
        assert run.data.tags["versions"] == "numpy 1.0 (as pinned)"


def test_another_evaluation_of_the_same_networks_is_another_run(folder):
    live(folder).finish()
    assert len(Store(folder).runs) == RUNS - 1
    log()
    assert len(Store(folder).runs) == RUNS  # evaluating completed the runs of training
    before = Store(folder).named("rnn λ=1")
    path = folder / "scores/rnn.parquet"
    scores = pd.read_parquet(path)
    scores.loc[scores["lam"] == 1.0, "value"] *= 2
    scores.to_parquet(path, index=False)
    log()
    live(folder).finish()
    store = Store(folder)
    values = sorted(r.data.metrics["test_mse"] for r in store.runs if r.info.run_name == "rnn λ=1")
    assert values == pytest.approx([before.data.metrics["test_mse"] * k for k in (1, 2)])
    assert len(store.runs) == RUNS + 2  # that of the λ and its study's

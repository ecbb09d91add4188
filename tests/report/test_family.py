"""The forecaster that validation chooses: of cells, their means with ridge, and baselines."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.forecasts import VALIDATION, load
from stages.evaluate.params import RidgeParams
from stages.report.judging.family import Candidate, chosen
from stages.report.writing.answers import headline, note
from stages.report.writing.markdown import report
from stages.report.writing.tables import metrics
from tests.support.damped_study import Damped, damped, waves

RIDGE = {"lambdas": (1.0, 100.0), "intercept": "validated"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Damped:
    folder = tmp_path_factory.mktemp("study")
    return damped(folder, waves(), mean=True, ridge=RidgeParams.model_validate(RIDGE))


def candidate(name: str, validation: float, eligible: bool = True) -> Candidate:
    return Candidate(name, math.nan, validation, 1.0, pd.Series(dtype=float), eligible=eligible)


def test_the_lowest_validation_error_of_what_can_be_served_is_chosen() -> None:
    rivals = [candidate("a", 0.3), candidate("networks", 0.1, eligible=False), candidate("b", 0.2)]
    assert chosen(rivals) is rivals[2]
    assert chosen([candidate("a", math.nan), *rivals]) is rivals[2]
    assert chosen([candidate("a", math.nan)]) is None


def test_errors_of_the_mean_are_those_of_its_forecasts(study: Damped) -> None:
    mean, cell = study.study.means[0], study.study.cells[0]
    assert (mean.cell, mean.name, mean.lam) == ("rnn", "rnn+ridge", cell.lam)
    frame = load(study.paths["forecasts"], mean.name, filters=[("lam", "==", mean.lam)])
    squares = ((frame["y_hat"] - frame["y"]) ** 2).groupby(frame["seed"]).mean()
    overall = squares[squares.index >= 0].mean()
    assert mean.overall["mse"] == pytest.approx(overall, rel=1e-9)
    assert len(mean.contender.members) == cell.fit.seeds
    assert mean.ensemble is not None
    assert mean.ensemble_overall is not None
    assert mean.ensemble_overall["mse"] == pytest.approx(squares[-2], rel=1e-9)
    # Forecasts below and above the truth offset each other: never worse than the worse of the two.
    ridge = float(study.study.baselines["loss"]["ridge"])
    assert mean.contender.mean.mean_loss <= max(ridge, float(cell.test[cell.chosen]))
    # What can be checked of validation: the same windows for all that are compared.
    parts = {
        name: load(study.paths["forecasts"] / VALIDATION, name) for name in ("rnn", "rnn+ridge")
    }
    rows = [part[part["lam"] == mean.lam].shape for part in parts.values()]
    assert rows[0] == rows[1]


def test_the_questions_are_of_what_validation_prefers(study: Damped) -> None:
    content = study.study
    errors = {content.best.name: content.best.validation}
    errors |= {mean.name: mean.validation for mean in content.means}
    assert content.leader.name == min(errors, key=lambda name: errors[name])
    pairs = {(v.cell, v.against) for v in content.answers.all}
    assert (content.leader.name, content.baseline) in {
        (v.cell, v.against) for v in content.answers.primary
    }
    assert {
        ("rnn+ridge", "rnn at λ = " + f"{content.best.lam:.4g}"),
        ("rnn+ridge", "ridge"),
    } <= pairs
    assert "it or a mean with ridge, whichever validation prefers" in note(content)
    assert content.leader.name in headline(content)


def test_the_table_names_the_final_fit_and_the_choice(study: Damped) -> None:
    content, text = study.study, report(study.study)
    assert content.forecaster is not None
    finite = [one for one in content.candidates if one.eligible and np.isfinite(one.validation)]
    assert content.forecaster.validation == min(one.validation for one in finite)
    assert "Test errors are of fits on the training and validation parts." in text
    assert f"Of all, validation chooses {content.forecaster.name}" in text
    assert "| rnn+ridge ensemble, λ = " in text.replace("**", "")
    got = metrics(content)["chosen"]
    assert got["name"] == content.forecaster.name
    assert got["scaled_test_mse"] == pytest.approx(content.forecaster.test, rel=1e-5)


def test_trained_on_the_training_part_alone_is_said(tmp_path: Path) -> None:
    alone = damped(tmp_path, waves(), window={"final_fit": "train"})
    assert "fits on the training part alone." in report(alone.study)
    assert alone.study.means == ()

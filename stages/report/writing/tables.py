"""The report's numbers as files: the λ path, the headline metrics, the data behind `dvc plots`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit
from stages.lambda_scale import zero_step
from stages.losses import MEASURES
from stages.report.judging.averages import curves, errors
from stages.report.judging.cell import Cell
from stages.report.judging.coverage import Coverage
from stages.report.judging.intervals import Array
from stages.report.study import Study
from stages.report.writing.intervals import by_level

EPOCHS = 200  # rows of a training curve in curves.csv, at most


def digits(value: float) -> float | None:
    """Six significant digits; None where there is no finite number (JSON knows no NaN)."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """CSV with six significant digits, except `lam`, which is kept exactly (it is a key)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exact = frame.assign(lam=[_exact(float(lam)) for lam in frame["lam"]])
    exact.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def _exact(lam: float) -> str:
    return "" if math.isnan(lam) else repr(lam).removesuffix(".0")


def write_json(content: dict[str, Any], path: Path) -> None:
    """Indented JSON in the order given; numbers that are not finite are refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def path_table(study: Study) -> pd.DataFrame:
    """A row per cell and λ: the public `lambda_path.csv`.

    validation_* and train_* are in scaled units and of the same members (mean over folds,
    weighted by validation windows, and over seeds), so that their gap means something; test_* are
    in the data's units, scaled_test_* in scaled units; m, weight_norm and epochs are those of the final fit.
    `final_fit` is what those are trained on (`window.final_fit`). `measure` is what λ is chosen by. The
    other columns are of it: validation_se, diff_to_min, validation_sd_seeds and validation_sd_folds (the
    spreads over seeds and over folds, empty where there is one), and regret: what a λ loses on the test part
    (scaled units) to the best one in hindsight, in per cent.
    """
    return pd.concat([_cell_table(cell, study) for cell in study.cells], ignore_index=True)


def _cell_table(cell: Cell, study: Study) -> pd.DataFrame:
    fit, path, empty = cell.fit, cell.path, np.full(len(cell.path.lambdas), np.nan)
    parts = {measure: errors(fit, measure) for measure in MEASURES}
    return pd.DataFrame(
        {
            "cell": cell.name,
            "lam": path.lambdas,
            "m": int(fit.m[-1]),
            "lam_over_m": np.array(path.lambdas) / fit.m[-1],
            "final_fit": study.final_fit,
            "measure": cell.measure,
            **{f"validation_{measure}": both[1] for measure, both in parts.items()},
            "validation_se": path.se,
            "validation_sd_seeds": path.seed_spread,
            "validation_sd_folds": path.fold_spread,
            "diff_to_min": path.difference,
            **{f"train_{measure}": both[0] for measure, both in parts.items()},
            **{
                f"{part}_{measure}": cell.overall.get(name, pd.Series(empty)).to_numpy()
                for part, prefix in (("test", ""), ("scaled_test", "scaled_"))
                for measure in MEASURES
                for name in (f"{prefix}{measure}",)
            },
            "regret": cell.regrets,
            "weight_norm": weight_norm(fit).mean(axis=1),
            "epochs": np.median(fit.epochs[-1], axis=1).round().astype(int),
            "selected": np.arange(len(path.lambdas)) == cell.chosen,
        }
    )


def weight_norm(fit: Fit) -> Array:
    """(Λ, S) L2 norm of the final fold's penalised weights: groups whose multiplier is not 0."""
    squares = np.square(np.asarray(fit.norms[-1], float))  # (Λ, S, 3), or of a module (Λ, S, 1)
    multipliers = fit.config.get("multipliers", (1, 1, 1)) if squares.shape[-1] > 1 else (1,)
    penalised = np.asarray(multipliers, float) != 0
    return np.asarray(np.sqrt((squares * penalised).sum(axis=-1)))


def metrics(study: Study) -> dict[str, Any]:
    """The headline of each cell and of the baseline that validation chose: the columns of `dvc exp show`.

    Errors are of the measure that λ is chosen by: test_* in the data's units, the others in scaled units.

    regret_percent and test_vs_0_percent: what the chosen λ loses on the test part to the best λ in
    hindsight and to λ = 0. test_coverage_95: the share of test values inside the intervals of the level; with
    test_crps of the seeds' mean forecast.
    """
    content: dict[str, Any] = {}
    validation = f"validation_{study.measure}"
    units = {f"test_{study.measure}": study.measure}
    units |= {f"scaled_test_{study.measure}": f"scaled_{study.measure}"}
    for cell in study.cells:
        row = {"lam": cell.lam, validation: digits(cell.path.loss[cell.chosen])}
        if cell.zero is not None:
            row[f"{validation}_at_0"] = digits(cell.path.loss[cell.zero])
        for name, metric in units.items():
            if metric in cell.overall:
                tested = cell.overall[metric]
                row[name] = digits(tested.iloc[cell.chosen])
                if cell.zero is not None:
                    row[f"{name}_at_0"] = digits(tested.iloc[cell.zero])
        row["regret_percent"] = digits(cell.regret)
        row["test_vs_0_percent"] = digits(cell.to_zero)
        row |= _covered(study.coverages.get(cell.name))
        content[cell.name] = {key: value for key, value in row.items() if value is not None}
    if study.baseline is not None:
        scores = study.baselines.to_dict("index")[study.baseline]
        best: dict[str, Any] = {"name": study.baseline}
        best |= {name: digits(scores[metric]) for name, metric in units.items() if metric in scores}
        content["best_baseline"] = best
    if (one := study.forecaster) is not None:
        chosen: dict[str, Any] = {"name": one.name}
        numbers = {"lam": one.lam, validation: one.validation}
        numbers |= {f"scaled_test_{study.measure}": one.test}
        numbers |= {
            name: one.scores[metric] for name, metric in units.items() if metric in one.scores
        }
        chosen |= {name: digits(value) for name, value in numbers.items()}
        content["chosen"] = {key: value for key, value in chosen.items() if value is not None}
    return content


def _covered(one: Coverage | None) -> dict[str, float | None]:
    """The shares of test values inside the intervals of a forecaster, and its CRPS; of none nothing."""
    if one is None:
        return {}
    shares = {f"test_coverage_{level:g}": digits(share.mean) for level, share in one.shares.items()}
    return shares | {"test_crps": digits(one.overall["crps"])}


def plotted_coverage(study: Study) -> pd.DataFrame:
    """For `dvc plots`: the share of test values inside the interval of each level, both in per cent."""
    frames = [
        pd.DataFrame({"forecaster": name, "lam": one.lam, "level": levels, "share": shares})
        for name, one in study.coverages.items()
        for levels, shares in [by_level(one)]
    ]
    columns = ["forecaster", "lam", "level", "share"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def forecasters_table(study: Study) -> pd.DataFrame:
    """A row per forecaster: the public `forecasters.csv`.

    `validation` and `test` are of the study's measure, the other columns errors on the test part in scaled
    units and in the data's; `eligible` says whether validation could choose it, `chosen` whether it did.
    """
    return pd.DataFrame(
        {
            "forecaster": one.name,
            "lam": one.lam,
            "detail": one.detail,
            "final_fit": study.final_fit,
            "measure": study.measure,
            "validation": one.validation,
            "test": one.test,
            **{f"scaled_test_{name}": one.scores.get(f"scaled_{name}") for name in MEASURES},
            **{f"test_{name}": one.scores.get(name) for name in MEASURES},
            "eligible": one.eligible,
            "chosen": one is study.forecaster,
        }
        for one in study.candidates
    )


def plotted_path(study: Study) -> pd.DataFrame:
    """The path for `dvc plots`: a row per cell, λ and part, all in scaled units.

    `lam_label` is λ in short. The template draws λ = 0 separately on its log axis: `zero_step` (see
    `lambda_scale`) below the smallest positive λ of all revisions.
    """
    frames = []
    for cell in study.cells:
        path = cell.path
        parts = {
            "train": errors(cell.fit, cell.measure)[0],
            "validation": path.loss,
            "test": cell.test,
        }
        for part, loss in parts.items():
            frames.append(
                pd.DataFrame(
                    {
                        "cell": cell.name,
                        "lam": path.lambdas,
                        "lam_label": [f"{lam:.3g}" for lam in path.lambdas],
                        "zero_step": zero_step(path.lambdas),
                        "part": part,
                        "measure": cell.measure,
                        "loss": loss,
                        "se": path.se if part == "validation" else np.nan,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def kept_epochs(epochs: int) -> Array:
    """Indices of the epochs that are drawn, EPOCHS at most."""
    return np.unique(np.linspace(0, epochs - 1, min(epochs, EPOCHS)).round().astype(int))


def plotted_curves(study: Study) -> pd.DataFrame:
    """Training and validation loss by epoch (from 1): mean over seeds and validated folds."""
    frames = []
    for cell in study.cells:
        train, validation = curves(cell.fit)
        kept = kept_epochs(train.shape[1])
        for i, lam in enumerate(cell.path.lambdas):
            frames.append(
                pd.DataFrame(
                    {
                        "cell": cell.name,
                        "lam": lam,
                        "epoch": kept + 1,
                        "train_loss": train[i, kept],
                        "validation_loss": validation[i, kept],
                    }
                )
            )
    return pd.concat(frames, ignore_index=True).dropna(subset=["train_loss"])

"""What each stage's files say to MLflow; `tracking.py` has the runs and their keys."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit, load_fits
from stages.artifacts.series import FRAME, Series
from stages.artifacts.windows import Windows
from stages.tracking import Mirror, digest, file_digest, flatten, member_keys


def log_prepare(mirror: Mirror, args: Namespace, params: dict[str, Any]) -> None:
    """The prepared series: a `data` run."""
    key = file_digest(args.series / FRAME)
    series = Series.load(args.series)
    names = [entry["unique_id"] for entry in series.summary["series"]]
    metrics = {"series": len(names), "steps": len(series.frame) / len(names)}
    metrics["gaps"] = sum(entry["gaps"] for entry in series.summary["series"])
    with mirror.run(key, f"data {key[:8]}", {"kind": "data"}) as run_id:
        mirror.log(run_id, params, metrics)
        source = str(params.get("prepare.path", args.series / FRAME))
        mirror.log_data(run_id, series.frame, source, ", ".join(names)[:100], key)
        mirror.log_files(run_id, [args.series / "summary.json"])


def log_window(mirror: Mirror, args: Namespace, params: dict[str, Any]) -> None:
    """The folds: a `windows` run."""
    key = file_digest(args.development)
    windows = Windows.load(args.development)
    metrics = {}
    for fold in windows.folds:
        metrics[f"{fold.name}.training_windows"] = fold.m
        metrics[f"{fold.name}.validation_windows"] = len(fold.validation)
    with mirror.run(key, f"windows {key[:8]}", {"kind": "windows"}) as run_id:
        mirror.log(run_id, params, metrics)
        mirror.log_data(run_id, _levels(windows), args.development, "development part", key)


def _levels(windows: Windows) -> pd.DataFrame:
    """The development part in the data's units, a column for each series."""
    levels = windows.levels.transpose(1, 0, 2).reshape(len(windows.time), -1)
    return pd.DataFrame(levels, columns=pd.Index(windows.layout.series))


def log_train(mirror: Mirror, args: Namespace, params: dict[str, Any]) -> None:
    """A `member` run for each cell and λ, with its curves."""
    data = file_digest(args.development)
    own = {name: value for name, value in params.items() if "lambdas" not in name}
    for fit in load_fits(args.fits):
        for i, (lam, key) in enumerate(zip(fit.lambdas, member_keys(fit, data), strict=True)):
            tags = {"kind": "member", "cell": fit.cell, "lam": f"{lam:g}", "data": data[:12]}
            with mirror.run(key, f"{fit.cell} λ={lam:g}", tags) as run_id:
                named = {**own, "train.cells": fit.cell, "cell": fit.cell, "lam": lam}
                named |= {"m": fit.m[-1], "seeds": fit.seeds}
                mirror.log(run_id, named, _training(fit, i), _curves(fit, i))


def _training(fit: Fit, i: int) -> dict[str, float]:
    """Errors in scaled units of one λ: mean over seeds, and the seeds' spread."""
    folds = [fold for fold in fit.folds if fold in fit.window_losses]
    every = np.concatenate([fit.window_losses[fold][i] for fold in folds], axis=1)  # (S, N)
    by_seed = every.mean(1)
    return {
        "lam": fit.lambdas[i],
        "validation_mse": float(by_seed.mean()),
        "validation_mse_spread": _spread(by_seed),
        "train_mse": float(fit.train_mse[-1, i].mean()),
        "epochs": float(fit.epochs[-1, i].mean()),
        "weight_norm": float(np.sqrt((fit.norms[-1, i] ** 2).sum(1)).mean()),
    }


def _spread(by_seed: np.ndarray) -> float:
    return float(by_seed.std(ddof=1)) if len(by_seed) > 1 else 0.0


def _curves(fit: Fit, i: int) -> dict[str, np.ndarray]:
    """By epoch: training of the final fold and validation of the others, mean over seeds and folds."""
    curves = {
        "train_loss": fit.train_loss[-1, i].mean(0),
        "gradient_norm": fit.gradient_norm[-1, i].mean(0),
    }
    if len(fit.folds) > 1:
        curves["validation_loss"] = fit.validation_loss[:-1, i].mean((0, 1))
    return curves


def log_evaluate(mirror: Mirror, args: Namespace, params: dict[str, Any]) -> None:
    """Test errors of each cell and λ, onto its run."""
    data = file_digest(args.development)
    for fit in load_fits(args.fits):
        scores = pd.read_parquet(args.scores / f"{fit.cell}.parquet")
        whole = scores[(scores["unique_id"] == "") & (scores["step"] == 0)]
        for lam, key in zip(fit.lambdas, member_keys(fit, data), strict=True):
            own = whole[whole["lam"] == lam].groupby("metric", observed=True)["value"]
            metrics = {f"test_{name}": float(group.mean()) for name, group in own}
            metrics |= {f"test_{n}_spread": _spread(group.to_numpy()) for n, group in own}
            tags = {"kind": "member", "cell": fit.cell, "lam": f"{lam:g}", "data": data[:12]}
            with mirror.run(key, f"{fit.cell} λ={lam:g}", tags) as run_id:
                mirror.log(run_id, params, metrics)


def log_report(mirror: Mirror, args: Namespace, params: dict[str, Any]) -> None:
    """The study's run: the report's files; and a tag `study` on each of its members."""
    data = file_digest(args.development)
    fits = load_fits(args.fits)
    keys = {fit.cell: member_keys(fit, data) for fit in fits}
    listed = sorted(args.scores.iterdir())
    key = digest(*(k for own in keys.values() for k in own), *(file_digest(p) for p in listed))
    report = json.loads((args.report / "metrics.json").read_text(encoding="utf-8"))
    numbers = flatten(report, "report")
    metrics = {k: float(v) for k, v in numbers.items() if isinstance(v, int | float)}
    study = key[:12]
    with mirror.run(key, f"study {study}", {"kind": "study", "study": study}) as run_id:
        named = {**params, "cells": ", ".join(keys), "members": sum(len(k) for k in keys.values())}
        mirror.log(run_id, named, metrics, tags={"data": data[:12]})
        mirror.log_data(
            run_id, _levels(Windows.load(args.development)), args.development, "study", data
        )
        files = sorted(path for path in args.report.iterdir() if path.is_file())
        mirror.log_files(run_id, files)
        for folder in ("figures", "plots"):
            mirror.log_files(run_id, sorted((args.report / folder).iterdir()), folder)
    for fit in fits:
        chosen = report.get(fit.cell, {}).get("lam")
        for lam, member in zip(fit.lambdas, keys[fit.cell], strict=True):
            with mirror.run(member, f"{fit.cell} λ={lam:g}", {"kind": "member"}) as run_id:
                near = chosen is not None and abs(lam - chosen) <= 1e-9 * max(1.0, lam)
                mirror.log(run_id, tags={"study": study, "chosen": str(near).lower()})

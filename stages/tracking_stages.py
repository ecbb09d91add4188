"""What each stage's files say to MLflow; `tracking.py` has the runs and the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit, load_fits
from stages.artifacts.series import FRAME, SUMMARY, Series
from stages.artifacts.windows import Windows
from stages.tracking_notes import digest, file_digest, flatten

if TYPE_CHECKING:
    from stages.tracking import Entry, Mirror

SHORT = 12  # digits of a digest in names and tags
# Parameters that decide nothing of one member.
_OF_STUDIES = ("train.cells", "train.penalty.lambdas", "evaluate.baselines", "report.")


def log_prepare(mirror: Mirror, params: dict[str, Any], series: Path) -> None:
    """The prepared series: a `data` run."""
    key, data = file_digest(series / FRAME), Series.load(series)
    listed = data.summary["series"]
    entry = mirror.entry(key, f"data {key[:SHORT]}", {"kind": "data"})
    entry.params |= params | {"frequency": data.summary["frequency"]}
    entry.metrics |= {
        "series": len(listed),
        "steps": len(data.frame) / len(listed),
        "gaps": sum(one["gaps"] for one in listed),
    }
    names = ", ".join(str(one["unique_id"]) for one in listed)
    source = str(params.get("prepare.path") or series / FRAME)
    entry.data = mirror.dataset(data.frame, source, names, key)
    entry.files = [(series / SUMMARY, None)]


def log_window(mirror: Mirror, params: dict[str, Any], development: Path) -> None:
    """The folds: a `windows` run."""
    key, windows = file_digest(development), Windows.load(development)
    tags = {"kind": "windows", "data": key[:SHORT]}
    entry = mirror.entry(key, f"windows {key[:SHORT]}", tags)
    entry.params |= params
    for fold in windows.folds:
        entry.metrics[f"{fold.name}.training_windows"] = fold.m
        entry.metrics[f"{fold.name}.validation_windows"] = len(fold.validation)
    _add_data(mirror, entry, development, key)


def _add_data(mirror: Mirror, entry: Entry, path: Path, key: str) -> None:
    """The development part in the data's units, a column for each series, as the run's data set."""
    if key not in mirror.datasets:
        windows = Windows.load(path)
        levels = windows.levels.transpose(1, 0, 2).reshape(len(windows.time), -1)
        frame = pd.DataFrame(levels, columns=pd.Index(windows.layout.series))
        mirror.dataset(frame, str(path), "development part", key)
    entry.data = mirror.datasets[key]


class Members:
    """The runs of a fit: one for each λ, with what training says of it.

    scores: the folder that evaluate wrote, None before that.
    """

    def __init__(self, fit: Fit, development: Path, scores: Path | None = None) -> None:
        self.fit, self.development, self.data = fit, development, file_digest(development)
        recipe = json.dumps(fit.config, sort_keys=True)
        self.members = [
            digest(
                self.data, recipe, float(lam).hex(), np.ascontiguousarray(fit.weights[i]).tobytes()
            )
            for i, lam in enumerate(fit.lambdas)
        ]
        self.keys, self.scores = self.members, None
        if scores is not None:
            self.scores = pd.read_parquet(scores / f"{fit.cell}.parquet")
            self.keys = [
                digest(member, self._scores(lam).to_csv(index=False))
                for member, lam in zip(self.members, fit.lambdas, strict=True)
            ]

    def _scores(self, lam: float) -> pd.DataFrame:
        assert self.scores is not None, "there are scores"
        return self.scores[self.scores["lam"] == lam]

    def entry(self, mirror: Mirror, i: int, params: dict[str, Any]) -> Entry:
        """The run of the i-th λ, with all that is known of it."""
        fit, lam = self.fit, self.fit.lambdas[i]
        tags = {"kind": "member", "cell": fit.cell, "lam": f"{lam:g}", "data": self.data[:SHORT]}
        name, trained = f"{fit.cell} λ={lam:g}", self.scores is None
        entry = mirror.entry(self.keys[i], name, tags, self.members[i], trained=trained)
        left = {k: v for k, v in params.items() if not k.startswith(_OF_STUDIES)}
        own = {"cell": fit.cell, "lam": lam, "m": fit.m[-1], "seeds": fit.seeds}
        entry.params |= left | own
        entry.metrics |= _training(fit, i)
        entry.curves |= _curves(fit, i)
        if self.scores is not None:
            entry.metrics |= _testing(self._scores(lam))
        _add_data(mirror, entry, self.development, self.data)
        return entry


def log_train(mirror: Mirror, params: dict[str, Any], development: Path, fits: Path) -> None:
    """A `member` run for each cell and λ, with its curves."""
    for fit in load_fits(fits):
        members = Members(fit, development)
        for i in range(len(fit.lambdas)):
            members.entry(mirror, i, params)


def _training(fit: Fit, i: int) -> dict[str, float]:
    """Errors in scaled units of one λ: mean over seeds, and the seeds' spread."""
    numbers = {
        "lam": fit.lambdas[i],
        **_mean_and_spread("train_mse", fit.train_mse[-1, i]),
        "epochs": float(fit.epochs[-1, i].mean()),
        "weight_norm": float(np.sqrt((fit.norms[-1, i] ** 2).sum(1)).mean()),
    }
    every = [fit.window_losses[fold][i] for fold in fit.folds if fold in fit.window_losses]
    if every:
        by_seed = np.concatenate(every, axis=1).mean(1)  # (S,), folds weighted by their windows
        numbers |= _mean_and_spread("validation_mse", by_seed)
    return numbers


def _testing(scores: pd.DataFrame) -> dict[str, float]:
    """Errors on the whole test part, by metric."""
    whole = scores[(scores["unique_id"] == "") & (scores["step"] == 0) & (scores["seed"] >= 0)]
    numbers: dict[str, float] = {}
    for name, group in whole.groupby("metric", observed=True)["value"]:
        numbers |= _mean_and_spread(f"test_{name}", group.to_numpy())
    return numbers


def _mean_and_spread(name: str, by_seed: np.ndarray) -> dict[str, float]:
    """Mean over seeds, and their standard deviation where there are several."""
    spread = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else float("nan")
    return {name: float(by_seed.mean()), f"{name}_spread": spread}


def _curves(fit: Fit, i: int) -> dict[str, np.ndarray]:
    """By epoch: training of the final fold, validation of the others; means over seeds and folds.

    A curve ends where the first of its networks stopped: a mean over fewer would jump.
    """
    curves = {
        "train_loss": fit.train_loss[-1, i].mean(0),
        "gradient_norm": fit.gradient_norm[-1, i].mean(0),
    }
    if len(fit.folds) > 1:
        curves["validation_loss"] = fit.validation_loss[:-1, i].mean((0, 1))
    return curves


def log_evaluate(
    mirror: Mirror, params: dict[str, Any], development: Path, fits: Path, scores: Path
) -> None:
    """Test errors of each cell and λ, onto its run."""
    for fit in load_fits(fits):
        members = Members(fit, development, scores)
        for i in range(len(fit.lambdas)):
            members.entry(mirror, i, params)


def log_report(
    mirror: Mirror,
    params: dict[str, Any],
    development: Path,
    fits: Path,
    scores: Path,
    report: Path,
) -> None:
    """The study's run: the report's files; and a tag `study` on each of its members."""
    studied = [Members(fit, development, scores) for fit in load_fits(fits)]
    keys = [key for members in studied for key in members.keys]
    rule = {name: value for name, value in params.items() if name.startswith("report.")}
    key = digest(*keys, file_digest(scores), json.dumps(rule, sort_keys=True))
    told = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    study = key[:SHORT]
    tags = {"kind": "study", "study": study, "data": studied[0].data[:SHORT]}
    entry = mirror.entry(key, f"study {study}", tags)
    cells = ", ".join(members.fit.cell for members in studied)
    entry.params |= params | {"cells": cells, "members": len(keys)}
    for name, value in flatten(told).items():
        if isinstance(value, int | float):
            entry.metrics[name] = float(value)
        else:
            entry.tags[name] = str(value)
    _add_data(mirror, entry, development, studied[0].data)
    entry.files = _files(report)
    for members in studied:
        chosen = told.get(members.fit.cell, {}).get("lam")
        for i, lam in enumerate(members.fit.lambdas):
            near = chosen is not None and abs(lam - chosen) <= 1e-9 * max(1.0, lam)
            # A member is in every study that has its λ: `study` is the latest, `study.<id>` are all.
            own = {"study": study, f"study.{study}": "chosen" if near else "member"}
            members.entry(mirror, i, params).tags |= own | {"chosen": str(near).lower()}


def _files(report: Path) -> list[tuple[Path, str | None]]:
    """The report's files, those of its folders under the folder's name; hidden ones left out."""
    listed: list[tuple[Path, str | None]] = []
    for path in sorted(p for p in report.iterdir() if not p.name.startswith(".")):
        inner = sorted(path.iterdir()) if path.is_dir() else [path]
        listed += [(p, path.name if path.is_dir() else None) for p in inner if p.is_file()]
    return listed

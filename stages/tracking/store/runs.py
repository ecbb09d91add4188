"""A study's files as runs of MLflow: one for each (cell, λ), and one for the study."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit, load_fits
from stages.artifacts.windows import Windows
from stages.lambda_scale import color, on_axis
from stages.losses import MEASURES
from stages.tracking.history.digests import SHORT, digest, flatten, md5_of
from stages.tracking.store.mirror import KEY, NETWORKS, PLAN
from stages.tracking.store.views import COLOR

if TYPE_CHECKING:
    from stages.tracking.store.mirror import Entry, Mirror

# Parameters that decide nothing about one (cell, λ).
_OF_STUDIES = ("train.cells", "train.penalty.lambdas", "evaluate.baselines", "report.")
_PATH = tuple(
    f"{part}_{m}" for m in MEASURES for part in ("validation", "train", "test")
)  # columns of lambda_path.csv, drawn against λ


@dataclass(frozen=True)
class Files:
    """The paths of a study's files; scores and report are None while it trains."""

    development: Path
    fits: Path
    scores: Path | None = None
    report: Path | None = None


def plan_of(data: str, params: dict[str, Any], cell: str, lam: float) -> str:
    """Digest of what is to be trained for a (cell, λ): known before its training."""
    train = {k: v for k, v in params.items() if k.startswith("train.")}
    recipe = {k: v for k, v in train.items() if not k.startswith(_OF_STUDIES)}
    return digest(data, json.dumps(recipe, sort_keys=True, default=str), cell, float(lam).hex())


class LambdaRuns:
    """The runs of a fit, one for each λ, with all that is known of it. networks: the digest of each λ's."""

    def __init__(self, fit: Fit, files: Files, params: dict[str, Any]) -> None:
        self.fit, self.files, self.params = fit, files, params
        self.data = md5_of(files.development)
        recipe = json.dumps(fit.config, sort_keys=True)
        self.networks = [
            digest(
                self.data,
                recipe,
                float(lam).hex(),
                np.ascontiguousarray(fit.weights[-1, i]).tobytes(),
            )
            for i, lam in enumerate(fit.lambdas)
        ]
        self.scores = None
        if files.scores is not None:
            self.scores = pd.read_parquet(files.scores / f"{fit.cell}.parquet")

    def _scores(self, lam: float) -> pd.DataFrame:
        assert self.scores is not None, "there are scores"
        return self.scores[self.scores["lam"] == lam]

    def entry(self, mirror: Mirror, i: int) -> Entry:
        """The run of the i-th λ.

        It is identified by its networks and their scores; else by its networks, not evaluated so far; else
        by what was to be trained.
        """
        fit, lam = self.fit, self.fit.lambdas[i]
        digests = [
            (NETWORKS, self.networks[i]),
            (PLAN, plan_of(self.data, self.params, fit.cell, lam)),
        ]
        if self.scores is not None:
            key = digest(self.networks[i], self._scores(lam).to_csv(index=False))
            digests = [(KEY, key), *digests]
        entry = mirror.entry(
            lambda_name(fit.cell, lam), lambda_tags(fit.cell, lam, fit.lambdas, self.data), digests
        )
        entry.params |= {k: v for k, v in self.params.items() if not k.startswith(_OF_STUDIES)}
        entry.params |= {"cell": fit.cell, "lam": lam, "m": fit.m[-1], "seeds": fit.seeds}
        entry.metrics |= _training(fit, i)
        entry.curves |= _curves(fit, i)
        if self.scores is not None:
            entry.metrics |= _testing(self._scores(lam))
        add_data(mirror, entry, self.files.development, self.params)
        return entry


def lambda_name(cell: str, lam: float) -> str:
    return f"{cell} λ={lam:g}"


def lambda_tags(cell: str, lam: float, lambdas: Sequence[float], data: str) -> dict[str, str]:
    """What is known of the run before its training; lambdas: the grid, among which λ has its colour."""
    tags = {"kind": "member", "cell": cell, "lam": f"{lam:g}", "data": data[:SHORT]}
    return tags | {COLOR: color(lam, lambdas)}


def add_data(mirror: Mirror, entry: Entry, path: Path, params: dict[str, Any]) -> None:
    """The development part in the data's units, in long format, as the run's data set."""
    key = md5_of(path)
    if key not in mirror.datasets:
        windows = Windows.load(path)
        source = str(params.get("prepare.path") or path)
        mirror.dataset(long_levels(windows), source, f"{Path(source).stem}, development part", key)
    entry.data = mirror.datasets[key]


def long_levels(windows: Windows) -> pd.DataFrame:
    """unique_id, ds (UTC where there is a zone, or whole numbers) and y of every step of every series."""
    rows, channels = np.arange(len(windows.levels)), windows.levels.shape[1]
    stamps = np.asarray(windows.time)[windows.group_origin(rows)[1]]
    if windows.layout.calendar.time == "datetime":
        stamps = stamps.astype("datetime64[us]")
    names = np.array(windows.layout.series, object)[windows.series_of(rows)]
    values = {"unique_id": names.ravel(), "ds": np.repeat(stamps, channels)}
    return pd.DataFrame(values | {"y": np.asarray(windows.levels).ravel()})


def log_lambdas(mirror: Mirror, params: dict[str, Any], files: Files) -> list[Entry]:
    """A run for each cell and λ, cell by cell, λ ascending; the store's runs of these data are loaded."""
    mirror.load(f"tags.data = '{md5_of(files.development)[:SHORT]}'")
    entries = []
    for fit in load_fits(files.fits):
        runs = LambdaRuns(fit, files, params)
        entries += [runs.entry(mirror, i) for i in range(len(fit.lambdas))]
    return entries


def log_study(mirror: Mirror, key: str, params: dict[str, Any], files: Files) -> Entry:
    """The study's run: chosen λ, errors, the λ path, the report's files. The runs of its (cell, λ) get a tag.

    It comes after those: a study whose run is finished has them all.
    """
    assert files.report is not None, "the study has a report"
    runs = log_lambdas(mirror, params, files)
    metrics = json.loads((files.report / "metrics.json").read_text(encoding="utf-8"))
    table = pd.read_csv(files.report / "lambda_path.csv")
    study, data = key[:SHORT], md5_of(files.development)
    chosen = {cell: float(values["lam"]) for cell, values in metrics.items() if "lam" in values}
    for entry in runs:
        cell, lam = entry.tags["cell"], float(entry.params["lam"])
        is_chosen = cell in chosen and abs(lam - chosen[cell]) <= 1e-9 * max(1.0, lam)
        # The run is in every study that has its λ: `study` is the latest, `study.<id>` are all.
        entry.tags |= {"study": study, f"study.{study}": "chosen" if is_chosen else "member"}
        entry.tags["chosen"] = str(is_chosen).lower()
    measure = f"validation_{table['measure'].iloc[0]}"
    best = min(chosen, key=lambda cell: metrics[cell].get(measure, np.inf), default="")
    title = f"{best} λ={chosen[best]:.4g}" if best else "no λ"
    source = Path(str(params.get("prepare.path", "data"))).stem
    tags = {"kind": "study", "study": study, "data": data[:SHORT]}
    entry = mirror.entry(f"{source}: {title} ({study[:6]})", tags, [(KEY, key)])
    entry.params |= params | {"cells": ", ".join(chosen), "members": len(runs)}
    for name, value in flatten(metrics).items():
        if isinstance(value, int | float):
            entry.metrics[name] = float(value)
        else:
            entry.tags[name] = str(value)
    entry.curves |= _path(table)
    add_data(mirror, entry, files.development, params)
    entry.files = report_files(files.report)
    return entry


def _path(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """The λ path by step: log10 λ, and each cell's errors; λ = 0 as on the page."""
    first = table[table["cell"] == table["cell"].iloc[0]]["lam"].to_numpy(float)
    curves = {"path/log10_lam": np.log10(on_axis(first.tolist()))}
    for cell, rows in table.groupby("cell", sort=False):
        for column in (name for name in _PATH if name in rows):
            curves[f"path/{cell}.{column}"] = rows[column].to_numpy(float)
    return curves


def report_files(report: Path) -> list[tuple[Path, str | None]]:
    """The report's files, those in folders with the folder's name; hidden ones are left out."""
    listed: list[tuple[Path, str | None]] = []
    for path in sorted(p for p in report.iterdir() if not p.name.startswith(".")):
        inner = sorted(path.iterdir()) if path.is_dir() else [path]
        inner = [p for p in inner if p.is_file() and not p.name.startswith(".")]
        listed += [(p, path.name if path.is_dir() else None) for p in inner]
    return listed


def _training(fit: Fit, i: int) -> dict[str, float]:
    """Errors in scaled units of one λ: mean over seeds, and the seeds' spread."""
    numbers = {
        "lam": fit.lambdas[i],
        "epochs": float(fit.epochs[-1, i].mean()),
        "weight_norm": float(np.sqrt((fit.norms[-1, i] ** 2).sum(1)).mean()),
    }
    for measure, folds in fit.window_losses.items():
        numbers |= _mean_and_spread(f"train_{measure}", fit.train_losses[measure][-1, i])
        every = np.concatenate([losses[i] for losses in folds.values()], axis=1)
        numbers |= _mean_and_spread(
            f"validation_{measure}", every.mean(1)
        )  # folds by their windows
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

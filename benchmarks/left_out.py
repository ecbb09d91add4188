"""Rules that choose a study's forecaster, judged on blocks that they did not see; for `benchmarks.etth1`.

Each validation block of a study is left out once. A rule chooses by the other blocks, and its loss on the
block left out is put in relation to that of the best forecaster there. Nothing of the test part is in it.

    lowest         the lowest mean loss, as the report chooses
    one_error      a mean with ridge, if one lies within one standard error of the lowest (of the paired
                   difference, as for λ); else the lowest
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from stages.artifacts.scores import BASELINE, ENSEMBLE
from stages.report.judging.intervals import Array, by_origin, ewc_se

Blocks = Mapping[str, Mapping[str, Array]]  # fold → forecaster → loss by origin
RULES = ("lowest", "one_error")


def blocks_of(
    scores: Path, chosen: Mapping[str, float], measure: str
) -> dict[str, dict[str, Array]]:
    """Validation losses of a study's forecasters, each as one object: ensembles and baselines.

    Args:
        scores: the folder that `evaluate` wrote. chosen: cell → its λ.
    """
    frames = []
    for path in sorted(scores.glob("validation_*.parquet")):
        rows = pd.read_parquet(path)
        lam = chosen.get(path.stem.removeprefix("validation_").split("+")[0])
        keep = rows["seed"] == BASELINE if lam is None else rows["seed"] == ENSEMBLE
        frames.append(rows[keep & (True if lam is None else np.isclose(rows["lam"], lam))])
    rows = pd.concat([frame.astype({"cell": str, "fold": str}) for frame in frames])
    folds: dict[str, dict[str, Array]] = {}
    for (fold, name), part in rows.groupby(["fold", "cell"]):
        losses, _ = by_origin(part[measure].to_numpy(), part["cutoff"].to_numpy())
        folds.setdefault(str(fold), {})[str(name)] = losses
    return folds


def choice(blocks: Blocks, rule: str, horizon: int) -> str:
    """The forecaster that a rule chooses by these blocks."""
    names = list(next(iter(blocks.values())))
    count = sum(losses[names[0]].size for losses in blocks.values())
    mean = {name: sum(losses[name].sum() for losses in blocks.values()) / count for name in names}
    best = min(names, key=lambda name: mean[name])
    if rule == "lowest":
        return best
    near = []
    for name in (name for name in names if "+" in name):
        differences = [losses[name] - losses[best] for losses in blocks.values()]
        errors = [one.size / count * float(ewc_se(one, horizon)) for one in differences]
        if mean[name] - mean[best] <= np.sqrt(np.square(errors).sum()):
            near.append(name)
    return min(near, key=lambda name: mean[name], default=best)


def left_out(blocks: Blocks, horizon: int) -> dict[str, Any]:
    """rule → fold → (chosen by the others, its loss there over the lowest one there)."""
    result: dict[str, Any] = {}
    for rule in RULES:
        result[rule] = {}
        for fold, losses in blocks.items():
            others = {name: rest for name, rest in blocks.items() if name != fold}
            name = choice(others, rule, horizon)
            means = {one: float(values.mean()) for one, values in losses.items()}
            result[rule][fold] = [name, round(means[name] / min(means.values()), 4)]
    return result


def of_revision(root: Path, revision: str) -> dict[str, Any]:
    """`left_out` of a study that was run as a DVC experiment."""
    from dvc.api import DVCFileSystem  # slow to import

    fs = DVCFileSystem(str(root), rev=revision)
    metrics = json.loads(fs.read_text("data/report/metrics.json"))
    horizon = yaml.safe_load(fs.read_text("params.yaml"))["window"]["horizon"]
    chosen = {cell: values["lam"] for cell, values in metrics.items() if "lam" in values}
    with tempfile.TemporaryDirectory() as folder:
        for path in fs.find("data/scores"):
            if Path(path).name.startswith("validation_"):
                fs.get_file(path, str(Path(folder) / Path(path).name))
        return left_out(blocks_of(Path(folder), chosen, "mse"), horizon)

"""python -m stages.tracking STAGE …: mirrors a stage's files in MLflow. The only module that imports mlflow.

One experiment, `ridgeline`, with four kinds of run (tag `kind`):

    data     the prepared series; key: digest of the series
    windows  the folds; key: digest of the development part
    member   a (cell, λ) of a study: curves, validation and test errors, mean over seeds with spread;
             key: digest of the development part, the recipe, λ and the seeds' weights
    study    the report's files and the chosen λ of each cell; key: digest of its members and scores

A run is found by its key (tag `ridgeline.key`), so work that is done again completes its run and never makes
a second one. Files are the truth: nothing here is read by a stage, and a server that is away fails none.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.artifacts.fits import Fit
from stages.params import read_yaml

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "ridgeline"
KEY = "ridgeline.key"
SECTIONS = {
    "prepare": ["prepare"],
    "window": ["window"],
    "train": ["train"],
    "evaluate": ["evaluate"],
    "report": ["report"],
}
BATCH = 900  # a log_batch call takes at most 1000 metrics


def digest(*parts: bytes | str) -> str:
    """sha256 of the parts, each with its length, in hex."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(len(raw).to_bytes(8, "little") + raw)
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def member_keys(fit: Fit, development: str) -> list[str]:
    """The key of each λ's run; `development` is the digest of the development part."""
    recipe = json.dumps(fit.config, sort_keys=True)
    return [
        digest(development, recipe, lam.hex(), np.ascontiguousarray(fit.weights[i]).tobytes())
        for i, lam in enumerate(fit.lambdas)
    ]


class Mirror:
    """The experiment of one tracking store."""

    def __init__(self) -> None:
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
            os.environ.setdefault(name, "true")
        from mlflow.tracking import MlflowClient

        root = Path(os.environ.get("DVC_ROOT", ".")).resolve() / "mlflow"
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if uri:
            self.client = MlflowClient(uri)
            self.experiment = _experiment(self.client, None)
            return
        from filelock import FileLock

        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".first-use.lock"):  # processes that migrate a new store at once crash
            self.client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
            self.experiment = _experiment(self.client, (root / "artifacts").as_uri())

    @contextmanager
    def run(self, key: str, name: str, tags: dict[str, str]) -> Iterator[str]:
        """The run with this key, found or made; finished on leaving."""
        found = self.client.search_runs([self.experiment], f"tags.`{KEY}` = '{key}'", max_results=1)
        if found:
            run_id = found[0].info.run_id
        else:
            own = {KEY: key, **tags, **_surroundings()}
            run_id = self.client.create_run(self.experiment, tags=own, run_name=name).info.run_id
        yield run_id
        self.client.set_terminated(run_id)

    def log(
        self,
        run_id: str,
        params: dict[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        curves: dict[str, np.ndarray] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Everything in as few calls as the API allows; what the run has already is left alone."""
        from mlflow.entities import Metric, Param, RunTag

        run = self.client.get_run(run_id).data
        now = int(time.time() * 1000)
        points = [
            Metric(name, float(value), now, step)
            for name, curve in (curves or {}).items()
            if name not in run.metrics
            for step, value in enumerate(curve, 1)
            if np.isfinite(value)
        ]
        points += [
            Metric(name, float(value), now, 0)
            for name, value in (metrics or {}).items()
            if np.isfinite(value) and run.metrics.get(name) != float(value)
        ]
        wanted = {k: str(v)[:6000] for k, v in (params or {}).items() if k not in run.params}
        own = [RunTag(k, v) for k, v in (tags or {}).items()]
        self.client.log_batch(run_id, points[:BATCH], [Param(k, v) for k, v in wanted.items()], own)
        for begin in range(BATCH, len(points), BATCH):
            self.client.log_batch(run_id, points[begin : begin + BATCH])

    def log_data(
        self, run_id: str, frame: Any, path: Path | str, name: str, own_digest: str
    ) -> None:
        """A pandas frame as the run's data set."""
        from mlflow.data.pandas_dataset import from_pandas
        from mlflow.entities import DatasetInput, InputTag

        inputs = self.client.get_run(run_id).inputs
        if inputs is not None and inputs.dataset_inputs:
            return
        with (
            warnings.catch_warnings()
        ):  # a local path fits two of MLflow's kinds of source, both right
            warnings.filterwarnings("ignore", "The specified dataset source", UserWarning)
            data = from_pandas(frame, source=str(path), name=name, digest=own_digest[:36])
        tag = InputTag("mlflow.data.context", "training")
        self.client.log_inputs(run_id, [DatasetInput(data._to_mlflow_entity(), [tag])])

    def log_files(self, run_id: str, paths: list[Path], folder: str | None = None) -> None:
        """Files as artifacts of the run."""
        for path in paths:
            self.client.log_artifact(run_id, str(path), folder)


def _experiment(client: MlflowClient, artifacts: str | None) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        try:
            return str(client.create_experiment(EXPERIMENT, artifact_location=artifacts))
        except MlflowException:  # another process was quicker
            found = client.get_experiment_by_name(EXPERIMENT)
    assert found is not None, "the experiment exists"
    return str(found.experiment_id)


def _surroundings() -> dict[str, str]:
    names = {"dvc.exp_name": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
    return {tag: os.environ[name] for tag, name in names.items() if os.environ.get(name)}


def flatten(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Nested parameters as dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}.{name}"
        flat |= flatten(value, key) if isinstance(value, dict) else {key: value}
    return flat


def main(argv: list[str] | None = None) -> int:
    """Log one stage. Always 0 but for wrong usage: tracking never fails a study."""
    parser = argparse.ArgumentParser(prog="stages.tracking", description=__doc__)
    parser.add_argument("stage", choices=SECTIONS)
    for name in ("series", "development", "fits", "scores", "report"):
        parser.add_argument(f"--{name}", type=Path)
    args = parser.parse_args(argv)
    if os.environ.get("RIDGELINE_TRACKING", "on").lower() in ("off", "0", "false"):
        return 0
    try:
        from stages import tracking_stages

        found = read_yaml("params.yaml")
        params: dict[str, Any] = {}
        for section in SECTIONS[args.stage]:
            params |= flatten(found.get(section) or {}, section)
        getattr(tracking_stages, f"log_{args.stage}")(Mirror(), args, params)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        again = " ".join(sys.argv[1:] if argv is None else argv)
        print(
            f"tracking: {args.stage} was not logged ({reason[0][:200]}); nothing else is affected. "
            f"Log it later: python -m stages.tracking {again}",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

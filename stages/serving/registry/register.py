"""A study's chosen model in MLflow's registry: its code and its arrays, no pickle."""

from __future__ import annotations

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.networks.kernels.cache import use_cache
from stages.serving.input.table import column_of
from stages.serving.input.times import dated
from stages.serving.registry.registered_name import ALIAS, MODEL
from stages.transform import restored

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.tracking import MlflowClient

    from stages.serving.served import Served

_STAGES = Path(__file__).resolve().parents[2]
EXAMPLES = 3  # series in the example of a table
# What the served code imports.
_NEEDED = (
    "llvmlite", "mlflow", "numba", "numpy", "pandas", "pyarrow", "pydantic", "ruamel.yaml", "safetensors",
    "scipy",
)  # fmt: skip


def register(
    client: MlflowClient, uri: str, run_id: str, path: Path, tags: dict[str, str]
) -> tuple[str, bool]:
    """Register the model at `path` once for each study, and point the alias at its version.

    Args:
        uri: of the store. run_id: the study's run, which the model is logged to. path: `model.safetensors`.
        tags: of the version; by `ridgeline.key` a study's version is recognised.

    Returns:
        The version, and whether it is new.
    """
    key = "ridgeline.key"
    versions = client.search_model_versions(f"name = '{MODEL}'")
    known = [str(entry.version) for entry in versions if entry.tags.get(key) == tags[key]]
    number = known[0] if known else _log(uri, run_id, path, tags)
    client.set_registered_model_alias(MODEL, ALIAS, number)
    return number, not known


def _log(uri: str, run_id: str, path: Path, tags: dict[str, str]) -> str:
    """Log the model to the run and register it; the new version."""
    use_cache()
    import mlflow

    from stages.serving.served import Served

    chosen = Served.load(path)
    labels = {"forecaster": chosen.name, "cell": chosen.cell, "lam": f"{chosen.lam:g}"}
    needed = (*_NEEDED, "torch") if chosen.config["network"].get("module") else _NEEDED
    labels |= {"seeds": str(len(chosen.weights)), "horizon": str(chosen.layout.horizon)}
    mlflow.set_tracking_uri(uri)
    with tempfile.TemporaryDirectory(prefix="ridgeline-") as folder:
        code = Path(folder, "stages")
        shutil.copytree(_STAGES, code, ignore=shutil.ignore_patterns("__pycache__"))
        with mlflow.start_run(run_id=run_id):
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(code / "serving" / "registry" / "model.py"),
                code_paths=[str(code)],
                artifacts={"chosen": str(path.resolve())},
                signature=_signature(chosen),
                input_example=example(chosen),
                pip_requirements=[f"{name}=={_public(version(name))}" for name in needed],
                metadata=tags | labels,
            )
    return str(mlflow.register_model(info.model_uri, MODEL, tags=tags | labels).version)


def _public(number: str) -> str:
    """A version without what a package index adds to it: 2.13.0+cpu is 2.13.0 on PyPI."""
    return number.split("+")[0]


def _signature(chosen: Served) -> ModelSignature:
    """The columns of the answer, and nothing about the table that is sent.

    With a signature of the input, MLflow would convert a table or refuse it with its own message. Without,
    `of_table` gets what was sent and says what is wrong with it.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    text, number, date = DataType.string, DataType.double, AnyType()  # type: ignore[no-untyped-call]
    columns: list[tuple[str, Any]] = [
        ("unique_id", text), ("ds", date), ("y_hat", number),
        *((name, number) for name in chosen.bounds), ("y_hat_spread", number), ("note", text),
    ]  # fmt: skip
    return ModelSignature(outputs=Schema([ColSpec(kind, name) for name, kind in columns]))


def example(chosen: Served) -> pd.DataFrame:
    """A table of the form that the model takes: a wave around the mean of a few series.

    Where values are planned, rows with an empty y hold those of the next steps.
    """
    layout, past = chosen.layout, chosen.steps
    steps = past + (layout.horizon if layout.future else 0)
    joint = layout.channels == "joint"
    calendar = Calendar("D", "datetime") if layout.calendar.numbered else layout.calendar
    start = 0 if calendar.time == "integer" else calendar.integers(np.datetime64("2000-01-01"))
    stamps = dated(calendar, calendar.following(start, steps), np.ones(steps, bool)).astype(str)
    wave = np.sin(np.arange(steps) / 3).round(3)
    frames: list[pd.DataFrame] = []
    for g, name in enumerate(layout.series):
        center, scale = (a[0, g] if joint else a[g, 0] for a in (chosen.center, chosen.scale))
        if np.isnan(scale) or (not joint and len(frames) == EXAMPLES):
            continue
        y = restored(layout.transform, center + scale * wave).round(6)
        y[past:] = np.nan
        extra = dict.fromkeys(map(column_of, layout.covariates), wave)
        frames.append(pd.DataFrame({"unique_id": name, "ds": stamps, "y": y, **extra}))
    return pd.concat(frames, ignore_index=True)


def champion(uri: str) -> str | None:
    """The version that the alias names in the store; None: there is none.

    Raises:
        MlflowException: the store does not answer.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    missing = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
    file = uri.removeprefix("sqlite:///")
    if file != uri and not Path(file).exists():  # opening it would create it
        return None
    try:
        return str(MlflowClient(uri).get_model_version_by_alias(MODEL, ALIAS).version)
    except MlflowException as error:
        if error.error_code in missing:
            return None
        raise

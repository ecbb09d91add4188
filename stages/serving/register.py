"""A study's chosen model in MLflow's registry: its code and its arrays, no pickle."""

from __future__ import annotations

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stages.networks.compiled import use_cache
from stages.serving.names import ALIAS, MODEL

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.tracking import MlflowClient

    from stages.serving.chosen import Chosen

_STAGES = Path(__file__).resolve().parent.parent
# What the served code imports.
_NEEDED = (
    "llvmlite", "mlflow", "numba", "numpy", "pandas", "pyarrow", "pydantic", "PyYAML", "safetensors", "scipy",
)  # fmt: skip


def register(
    client: MlflowClient, uri: str, run_id: str, path: Path, tags: dict[str, str]
) -> tuple[str, bool]:
    """Register the model at `path` once for each study, and point the alias at its version.

    Args:
        uri: of the store. run_id: the study's run, which the model is logged to. path: `model.safetensors`.
        tags: of the version; `ridgeline.key` tells whether the study has one.

    Returns:
        The version, and whether it is new.
    """
    found = client.search_model_versions(f"name = '{MODEL}'")
    own = next(
        (v for v in found if v.tags.get("ridgeline.key") == tags["ridgeline.key"]),
        None,
    )
    number = str(own.version) if own is not None else _log(uri, run_id, path, tags)
    client.set_registered_model_alias(MODEL, ALIAS, number)
    return number, own is None


def _log(uri: str, run_id: str, path: Path, tags: dict[str, str]) -> str:
    """Log the model to the run and register it; the new version."""
    use_cache()
    import mlflow

    from stages.serving.chosen import Chosen

    chosen = Chosen.load(path)
    more = {"cell": str(chosen.meta["cell"]), "lam": f"{chosen.meta['lam']:g}"}
    more |= {"seeds": str(len(chosen.weights)), "horizon": str(chosen.layout["horizon"])}
    table = example(chosen)
    mlflow.set_tracking_uri(uri)
    with tempfile.TemporaryDirectory(prefix="ridgeline-") as folder:
        code = Path(folder, "stages")
        shutil.copytree(_STAGES, code, ignore=shutil.ignore_patterns("__pycache__"))
        with mlflow.start_run(run_id=run_id):
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(code / "serving" / "model.py"),
                code_paths=[str(code)],
                artifacts={"chosen": str(path.resolve())},
                signature=_signature(table, chosen.forecast(table)),
                input_example=table,
                pip_requirements=[f"{name}=={version(name)}" for name in _NEEDED],
                metadata=tags | more,
            )
    return str(mlflow.register_model(info.model_uri, MODEL, tags=tags | more).version)


def _signature(table: pd.DataFrame, forecast: pd.DataFrame) -> ModelSignature:
    """Names and types of the columns.

    Optional, all of them, by MLflow's word: a table without one then reaches `checked`, whose sentence says
    what is missing. MLflow's own would come behind the whole table.
    """
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema

    found = infer_signature(table, forecast)
    inputs = Schema([ColSpec(c.type, c.name, required=False) for c in found.inputs])
    return ModelSignature(inputs, found.outputs)


def example(chosen: Chosen) -> pd.DataFrame:
    """A table of the form that the model takes: a wave around each series' mean."""
    layout, steps = chosen.layout, chosen.steps
    times: pd.Index
    if layout["time"] == "datetime":
        times = pd.date_range("2000-01-01", periods=steps, freq=layout["frequency"], unit="us")
    else:
        times = pd.Index(int(layout["frequency"]) * np.arange(steps))
    wave = np.sin(np.arange(steps) / 3).round(3)
    joint, frames = layout["channels"] == "joint", []
    for g, name in enumerate(layout["series"]):
        center, scale = (a[0, g] if joint else a[g, 0] for a in (chosen.center, chosen.scale))
        y = (center + scale * wave).round(6)
        extra = dict.fromkeys(layout["covariates"], wave)
        frames.append(pd.DataFrame({"unique_id": name, "ds": times, "y": y, **extra}))
    return pd.concat(frames, ignore_index=True)

"""Where a run is made: the repository, the machine, the experiment of DVC; and MLflow kept quiet."""

from __future__ import annotations

import logging
import os
import platform
from importlib.metadata import version
from pathlib import Path

import stages.pin  # noqa: F401  (a tag names the instruction set)

PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "pandas", "statsforecast")
INSTRUCTIONS = (
    "OPENBLAS_CORETYPE",
    "NPY_DISABLE_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NUMBA_CPU_FEATURES",
    "NUMBA_DISABLE_INTEL_SVML",
)
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def root() -> Path:
    """The repository: DVC's root (a queued experiment's is the one it was started from), or git's."""
    if os.environ.get("DVC_ROOT"):
        return Path(os.environ["DVC_ROOT"]).resolve()
    here = Path.cwd().resolve()
    return next((p for p in (here, *here.parents) if (p / ".git").exists()), here)


def store_folder() -> Path:
    """Where the local store lies, and what waits to be logged."""
    return root() / "mlflow"


def quieten() -> None:
    """MLflow's telemetry, chatter and patience off, where the user has not set them; before its import."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("urllib3", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def instruction_set() -> str:
    """The machine and the variables by which libraries choose their instructions."""
    named = [f"{n}={os.environ[n]}" for n in INSTRUCTIONS if os.environ.get(n)]
    return ", ".join([platform.machine(), *named])


def versions() -> str:
    """Python and the packages that compute."""
    found = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([f"python {platform.python_version()}", *found])


def surroundings() -> dict[str, str]:
    """Tags that tell where a run is made."""
    tags = {"versions": versions(), "instruction_set": instruction_set()}
    names = {"dvc.exp_name": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
    return tags | {tag: os.environ[name] for tag, name in names.items() if os.environ.get(name)}

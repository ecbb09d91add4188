"""The environment: what decides bits, where the repository is, and the user's settings of this machine.

Imported first in every stage, before numpy is loaded: BLAS libraries read their threads and instruction set
once. What the user has set already stays as it is, so that another setting can be tried on purpose. No other
module reads an environment variable.
"""

from __future__ import annotations

import logging
import math
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# AVX2 is what every x86-64 machine of the last ten years has; without the pin each library takes
# the widest set it finds and rounds differently on the next machine.
_INSTRUCTIONS = {
    "MKL_CBWR": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "NUMBA_DISABLE_INTEL_SVML": "1",
}
# The variables by which numpy, its BLAS and numba choose their instruction set.
INSTRUCTIONS = (
    "NPY_DISABLE_CPU_FEATURES",
    "NUMBA_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NUMBA_DISABLE_INTEL_SVML",
    "OPENBLAS_CORETYPE",
)
OF_TORCH = ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA")  # torch on the CPU likewise
PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "pandas", "statsforecast")
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def pin() -> None:
    """One thread and one instruction set for every solver, where the user has set nothing else."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    if platform.machine() in ("x86_64", "AMD64"):
        for name, value in _INSTRUCTIONS.items():
            os.environ.setdefault(name, value)


pin()


def root() -> Path:
    """The repository: DVC's root (of an experiment in a temporary clone, where it was started), or git's."""
    if os.environ.get("DVC_ROOT"):
        return Path(os.environ["DVC_ROOT"]).resolve()
    here = Path.cwd().resolve()
    return next((p for p in (here, *here.parents) if (p / ".git").exists()), here)


def members_folder() -> Path:
    """The member store; experiments of a repository share it."""
    return root() / ".ridgeline" / "members"


def mlflow_folder() -> Path:
    """The repository's MLflow store, and the notes that wait to be logged."""
    return root() / "mlflow"


def kernels_folder() -> Path:
    """RIDGELINE_COMPILED, or a folder of the repository: where compiled kernels are kept."""
    chosen = os.environ.get("RIDGELINE_COMPILED")
    return Path(chosen) if chosen else root() / ".ridgeline" / "compiled"


def keep_kernels(locators: str) -> None:
    """numba keeps its cache in `kernels_folder`, by these locators; worker processes inherit the setting."""
    os.environ.setdefault("RIDGELINE_COMPILED", str(kernels_folder()))
    os.environ.setdefault("NUMBA_CACHE_LOCATOR_CLASSES", locators)


def workers() -> int:
    """RIDGELINE_WORKERS, or one for each core that this process may use.

    Raises:
        ValueError: the variable is not a positive whole number.
    """
    text = os.environ.get("RIDGELINE_WORKERS")
    if text is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(
            f"RIDGELINE_WORKERS = {text!r} must be a positive whole number; "
            "set it to the number of cores to use, or leave it out"
        )
    return int(text)


def store_bytes() -> int:
    """RIDGELINE_STORE_GB (default 4): what the member store may hold after a run.

    Raises:
        ValueError: the variable is not a positive number.
    """
    return int(1e9 * _positive("RIDGELINE_STORE_GB", 4.0, "gigabytes"))


def tracking_seconds() -> float:
    """RIDGELINE_TRACKING_SECONDS (default 60): how long a process waits for MLflow in all.

    Raises:
        ValueError: the variable is not a positive number.
    """
    return _positive("RIDGELINE_TRACKING_SECONDS", 60.0, "seconds")


def _positive(name: str, default: float, unit: str) -> float:
    text = os.environ.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise ValueError(
            f"{name} = {text!r} must be a positive number of {unit}; set it to {default:g}, say"
        )
    return value


def tracks() -> bool:
    """RIDGELINE_TRACKING: whether the pipeline logs to MLflow."""
    return os.environ.get("RIDGELINE_TRACKING", "on").lower() not in ("off", "0", "false", "no")


def mlflow_address() -> tuple[str, bool]:
    """MLFLOW_TRACKING_URI, or the SQLite file of this repository; and whether it is the latter."""
    chosen = os.environ.get("MLFLOW_TRACKING_URI")
    return chosen or f"sqlite:///{mlflow_folder() / 'mlflow.db'}", not chosen


def quieten() -> None:
    """MLflow's telemetry, chatter and patience off, where the user has not set them; before its import."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("urllib3", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def instructions(engine: str = "cpu") -> dict[str, str | None]:
    """The variables by which an engine's libraries choose their instructions, None where unset."""
    names = (*INSTRUCTIONS, *(OF_TORCH if engine == "module" else ()))
    return {name: os.environ.get(name) for name in names}


def instruction_set() -> str:
    """The machine and these variables, in words."""
    named = [f"{name}={value}" for name, value in instructions().items() if value]
    return ", ".join([platform.machine(), *named])


def versions() -> str:
    """Python and the packages that compute, in words."""
    packages = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([f"python {platform.python_version()}", *packages])


def run_tags() -> dict[str, str]:
    """A run's tags in MLflow that say where it was computed: versions, instruction set, DVC's experiment."""
    tags = {"versions": versions(), "instruction_set": instruction_set()}
    names = {"dvc.exp_name": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
    return tags | {tag: os.environ[name] for tag, name in names.items() if os.environ.get(name)}


def of_a_clone() -> dict[str, str]:
    """The environment for a pipeline run again in a clone: this Python, these kernels, nothing logged."""
    left_out = ("DVC_", "GIT_", "RIDGELINE_STORE_GB", "MLFLOW_")
    rest = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return rest | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "RIDGELINE_TRACKING": "off",
        "RIDGELINE_COMPILED": str(kernels_folder()),  # kept by the digest of their code
        "DVC_NO_ANALYTICS": "true",
    }

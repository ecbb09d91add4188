"""The digest of the code that decides a member's bits."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

# The code that computes; tracking, progress, the store and the distribution over workers do not.
COMPUTES = (
    "normalise.py",
    "networks/cells.py",
    "networks/kernels/denormals.py",
    "networks/kernels/gather.py",
    "networks/kernels/gemm.py",
    "networks/initial.py",
    "losses.py",
    "networks/kernels/evaluation.py",
    "networks/kernels/workspace.py",
    "networks/kernels/recurrence.py",
    "forecast/scaled.py",
    "networks/shape.py",
    "networks/kernels/tiles.py",
    "networks/kernels/vector.py",
    "train/engines/cpu.py",
    "train/engines/kernel.py",
    "train/planning/members.py",
    "train/engines/penalty.py",
    "train/engines/engine.py",
    "train/engines/state_gradients.py",
    "train/engines/trainer.py",
    "train/engines/update.py",
)
ON_CUDA = ("networks/stacked/network.py", "networks/stacked/windows.py", "train/engines/cuda.py")
OF_MODULES = (
    "networks/module/source.py",
    "networks/module/load.py",
    "networks/module/build.py",
    "networks/stacked/windows.py",
    "train/engines/module.py",
)
ENGINES = {"cpu": COMPUTES, "cuda": COMPUTES + ON_CUDA, "module": COMPUTES + OF_MODULES}


@cache
def code_digest(engine: str = "cpu") -> str:
    """Digest of the modules that decide the bits of a member that this engine trains."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for name in ENGINES[engine]:
        digest.update(name.encode() + b"\0" + (root / name).read_bytes())
    return digest.hexdigest()

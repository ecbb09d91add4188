"""The digest of the code that decides a member's bits."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

# The code that computes; tracking, progress, the store and the distribution over workers do not.
COMPUTES = (
    "artifacts/normalise.py",
    "networks/cells.py",
    "networks/denormals.py",
    "networks/gather.py",
    "networks/gemm.py",
    "networks/initial.py",
    "networks/losses.py",
    "networks/passes.py",
    "networks/plan.py",
    "networks/recurrence.py",
    "networks/scaled.py",
    "networks/shape.py",
    "networks/tiles.py",
    "networks/vector.py",
    "train/compiled.py",
    "train/kernel.py",
    "train/members.py",
    "train/penalty.py",
    "train/state.py",
    "train/state_gradients.py",
    "train/trainer.py",
    "train/update.py",
)
ON_CUDA = ("networks/stacked.py", "networks/stacked_windows.py", "train/stacked.py")


@cache
def code_digest(device: str = "cpu") -> str:
    """Digest of the modules that decide the bits of a member that is trained on `device`."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for name in COMPUTES + (ON_CUDA if device == "cuda" else ()):
        digest.update(name.encode() + b"\0" + (root / name).read_bytes())
    return digest.hexdigest()

"""Pins what decides the bits of a result: the threads and the instruction set of every solver.

Imported first in every stage, before numpy is loaded: BLAS libraries read these variables once.
The environment of the user wins, so that another setting can be tried on purpose.
"""

from __future__ import annotations

import os
import platform

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
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "NUMBA_DISABLE_INTEL_SVML": "1",
}


def pin() -> None:
    """Set the variables that are not set yet."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    if platform.machine() in ("x86_64", "AMD64"):
        for name, value in _INSTRUCTIONS.items():
            os.environ.setdefault(name, value)


pin()

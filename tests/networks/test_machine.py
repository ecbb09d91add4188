"""How a stage sets the machine up: one thread for every solver, and no denormal numbers in a kernel."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from numba import njit

from stages import environment
from stages.check.sections import SECTIONS
from stages.networks.kernels.denormals import flush_denormals, restore_denormals
from tests.support.closure import ROOT

THREADS = """
import stages.{name}.__main__
import numpy, scipy.linalg, sklearn, torch
from threadpoolctl import threadpool_info
libraries = threadpool_info()
assert libraries
print(*sorted({{str(library["num_threads"]) for library in libraries}}), torch.get_num_threads())
"""


@pytest.fixture(scope="module")
def started() -> dict[str, subprocess.Popen[str]]:
    """A process for each stage, with nothing pinned from outside; side by side, for each takes seconds."""
    pinned = (*environment._THREADS, *environment._INSTRUCTIONS)
    free = {key: value for key, value in os.environ.items() if key not in pinned}
    return {
        name: subprocess.Popen(
            [sys.executable, "-c", THREADS.format(name=name)],
            cwd=ROOT,
            env=free,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in SECTIONS
    }


@pytest.mark.parametrize("name", SECTIONS)
def test_every_stage_pins_the_threads_of_all_solvers(name, started):
    output, errors = started[name].communicate(timeout=240)
    assert output.split() == ["1", "1"], errors


def test_what_the_user_set_stays(monkeypatch):
    for key in ("OMP_NUM_THREADS", "OPENBLAS_CORETYPE"):
        monkeypatch.setenv(key, "7")
    monkeypatch.delenv("MKL_NUM_THREADS")
    environment.pin()
    names = ("OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_NUM_THREADS")
    assert [os.environ[name] for name in names] == ["7", "7", "1"]


@njit
def products(a, b):
    """a · b before, within and after flushing."""
    before = a[0] * b[0]
    flags = flush_denormals()
    within = a[0] * b[0]
    restore_denormals(flags)
    return before, within, a[0] * b[0]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="flags of x86-64")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_denormals_are_zero_in_a_kernel_alone(dtype):
    small = np.array([np.finfo(dtype).tiny], dtype)
    before, within, after = products(small, np.array([0.25], dtype))
    assert before == after == small[0] * dtype(0.25) > 0
    assert within == 0

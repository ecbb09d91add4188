"""How far the tasks of a run are: counters in a file that worker processes and their parent map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

STEPS, DONE, RUNNING = range(3)


def new_counters(path: Path, tasks: int) -> np.ndarray:
    """Counters (tasks, 3), all 0: optimiser steps done, members done and members running."""
    np.zeros((tasks, 3), np.int64).tofile(path)
    return np.memmap(path, np.int64, "r", shape=(tasks, 3))


def counters_of(path: Path, slot: int) -> np.ndarray:
    """The counters (3,) of one task, writable."""
    return np.memmap(path, np.int64, "r+", offset=24 * slot, shape=(3,))

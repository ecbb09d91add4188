"""Values as networks see them: scaled, in the type that they compute in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stages.artifacts.windows import Windows

SLAB = 1 << 18  # rows at a time: no second copy of a long series in double precision


def scaled(
    windows: Windows,
    center: np.ndarray,
    scale: np.ndarray,
    dtype: Any,
    lines: Mapping[int, slice] | None = None,
) -> np.ndarray:
    """(value − center) / scale of each group, before a window's normalisation.

    Args:
        center, scale: (G, F). lines: group → its rows that are wanted; default: all rows of all groups.

    Returns:
        (V, F), or the wanted rows one behind another.
    """
    lines = dict(enumerate(windows.lines())) if lines is None else lines
    total = sum(line.stop - line.start for line in lines.values())
    series, at = np.empty((total, windows.values.shape[1]), dtype), 0
    for group, line in lines.items():
        for begin in range(line.start, line.stop, SLAB):
            part = windows.values[begin : min(begin + SLAB, line.stop)]
            series[at : at + len(part)] = (part - center[group]) / scale[group]
            at += len(part)
    return series

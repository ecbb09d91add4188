"""Values as networks see them: scaled, in the type that they compute in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

SLAB = 1 << 18  # rows at a time: no second copy of a long series in double precision


def scaled(
    values: np.ndarray,
    lines: Mapping[int, slice],
    center: np.ndarray,
    scale: np.ndarray,
    dtype: Any,
    padding: int = 0,
) -> np.ndarray:
    """(value − center) / scale of each group, before a window's normalisation.

    Args:
        values: (V, F). lines: group → its rows that are wanted. center, scale: (G, F).
        padding: rows of zeros after the last one.

    Returns:
        The wanted rows one after another, then the zeros.
    """
    total = sum(line.stop - line.start for line in lines.values())
    series, at = np.zeros((total + padding, values.shape[1]), dtype), 0
    for group, line in lines.items():
        for begin in range(line.start, line.stop, SLAB):
            part = values[begin : min(begin + SLAB, line.stop)]
            series[at : at + len(part)] = (part - center[group]) / scale[group]
            at += len(part)
    return series

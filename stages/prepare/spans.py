"""Life spans: a series runs from its first to its last value; what lies outside is not a gap."""

from __future__ import annotations

import numpy as np

from stages.params import ParameterError


def life_spans(
    y: np.ndarray, codes: np.ndarray, stamps: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which rows lie within the life span of their series, and which series have a value at all.

    Args:
        y: (rows,), NaN at a gap. codes: (rows,) series, 0 … count − 1. stamps: (rows,) times.

    Returns:
        (rows,) bool and (count,) bool.
    """
    seen = ~np.isnan(y)
    limits = np.iinfo(np.int64)
    first = np.full(count, limits.max)
    last = np.full(count, limits.min)
    np.minimum.at(first, codes[seen], stamps[seen])
    np.maximum.at(last, codes[seen], stamps[seen])
    return (stamps >= first[codes]) & (stamps <= last[codes]), first <= last


def left_out(names: list[str], alive: np.ndarray, targets: tuple[str, ...]) -> dict[str, str]:
    """Series without a value, each with the reason.

    Raises:
        ParameterError: no series has a value, or one without is named in `targets`.
    """
    empty = [name for name, has_values in zip(names, alive, strict=True) if not has_values]
    if len(empty) == len(names):
        raise ParameterError(
            "prepare.path: no series of the file has a value; name a file that has"
        )
    for name in empty:
        if name in targets:
            raise ParameterError(
                f"prepare.targets = {name!r} has no value in the file; take it out of the list"
            )
    return dict.fromkeys(empty, "it has no value in the file")

"""The steps of a frequency as whole numbers: which step a stamp is, and the stamps of steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.frequency import DAY, fixed_step, offset
from stages.params import ParameterError

MOST_GAPS = 1000  # for each value; a grid with more is refused


@dataclass(frozen=True)
class Steps:
    """Steps 0, 1, … as `first + k · distance`, or as a table where the distances differ.

    Attributes:
        first: stamp of step 0. distance: between two stamps (µs or whole numbers); None where table.
        table: (steps,) int64, rising.
    """

    first: int
    distance: int | None
    table: np.ndarray | None = None

    def numbers(self, stamps: np.ndarray) -> np.ndarray:
        """(n,) int64: the step of each stamp; −1 where a stamp lies between two steps or before the first."""
        if self.distance is not None:
            step, rest = np.divmod(stamps - self.first, self.distance)
            return np.where((rest == 0) & (step >= 0), step, -1)
        assert self.table is not None
        if not len(self.table):
            return np.full(len(stamps), -1, dtype=np.int64)
        step = np.minimum(np.searchsorted(self.table, stamps), len(self.table) - 1)
        return np.where(self.table[step] == stamps, step, -1)

    def stamps(self, numbers: np.ndarray) -> np.ndarray:
        """(n,) int64: the stamp of each step."""
        if self.distance is not None:
            return self.first + numbers * self.distance
        assert self.table is not None
        return self.table[numbers]


def steps_of(alias: str, first: int, last: int) -> Steps:
    """The steps of a pandas alias from one stamp to another (µs since 1970).

    Raises:
        ParameterError: there is no such alias.
    """
    distance, begin = fixed_step(alias), moment(first)
    if distance is not None and (distance % (7 * DAY) or offset(alias).is_on_offset(begin)):
        return Steps(first, distance)
    try:
        index = pd.date_range(begin, moment(last), freq=offset(alias), unit="us")
    except (ValueError, OverflowError) as error:
        raise ParameterError(
            f"prepare.frequency = {alias!r} cannot step from {begin} to {moment(last)}; name another"
        ) from error
    table = index.as_unit("us").asi8
    return Steps(int(table[0]) if len(table) else first, None, table)


def too_many(alias: str, first: int, last: int, most: int) -> bool:
    """Whether the alias has far more than `most` steps between two stamps, without building them."""
    distance = fixed_step(alias)
    if distance is None:
        sample = pd.date_range("2000-01-01", "2003-12-31", freq=offset(alias), unit="us")
        distance = 1461 * DAY // max(len(sample), 1)
    return (last - first) // distance > most


def first(flags: np.ndarray) -> int | None:
    """The number of the first row where (n,) flags are true; None where there is none."""
    row = int(flags.argmax()) if len(flags) else 0
    return row if flags[row : row + 1].any() else None


def distinct(stamps: np.ndarray) -> np.ndarray:
    """(m,) the different stamps, rising; sorts only what is not sorted (np.unique hashes, which is slow)."""
    distances = np.diff(stamps)
    if (distances < 0).any():
        stamps = np.sort(stamps)
        distances = np.diff(stamps)
    return stamps[np.append(True, distances > 0)] if len(stamps) else stamps


def moment(stamp: int) -> pd.Timestamp:
    return pd.Timestamp(np.datetime64(int(stamp), "us"))

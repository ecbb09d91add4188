"""The time of each row as the later steps of `prepare` use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa


class Texts(NamedTuple):
    """The distinct texts of a time column, in order of appearance and without blanks at their ends.

    array: (n,) strings. line: the number of a text → the position of its first row, in words.
    """

    array: pa.Array
    line: Callable[[int], str]

    def text(self, index: int) -> str:
        return self.array[index].as_py()

    def has(self, index: int) -> str:
        """`line 5 has '2024-13-01'`."""
        return f"{self.line(index)} has {self.text(index)!r}"

    def has_number(self, index: int) -> str:
        """`line 5 has 20241301`."""
        return f"{self.line(index)} has {self.text(index)}"


@dataclass(frozen=True)
class Times:
    """The time of each row.

    Attributes:
        stamps: (n,) int64, microseconds since 1970 of the wall clock, or of UTC where there is a `zone`; or
            whole numbers.
        kind: `datetime` or `integer`.
        zone: of data finer than a day that have zone or offsets: its name (`Europe/Berlin`, `+02:00`, `UTC`).
        description: how dates were read, for the summary and the page.
    """

    stamps: np.ndarray
    kind: str
    zone: str | None = None
    description: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Moments:
    """Times as read, before zones: the wall clock, or UTC where `offset` or `zone` is given.

    Attributes:
        stamps: (n,) int64 microseconds since 1970.
        offset: (n,) int64 minutes that the file's wall clock is ahead of UTC. zone: of a typed column.
        description: as in Times. format: strptime's, of texts and of numbers that are dates.
    """

    stamps: np.ndarray
    offset: np.ndarray | None = None
    zone: str | None = None
    description: dict[str, str] = field(default_factory=dict)
    format: str | None = None

"""One forecaster's forecasts on their way from a network to a file, so that memory need not hold a part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np


class Spool:
    """Blocks of windows in a temporary file.

    Networks forecast a block for all seeds at once, while data/forecasts holds one forecaster after another.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.blocks = file, 0

    def add(self, rows: np.ndarray, y_hat: np.ndarray) -> None:
        """Forecasts (N, H, C) of windows `rows` (N,)."""
        np.save(self.file, rows)
        np.save(self.file, y_hat)
        self.blocks += 1

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What was added, in that order."""
        self.file.seek(0)
        for _ in range(self.blocks):
            yield np.load(self.file), np.load(self.file)


@contextmanager
def spooled(folder: Path) -> Iterator[Spool]:
    """A spool whose file lies in `folder` and vanishes at the end."""
    with TemporaryFile(dir=folder) as file:
        yield Spool(file)

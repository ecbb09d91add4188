"""Progress of a long computation: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm

LINE_SECONDS = 15.0


class Progress:
    """Counts epochs of members; as a context manager.

    Args:
        total: epochs of members to be trained. members: how many members; known: how many of the study
            were taken from the store.
    """

    def __init__(self, total: int, members: int, known: int) -> None:
        self.total, self.members, self.known = total, members, known
        self.began = self.printed = time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.bar = tqdm(total=total, unit="epoch", unit_scale=True, disable=not self.terminal)

    def __enter__(self) -> Progress:
        if self.known or not self.terminal:
            self._say(f"training {self.members} members; {self.known} taken from the store")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.close()
        if kind is None and self.members:
            self._say(f"trained {self.members} members in {time.monotonic() - self.began:.1f} s")

    def show(self, done: int, members: int) -> None:
        """`done` epochs and `members` whole members so far."""
        if self.terminal:
            self.bar.set_description(f"{members}/{self.members} members", refresh=False)
            self.bar.update(done - self.bar.n)
        elif time.monotonic() - self.printed >= LINE_SECONDS:
            self.printed = time.monotonic()
            self._say(self._line(done, members, self.printed - self.began))

    def _line(self, done: int, members: int, spent: float) -> str:
        if not done:
            return "  0%  the kernels are being compiled, once for each version of the code"
        rate = done / spent
        share, left = done / self.total, (self.total - done) / rate
        return f"{share:4.0%}  {members}/{self.members} members  {rate:.0f} epochs/s  {left:.0f} s left"

    def _say(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)
        sys.stderr.flush()

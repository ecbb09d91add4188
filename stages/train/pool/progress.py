"""Progress of a long computation: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

LINE_SECONDS = 15.0


class Progress:
    """Counts optimiser steps and members; as a context manager.

    Args:
        steps: to be done at most (early stopping may skip some). members: to be trained. known: how
            many others of the study were taken from the store.
    """

    def __init__(self, steps: int, members: int, known: int) -> None:
        self.steps, self.members, self.known = steps, members, known
        self.arrived = 0  # members that this run has added to the store
        self.began = self.printed = time.monotonic()
        self.first: tuple[int, float] | None = None  # steps and time of the first progress
        self.terminal = sys.stderr.isatty()
        self.bar = tqdm(total=steps, unit=" steps", unit_scale=True, disable=not self.terminal)

    def __enter__(self) -> Progress:
        self._say(f"training {self.members} members; {self.known} taken from the store")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.bar.close()
        if kind is None and self.members:
            self._say(f"trained {self.arrived} members in {time.monotonic() - self.began:.1f} s")

    def show(self, steps: int, members: int, running: int) -> None:
        """Report the steps done so far, and how many members are finished and running."""
        text = f"{members}/{self.members} members, {running} running"
        now = time.monotonic()
        if steps and self.first is None:
            self.first = steps, now
        if self.terminal:
            text = text if steps else "compiling the kernels, once for each version of the code"
            self.bar.set_description(text, refresh=False)
            self.bar.update(steps - self.bar.n)
        elif now - self.printed >= LINE_SECONDS:
            self.printed = now
            self._say(self._line(steps, text, now))

    def _line(self, steps: int, text: str, now: float) -> str:
        """Share, members, rate and time left; neither what checkpoints brought nor the time of compiling
        counts in the rate."""
        if self.first is None:
            return "  0%  the kernels are being compiled, once for each version of the code"
        known, since = self.first
        line = f"{steps / self.steps:4.0%}  {text}"
        if steps <= known:  # or less: a worker died
            return line
        rate = (steps - known) / (now - since)
        return f"{line}  {rate:.0f} steps/s  {(self.steps - steps) / rate:.0f} s left"

    def _say(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)
        sys.stderr.flush()

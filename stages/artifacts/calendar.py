"""The calendar of a study: how its time steps follow one another, and which come next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Calendar:
    """How the steps of all series are laid out in time.

    Attributes:
        frequency: a pandas alias (`D`, `MS`, `15min`, …); `rows` where the stamps of the file are the steps;
            the step of whole numbers as text (`1`) where time is `integer` and regular.
        time: `datetime` (microseconds since 1970) or `integer`.
        zone: where steps are shorter than a day and the file's times have a zone or offset: its name
            (`Europe/Berlin`, `+02:00`), the times being UTC. None: times are the wall clock of the file.
        pattern: of `rows`, what the next stamps follow: see `following`. None: the next steps are numbered.
    """

    frequency: str
    time: str
    zone: str | None = None
    pattern: str | None = None

    def text(self, value: int) -> str:
        import pandas as pd

        if self.time == "integer":
            return str(value)
        return str(pd.Timestamp(value, unit="us")).removesuffix(" 00:00:00")

    def season(self) -> int | None:
        from stages.season import infer_season

        return infer_season(self.frequency)

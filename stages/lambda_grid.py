"""A grid of λ as params.yaml writes it: a list, or a range on a logarithmic scale."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from stages.params import Section

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class LogGrid(Section):
    """λ on a logarithmic scale: `count` values from `from` to `to`, and 0 where `zero` is true."""

    start: Positive = Field(alias="from")
    to: Positive
    count: int = Field(ge=2, le=1000)
    zero: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> LogGrid:
        if self.start >= self.to:
            raise ValueError("`from` must be smaller than `to`; swap them")
        if len(set(self.values())) < len(self.values()):
            raise ValueError(
                f"{self.count} values from {self.start} to {self.to} are not distinct in 12 digits; "
                "lower `count`"
            )
        return self

    def values(self) -> list[float]:
        """The grid, rounded to 12 digits so that a value reads as it was meant."""
        grid = [float(f"{x:.12g}") for x in np.geomspace(self.start, self.to, self.count)]
        return [0.0, *grid] if self.zero else grid


def _distinct(values: tuple[float, ...]) -> tuple[float, ...]:
    if not values or len(set(values)) < len(values):
        raise ValueError("needs at least one value and none twice; correct the list")
    return values


List = Annotated[tuple[NonNegative, ...], Field(max_length=1001), AfterValidator(_distinct)]
Grid = List | LogGrid


def path(grid: Grid) -> tuple[float, ...]:
    """All its λ, ascending."""
    return tuple(sorted(grid if isinstance(grid, tuple) else grid.values()))

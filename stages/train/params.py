"""Section `train` of params.yaml: which networks are trained, under which penalty, and how."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from stages.params import Section

Cell = Literal["linear", "rnn", "gru", "lstm"]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LogGrid(Section):
    """λ on a logarithmic scale: `count` values from `from` to `to`, and 0 where `zero` is true."""

    start: Positive = Field(alias="from")
    to: Positive
    count: int = Field(ge=2, le=1000)
    zero: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> LogGrid:
        if self.start >= self.to:
            raise ValueError("`from` must be smaller than `to`; exchange them")
        return self

    def values(self) -> list[float]:
        """The grid, rounded to 12 digits so that a value reads as it was meant."""
        grid = [float(f"{x:.12g}") for x in np.geomspace(self.start, self.to, self.count)]
        return [0.0, *grid] if self.zero else grid


class Multipliers(Section):
    """What λ is multiplied by for each group of weights; biases are never penalised."""

    input: NonNegative = 1.0
    recurrent: NonNegative = 1.0
    head: NonNegative = 1.0


class Penalty(Section):
    """l2: λ/(2m) Σ multiplier · w² in the loss."""

    kind: Literal["l2"] = "l2"
    lambdas: list[NonNegative] | LogGrid
    multipliers: Multipliers = Multipliers()

    @field_validator("lambdas")
    @classmethod
    def _distinct(cls, value: list[float] | LogGrid) -> list[float] | LogGrid:
        if isinstance(value, list) and (not value or len(set(value)) < len(value)):
            raise ValueError("needs at least one value and none twice; mend the list")
        return value

    def path(self) -> tuple[float, ...]:
        """All λ, ascending."""
        values = self.lambdas if isinstance(self.lambdas, list) else self.lambdas.values()
        return tuple(sorted(values))


class TrainParams(Section):
    """Every knob of the training; see params.yaml for units and meaning."""

    cells: list[Cell] = Field(min_length=1)
    hidden: int = Field(ge=1, le=4096)
    layers: int = Field(default=1, ge=1, le=16)
    segment: int = Field(default=1, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    penalty: Penalty
    seeds: int = Field(ge=1, le=10_000)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    optimizer: Literal["adam", "sgd"] = "adam"
    momentum: float = Field(default=0.0, ge=0, lt=1)
    learning_rate: Positive
    schedule: Literal["constant", "cosine"] = "cosine"
    clip_norm: Positive | None = None
    early_stopping: int | None = Field(default=None, ge=1)
    device: Literal["cpu", "cuda"] = "cpu"

    @field_validator("clip_norm", "early_stopping", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        return None if value is False or value in ("none", "off") else value

    @field_validator("cells")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("names a cell twice; name each once")
        return value

    @model_validator(mode="after")
    def _momentum_is_sgds(self) -> TrainParams:
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(
                f"momentum = {self.momentum} has no meaning for {self.optimizer}; "
                "set momentum to 0 or optimizer to sgd"
            )
        return self

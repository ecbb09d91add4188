"""Section `train` of params.yaml: which networks are trained, under which penalty, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from stages.losses import LOSSES
from stages.networks.cells import CELLS
from stages.networks.initial import INITS
from stages.params import Section

if TYPE_CHECKING:
    Cell = str
    Loss = str
    Init = str
else:
    Cell = Literal[tuple(CELLS)]
    Loss = Literal[tuple(LOSSES)]
    Init = Literal[tuple(INITS)]
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


class Multipliers(Section):
    """What λ is multiplied by for each group of weights; biases are never penalised."""

    input: NonNegative = 1.0
    recurrent: NonNegative = 1.0
    head: NonNegative = 1.0


class Penalty(Section):
    """What λ weighs: with m training windows and c each group's multiplier

    l2: λ/(2m) Σ c w² in the loss. decoupled: AdamW's decay of λ/m. l1: λ/m Σ c |w|.
    elastic_net: λ/m Σ c [ρ |w| + (1−ρ)/2 w²], ρ = ratio. predictions: λ/(2m) Σ ‖ŷ‖², not on weights.
    """

    kind: Literal["l2", "decoupled", "l1", "elastic_net", "predictions"] = "l2"
    lambdas: Annotated[tuple[NonNegative, ...], Field(max_length=1001)] | LogGrid
    ratio: float | None = Field(default=None, gt=0, lt=1)
    multipliers: Multipliers = Multipliers()

    @model_validator(mode="after")
    def _means_something(self) -> Penalty:
        if self.kind == "elastic_net" and self.ratio is None:
            raise ValueError(
                "kind elastic_net needs `ratio`, the share of L1; set it between 0 and 1"
            )
        if self.kind != "elastic_net" and self.ratio is not None:
            raise ValueError(
                f"ratio = {self.ratio} has no meaning for kind {self.kind}; "
                "set ratio to null or kind to elastic_net"
            )
        if self.kind == "predictions" and self.multipliers != Multipliers():
            raise ValueError(
                "multipliers apply to weights, and kind predictions penalises none; set them to 1"
            )
        return self

    @field_validator("lambdas")
    @classmethod
    def _distinct(cls, value: tuple[float, ...] | LogGrid) -> tuple[float, ...] | LogGrid:
        if isinstance(value, tuple) and (not value or len(set(value)) < len(value)):
            raise ValueError("needs at least one value and none twice; correct the list")
        return value

    def path(self) -> tuple[float, ...]:
        """All λ, ascending."""
        values = self.lambdas if isinstance(self.lambdas, tuple) else self.lambdas.values()
        return tuple(sorted(values))


class TrainParams(Section):
    """Every knob of the training; see params.yaml for units and meaning."""

    cells: tuple[Cell, ...] = Field(min_length=1)
    hidden: int = Field(ge=1, le=4096)
    layers: int = Field(default=1, ge=1, le=16)
    segment: int = Field(default=1, ge=1, le=1_000_000)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    loss: Loss = "squared"
    penalty: Penalty
    seeds: int = Field(ge=1, le=10_000)
    epochs: int = Field(ge=1, le=1_000_000)
    batch_size: int = Field(ge=1, le=1_000_000_000)
    shuffle: bool = True
    optimizer: Literal["adam", "sgd"] = "adam"
    momentum: float = Field(default=0.0, ge=0, lt=1)
    learning_rate: Positive
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: float = Field(default=0.0, ge=0, lt=1)
    init: Init = "glorot"
    clip_norm: Positive | None = None
    early_stopping: int | None = Field(default=None, ge=1, le=1_000_000)
    device: Literal["cpu", "cuda"] = "cpu"

    @field_validator("clip_norm", "early_stopping", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        return None if value is False or value in ("none", "off") else value

    @field_validator("cells")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names a cell twice; name each once")
        return value

    @model_validator(mode="after")
    def _optimizer_fits(self) -> TrainParams:
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(
                f"momentum = {self.momentum} has no meaning for {self.optimizer}; "
                "set momentum to 0 or optimizer to sgd"
            )
        if self.penalty.kind == "decoupled" and self.optimizer != "adam":
            raise ValueError(
                f"penalty.kind decoupled is the decay of AdamW, optimizer is {self.optimizer}; "
                "set optimizer to adam, or kind to l2, which is the same under sgd without momentum"
            )
        if self.penalty.kind in ("l1", "elastic_net") and self.momentum:
            raise ValueError(
                f"momentum = {self.momentum} and penalty.kind {self.penalty.kind} exclude each other: the "
                "proximal step of one step's length would be wrong; set momentum to 0 or optimizer to adam"
            )
        return self

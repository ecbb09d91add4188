"""Section `train` of params.yaml: which networks are trained, under which penalty, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from stages.lambda_grid import Grid, path
from stages.losses import LOSSES
from stages.networks.initial import INITS
from stages.networks.module.source import is_module, known_cell, label
from stages.params import Section

if TYPE_CHECKING:
    Loss = str
    Init = str
else:
    Loss = Literal[tuple(LOSSES)]
    Init = Literal[tuple(INITS)]
Cell = Annotated[str, AfterValidator(known_cell)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


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
    lambdas: Grid
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

    def path(self) -> tuple[float, ...]:
        """All λ, ascending."""
        return path(self.lambdas)


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
        labels = [label(cell) for cell in value]
        if twice := next((name for name in labels if labels.count(name) > 1), None):
            raise ValueError(f"results of two classes would be called {twice}; call one otherwise")
        return value

    @model_validator(mode="after")
    def _modules_fit(self) -> TrainParams:
        modules = [cell for cell in self.cells if is_module(cell)]
        if modules and self.device != "cpu":
            raise ValueError(
                f"device = {self.device} cannot train {modules[0]}: classes of cells/ are trained on the "
                "CPU; set device to cpu, or take it out of cells"
            )
        if modules and self.penalty.multipliers != Multipliers():
            raise ValueError(
                f"penalty.multipliers name groups of weights that {modules[0]} does not have; set them to 1, "
                "or take it out of cells"
            )
        return self

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

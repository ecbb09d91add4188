"""Section `window` of params.yaml: how windows are cut, split and scaled."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import Field, field_validator

from stages.params import Section

Part = float | int | str


class Split(Section):
    """Validation and test part: a fraction of all steps, a count of steps, or the part's first date."""

    validation: Part
    test: Part

    @field_validator("validation", "test", mode="before")
    @classmethod
    def _part(cls, value: object) -> object:
        if isinstance(value, datetime.date):
            return str(value)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("must be a fraction, a count or a date; write 0.2, 120 or 2001-01-01")
        if isinstance(value, int) and value < 1:
            raise ValueError("must be at least 1 as a count of steps; enlarge it")
        if isinstance(value, float) and not 0 < value < 1:
            raise ValueError(
                "must lie between 0 and 1 as a fraction; write a whole number for a count"
            )
        return value


class WindowParams(Section):
    """Every knob of the windows; see params.yaml for units and meaning."""

    lookback: int = Field(ge=1)
    horizon: int = Field(ge=1)
    stride: int = Field(default=1, ge=1)
    missing: Literal["error", "forward", "drop"] = "error"
    fill_limit: int = Field(default=3, ge=1)
    difference: Literal[0, 1, "seasonal"] = 0
    split: Split
    folds: Annotated[int, Field(ge=1, le=100)] = 3
    final_fit: Literal["train", "train_and_validation"] = "train_and_validation"
    scaler: Literal["standard", "minmax", "none"] = "standard"
    normalise: Literal["none", "last", "mean", "instance"] = "none"
    channels: Literal["independent", "joint"] = "independent"

    @property
    def fill(self) -> int:
        """Steps over which a gap takes the value before it; 0: none."""
        return self.fill_limit if self.missing == "forward" else 0

    @property
    def least(self) -> int:
        """Values that a training part must hold of a series to admit it."""
        return self.lookback + 2 * self.horizon

"""Section `window` of params.yaml: how windows are cut, split and scaled."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from stages.normalise import NORMALISE
from stages.params import Section
from stages.transform import TRANSFORMS
from stages.window.cycles import CYCLES

if TYPE_CHECKING:
    Normalise = str
    TransformName = str
    CycleName = str
else:
    Normalise = Literal[tuple(NORMALISE)]
    TransformName = Literal[tuple(TRANSFORMS)]
    CycleName = Literal[tuple(CYCLES)]
Part = float | int | str
UNIT = (0.0, 1.0)
LARGEST_END = 1e6  # of scaler_range
MOST_STEPS = 1_000_000_000
Steps = Annotated[int, Field(ge=1, le=1_000_000)]
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")


class Split(Section):
    """Validation and test part: a fraction of all steps, a count of steps, or the part's first date.

    A date is text in quotes, as `dvc exp run -S` writes it: DVC refuses a params.yaml with a bare date.
    `end` is where all parts end: how many of the file's first steps are used, or the first date that is not;
    null: with the file.
    """

    validation: Part
    test: Part
    end: int | str | None = None

    @field_validator("validation", "test", mode="before")
    @classmethod
    def _part(cls, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(
                "must be a fraction, a count or a date; write 0.2, 120 or '2001-01-01' (in quotes)"
            )
        if isinstance(value, str) and not _is_date(value):
            raise ValueError(
                "is text, but not a date; write '2001-01-01', or a number without quotes"
            )
        if isinstance(value, int) and value < 1:
            raise ValueError("must be at least 1 as a count of steps; enlarge it")
        if isinstance(value, int) and value > MOST_STEPS:
            raise ValueError(f"must be at most {MOST_STEPS:,} as a count of steps; write fewer")
        if isinstance(value, float) and not 0 < value < 1:
            raise ValueError(
                "must lie between 0 and 1 as a fraction; write a whole number for a count"
            )
        return value

    @field_validator("end", mode="before")
    @classmethod
    def _end(cls, value: object) -> object:
        is_count = type(value) is int and 1 <= value <= MOST_STEPS
        if value is None or is_count or (isinstance(value, str) and _is_date(value)):
            return value
        raise ValueError(
            "must be null, a count of steps, or a date; write 14400 or '2018-02-21' (in quotes)"
        )

    @model_validator(mode="after")
    def _leaves_something(self) -> Split:
        first, then = self.validation, self.test
        if isinstance(first, float) and isinstance(then, float) and first + then >= 1:
            raise ValueError(
                f"validation = {first} and test = {then} leave nothing for training; make them smaller, so "
                "that they are less than 1 together"
            )
        if isinstance(first, str) and isinstance(then, str) and _date(first) >= _date(then):
            raise ValueError(
                f"validation = {first!r} must be a date before test = {then!r}, where the test part "
                "begins; choose an earlier one"
            )
        return self


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text) and _date(text))
    except ValueError:  # 2001-13-45
        return False


def _date(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


class WindowParams(Section):
    """Every knob of the windows; see params.yaml for units and meaning."""

    lookback: Steps
    horizon: Steps
    stride: int = Field(default=1, ge=1, le=MOST_STEPS)
    validation_stride: int = Field(default=1, ge=1, le=MOST_STEPS)
    missing: Literal["error", "forward", "drop"] = "error"
    fill_limit: int = Field(default=3, ge=1, le=MOST_STEPS)
    transform: TransformName = "none"
    difference: int | Literal["seasonal"] = 0
    split: Split
    folds: Annotated[int, Field(ge=1, le=100)] = 3
    folds_end: Literal["test", "validation"] = "test"
    fold_steps: Steps | None = None
    final_fit: Literal["train", "train_and_validation"] = "train_and_validation"
    scaler: Literal["standard", "minmax", "none"] = "standard"
    scaler_range: tuple[float, float] = UNIT
    normalise: Normalise = "none"
    channels: Literal["independent", "joint"] = "independent"
    calendar: tuple[CycleName, ...] = ()

    @field_validator("difference", mode="before")
    @classmethod
    def _order(cls, value: object) -> object:
        # Not a Literal of numbers: for it true is 1, and 1.0 is too.
        if value == "seasonal" or (type(value) is int and value in (0, 1)):
            return value
        raise ValueError("must be 0, 1 or seasonal; write one of them, without quotes")

    @field_validator("scaler_range", mode="before")
    @classmethod
    def _ascending(cls, value: object) -> object:
        ends = value if isinstance(value, tuple) else ()
        numbers = [end for end in ends if type(end) in (int, float) and abs(end) <= LARGEST_END]
        if len(ends) == len(numbers) == 2 and numbers[0] < numbers[1]:
            return tuple(map(float, numbers))
        raise ValueError(
            f"must be two ascending numbers of at most {LARGEST_END:,.0f}; write [0, 1] or [-1, 1]"
        )

    @field_validator("calendar")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if twice := next((name for name in value if value.count(name) > 1), None):
            raise ValueError(f"names {twice!r} twice; name it once")
        return value

    @model_validator(mode="after")
    def _range_has_a_meaning(self) -> WindowParams:
        if self.scaler != "minmax" and self.scaler_range != UNIT:
            raise ValueError(
                f"scaler_range = {list(self.scaler_range)} has no meaning for scaler = {self.scaler!r}; "
                "set scaler to minmax, or scaler_range to [0, 1]"
            )
        return self

    @model_validator(mode="after")
    def _parts_hold_a_window(self) -> WindowParams:
        """Checks parts that are given as counts; for fractions and dates the series decides."""
        if isinstance(self.split.test, int) and self.split.test < self.horizon:
            raise ValueError(
                f"split.test = {self.split.test} steps hold no window of horizon = {self.horizon}; enlarge "
                "the test part or shorten the horizon"
            )
        part = self.split.validation
        if self.fold_steps is not None:
            if self.fold_steps < self.horizon:
                raise ValueError(
                    f"fold_steps = {self.fold_steps} steps hold no window of horizon = {self.horizon}; "
                    "enlarge fold_steps or shorten the horizon"
                )
        elif isinstance(part, int) and (smallest := part // self.folds) < self.horizon:
            raise ValueError(
                f"split.validation = {part} steps in folds = {self.folds} blocks leave {smallest} for the "
                f"smallest, too few for a window of horizon = {self.horizon}; enlarge the part, or use fewer "
                "folds or a shorter horizon"
            )
        if NORMALISE[self.normalise].deviation and self.lookback == 1:
            raise ValueError(
                f"normalise = {self.normalise!r} divides by the spread of a window, and lookback = 1 has "
                "none; enlarge lookback or set normalise to none"
            )
        return self

    @property
    def fill(self) -> int:
        """Steps over which a gap takes the value before it; 0: none."""
        return self.fill_limit if self.missing == "forward" else 0

    @property
    def least(self) -> int:
        """Values that a training part must hold of a series to admit it."""
        return self.lookback + 2 * self.horizon

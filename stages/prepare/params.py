"""Section `prepare` of params.yaml: which file, and which of its columns are what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator, model_validator

from stages.frequency import refuse_useless
from stages.params import Section


class Covariates(Section):
    """past: known up to the origin of a forecast. future: planned values, known over its whole horizon."""

    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _no_facts(cls, values: object) -> object:
        if isinstance(values, dict) and "static" in values:
            raise ValueError(
                "static names facts about a series, which no network takes in; take the key out, and list "
                "past and future only"
            )
        return values


class PrepareParams(Section):
    """path: CSV or Parquet. format: wide (a time column, a column per series) or long (a row per series
    and time).

    id, value: long format's columns of the series' names and values. time: name of the time column, names of
    the columns that together make it up (date and time; year, month, day, hour), or null: rows are numbered.
    targets: the series (wide: columns; long: ids; empty: all). covariates: columns known up to the origin,
    or these and others by kind, see `Covariates`.
    frequency: a pandas alias, `infer`, or `rows` (the file's stamps are the steps).
    Set instead of recognised where not null: date_format (strptime), zone of the wall clock, encoding,
    separator, decimal, thousands, header (whether the first row names the columns).
    """

    path: str = Field(min_length=1)
    format: Literal["wide", "long"] = "wide"
    id: str = "unique_id"
    value: str = "y"
    time: str | tuple[str, ...] | None = "ds"
    targets: tuple[str, ...] = ()
    covariates: tuple[str, ...] | Covariates = ()
    frequency: str = "infer"
    date_format: str | None = None
    zone: str | None = None
    encoding: str | None = None
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: str | None = None
    header: bool | None = None

    @field_validator("frequency")
    @classmethod
    def _alias(cls, value: str) -> str:
        if value not in ("infer", "rows"):
            refuse_useless(value)
        return value

    @field_validator("path")
    @classmethod
    def _file(cls, value: str) -> str:
        if "://" in value or "\0" in value:
            raise ValueError("must be a file on this machine; copy it here and name it")
        if not value.endswith((".csv", ".csv.gz", ".parquet")):
            raise ValueError("must end in .csv, .csv.gz or .parquet; name such a file")
        return value

    @property
    def future(self) -> tuple[str, ...]:
        """The covariates that are known over the horizon."""
        return self.covariates.future if isinstance(self.covariates, Covariates) else ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """All covariates: those known up to the origin, then those known over the horizon."""
        kinds = self.covariates
        return (*kinds.past, *kinds.future) if isinstance(kinds, Covariates) else kinds

    @property
    def times(self) -> tuple[str, ...]:
        """The columns that make up the time, in the order given."""
        if self.time is None:
            return ()
        return (self.time,) if isinstance(self.time, str) else self.time

    @model_validator(mode="after")
    def _roles(self) -> PrepareParams:
        if self.time == ():
            raise ValueError("time = [] names no column; write null where the file has no time")
        names = [*self.times, *self.inputs]
        names += self.targets if self.format == "wide" else (self.id, self.value)
        if twice := _repeated(names):
            raise ValueError(f"column {twice!r} has two roles; give it one")
        if twice := _repeated(self.targets):
            raise ValueError(f"targets name {twice!r} twice; name it once")
        if (sign := self.decimal) is not None and sign == self.thousands:
            raise ValueError(
                f"decimal and thousands are both {sign!r}; set them to different signs"
            )
        return self


def _repeated(names: Sequence[str]) -> str | None:
    return next((name for name in names if names.count(name) > 1), None)

"""Section `prepare` of params.yaml: which file, and which of its columns are what."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import Field, field_validator, model_validator

from stages.params import Section


class PrepareParams(Section):
    """path: CSV or Parquet. format: wide (a time column, a column per series) or long (unique_id, ds, y).

    time: name of the time column (long: ds). targets: the series (wide: columns; long: unique_ids; empty:
    all). covariates: columns known up to the origin. frequency: a pandas alias, or `infer`.
    """

    path: str = Field(min_length=1)
    format: Literal["wide", "long"] = "wide"
    time: str = "ds"
    targets: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    frequency: str = "infer"

    @field_validator("frequency")
    @classmethod
    def _alias(cls, value: str) -> str:
        if value != "infer":
            try:
                pd.tseries.frequencies.to_offset(value)
            except ValueError as error:
                raise ValueError(
                    f"must be `infer` or a pandas alias such as h, D, W-SAT, MS, QS, YS ({error})"
                ) from None
        return value

    @field_validator("path")
    @classmethod
    def _suffix(cls, value: str) -> str:
        if not value.endswith((".csv", ".csv.gz", ".parquet")):
            raise ValueError("must end in .csv, .csv.gz or .parquet; name such a file")
        return value

    @model_validator(mode="after")
    def _roles(self) -> PrepareParams:
        names = [*self.targets, *self.covariates, self.time]
        twice = sorted({name for name in names if names.count(name) > 1})
        if self.format == "wide" and twice:
            raise ValueError(f"column {twice[0]!r} has two roles; give it one")
        return self

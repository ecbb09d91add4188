"""The `evaluate` section of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from stages.evaluate.season_params import SeasonParams
from stages.lambda_grid import Grid, LogGrid, path
from stages.params import Section

Level = Annotated[float, Field(ge=1, le=99.9)]


class RidgeParams(Section):
    """How the baseline ridge is chosen; its λ are those of `train.penalty` on a linear network."""

    lambdas: Grid = Field(
        default=LogGrid.model_validate({"from": 0.001, "to": 1e7, "count": 21, "zero": True}),
        description="its grid of λ",
    )
    intercept: Literal["free", "none", "validated"] = Field(
        default="free",
        description="its intercept: free (not penalised), none (all forecasts go through the origin of the "
        "scaled and normalised values), or the one of both with the lower validation error",
    )
    measure: Literal["mse", "mae"] = Field(
        default="mse", description="of the validation errors that choose λ and the intercept"
    )

    @property
    def path(self) -> tuple[float, ...]:
        """All λ, ascending."""
        return path(self.lambdas)

    @property
    def intercepts(self) -> tuple[bool, ...]:
        """Whether there is an intercept, for each way that is tried."""
        return {"free": (True,), "none": (False,), "validated": (True, False)}[self.intercept]


class EvaluateParams(SeasonParams):
    """How forecasts are scored, what they are compared with, and which are kept.

    `scaled_mse` and `scaled_mae` are always computed: the verdicts rest on them.
    """

    model_config = ConfigDict(extra="forbid")

    forecasts: Literal["chosen", "all", "ensembles"] = Field(
        default="chosen",
        description="networks whose forecasts are written: of λ = 0 and the λ's that either report.rule "
        "chooses, or of all, and all ensembles; or ensembles alone, of those λ's. Baselines always are",
    )
    levels: tuple[Level, ...] = Field(
        default=(80, 95),
        max_length=9,
        description="of prediction intervals, in per cent, ascending; [] gives none",
    )
    ridge: RidgeParams = RidgeParams()
    mean: bool = Field(
        default=False,
        description="whether the mean of each cell's forecasts and ridge's, in equal parts, is a forecaster; "
        "needs ridge among the baselines",
    )

    @field_validator("levels")
    @classmethod
    def _ascending(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if list(levels) != sorted(set(levels)):
            raise ValueError("must be ascending, none twice; sort them")
        return levels

"""The part of the `evaluate` section that decides the season, which the stage `window` reads too."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from stages.params import Section

Metric = Literal["mse", "mae", "rmse", "mase", "smape"]
BaselineName = Literal["repeat_last", "seasonal_repeat", "ridge", "ar", "auto_ets"]


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("each name may appear once; take the repeated one out")
    return values


class SeasonParams(Section):
    """These keys, and no other."""

    model_config = ConfigDict(extra="ignore")

    metrics: Annotated[tuple[Metric, ...], AfterValidator(_distinct)] = Field(
        default=("mse", "mae", "rmse", "mase", "smape"),
        description="errors in the data's units, in addition to scaled_mse and scaled_mae",
    )
    season: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        description="steps of one season, for seasonal_repeat, mase and auto_ets; "
        "null infers it from the frequency",
    )
    baselines: Annotated[tuple[BaselineName, ...], AfterValidator(_distinct)] = Field(
        default=("repeat_last", "seasonal_repeat", "ridge", "ar", "auto_ets"),
        description="forecasts that any network should beat",
    )

    @property
    def seasonal(self) -> list[str]:
        """The baselines and metrics asked for that are not defined without a season."""
        names: tuple[str, ...] = (*self.baselines, *self.metrics)
        return [name for name in names if name in ("seasonal_repeat", "mase")]

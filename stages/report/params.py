"""Parameters of the report: how λ is chosen and how sure a verdict must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stages.losses import LOSSES, MEASURES
from stages.params import Section

if TYPE_CHECKING:
    Measure = str
else:
    Measure = Literal["trained", *MEASURES]


class ReportParams(Section):
    """Section `report` of params.yaml.

    Attributes:
        rule: `minimum` (lowest validation loss) or `one_standard_error` (the largest λ not below
            that one whose mean paired loss difference to it is at most its standard error; of equal losses
            the smallest λ).
        measure: of the errors that choose λ and that verdicts compare: the trained loss's, or another.
        confidence: coverage of the verdicts' intervals, strictly between 0 and 1.
        relevance: the change, as a share of the compared loss, within which two forecasters are as good.
    """

    rule: Literal["minimum", "one_standard_error"] = "one_standard_error"
    measure: Measure = "trained"
    confidence: float = Field(default=0.95, gt=0, lt=1)
    relevance: float = Field(default=0.05, gt=0, lt=1)

    def measured(self, loss: str) -> str:
        """The measure's name for networks that were trained on `loss`, a row of LOSSES."""
        return LOSSES[loss].measure if self.measure == "trained" else self.measure

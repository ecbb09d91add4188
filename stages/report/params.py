"""Parameters of the report: how λ is chosen and how sure a verdict must be."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stages.params import Section


class ReportParams(Section):
    """Section `report` of params.yaml.

    Attributes:
        rule: `minimum` (lowest validation loss) or `one_standard_error` (the largest λ not below
            that one whose mean paired loss difference to it is at most its standard error).
        confidence: coverage of the verdicts' intervals, strictly between 0 and 1.
    """

    rule: Literal["minimum", "one_standard_error"] = "one_standard_error"
    confidence: float = Field(default=0.95, gt=0, lt=1)

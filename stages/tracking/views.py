"""Two views of the experiment in MLflow's UI: the table of members, and the λ paths of the studies.

MLflow keeps a shared view as JSON in a tag of the experiment; its address ends in
`?viewStateShareKey=<name>`.
"""

from __future__ import annotations

import json
from typing import Any

TAG = "mlflow.sharedViewState."
_CELLS = ("rnn", "gru", "lstm", "linear")
_ALWAYS = {"startTime": "ALL", "lifecycleFilter": "Active", "datasetsFilter": []}


def views() -> dict[str, str]:
    """Tag of the experiment → the view that it holds."""
    errors = [f"{part}_mse{end}" for part in ("validation", "test") for end in ("", "_spread")]
    members = {
        "searchFilter": "tags.kind = 'member'",
        "orderByKey": "metrics.`validation_mse`",
        "orderByAsc": True,
        "selectedColumns": _columns("metrics", errors)
        + _columns("tags", ["cell", "lam", "study", "chosen", "commits", "experiments"]),
    }
    chosen = [f"{cell}.{name}" for cell in _CELLS for name in ("lam", "validation_mse", "test_mse")]
    studies: dict[str, Any] = {
        "searchFilter": "tags.kind = 'study'",
        "selectedColumns": _columns("metrics", chosen)
        + _columns("tags", ["study", "data", "commits", "experiments"]),
        # Charts of this view are drawn against λ, on a log scale.
        "globalLineChartConfig": {
            "xAxisKey": "metric",
            "selectedXAxisMetricKey": "path/log10_lam",
            "lineSmoothness": 0,
        },
    }
    return {
        f"{TAG}{name}": json.dumps(_ALWAYS | view)
        for name, view in (("members", members), ("studies", studies))
    }


def _columns(kind: str, names: list[str]) -> list[str]:
    return [f"{kind}.`{name}`" for name in names]

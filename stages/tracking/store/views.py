"""How the experiment looks in MLflow's UI: two views (errors of each (cell, λ), the studies' λ paths) and the
colours of runs.

MLflow keeps a shared view as JSON in a tag of the experiment; its address ends in
`?viewStateShareKey=<name>`. A run's colour is a tag of the run; without it MLflow derives one from the run's
id, and two runs may get the same.
"""

from __future__ import annotations

import json
from typing import Any

from stages.losses import MEASURES
from stages.networks.cells import CELLS

TAG = "mlflow.sharedViewState."
COLOR = "mlflow.runColor"
# Of studies, in turn: Okabe and Ito's, which colour-blind readers can distinguish.
STUDIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_ALWAYS = {"startTime": "ALL", "lifecycleFilter": "Active", "datasetsFilter": []}


def views() -> dict[str, str]:
    """Tag of the experiment → the view that it holds."""
    both = [f"{part}_{measure}" for measure in MEASURES for part in ("validation", "test")]
    errors = [f"{error}{end}" for error in both for end in ("", "_spread")]
    members = {
        "searchFilter": "tags.kind = 'member'",
        "orderByKey": f"metrics.`{both[0]}`",
        "orderByAsc": True,
        "selectedColumns": _columns("metrics", errors)
        + _columns("tags", ["cell", "lam", "study", "chosen", "commits", "experiments"]),
    }
    chosen = [f"{cell}.{name}" for cell in CELLS for name in ("lam", *both)]
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

"""What the studies of a preset came to, as a table of Markdown."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from stages.report.writing import markdown_table
from stages.report.writing.numbers import measured, number

HEAD = ("study", "forecaster", "λ", "fits on", "validation", "test MSE", "test MAE")
ERRORS = ("validation", "scaled_test_mse", "scaled_test_mae")


def table(results: Mapping[str, pd.DataFrame]) -> str:
    """A row per study and forecaster, all errors in scaled units; what validation chose is bold."""
    lines = []
    for name, rows in results.items():
        for row in rows.to_dict("records"):
            line = [name, row["forecaster"], number(row["lam"]), row["final_fit"]]
            line += [measured(row[error]) for error in ERRORS]
            lines.append([f"**{text}**" if row["chosen"] else text for text in line])
    return markdown_table.table(HEAD, lines)

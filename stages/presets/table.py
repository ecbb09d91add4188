"""What the studies of a preset came to, as a table of markdown."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

HEAD = ("study", "forecaster", "λ", "fits on", "validation", "test MSE", "test MAE")


def table(results: Mapping[str, pd.DataFrame]) -> str:
    """A row per study and forecaster, all errors in scaled units; what validation chose is bold."""
    lines = ["| " + " | ".join(HEAD) + " |", "| :-- | :-- | --: | :-- | --: | --: | --: |"]
    for name, rows in results.items():
        for row in rows.to_dict("records"):
            cells = [name, str(row["forecaster"]), _number(row["lam"]), str(row["final_fit"])]
            columns = ("validation", "scaled_test_mse", "scaled_test_mae")
            cells += [_number(row[column], "#.4g") for column in columns]
            if row["chosen"]:
                cells = [f"**{cell}**" for cell in cells]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float, form: str = ".4g") -> str:
    return f"{value:{form}}" if pd.notna(value) else "–"

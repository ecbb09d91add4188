"""python -m tests.readme: writes the generated part of the README from data/report."""

from __future__ import annotations

import csv
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PART = re.compile(r"(<!-- begin answer .*?-->\n).*?(<!-- end answer -->)", re.DOTALL)


def answer() -> str:
    """The first paragraph of the report, and the chosen row of each cell beside λ = 0."""
    report = (ROOT / "data/report/report.md").read_text(encoding="utf-8")
    first = report.split("\n\n")[1]
    with (ROOT / "data/report/lambda_path.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [
        "| cell | chosen λ | validation MSE | at λ = 0 | test MSE | at λ = 0 |",
        "|" + " --- |" * 6,
    ]
    for row in (r for r in rows if r["selected"].lower() == "true"):
        zero = next(r for r in rows if r["cell"] == row["cell"] and float(r["lam"]) == 0)
        numbers = [row["lam"], row["validation_mse"], zero["validation_mse"]]
        numbers += [row["test_mse"], zero["test_mse"]]
        lines.append(f"| {row['cell']} | " + " | ".join(f"{float(n):.4g}" for n in numbers) + " |")
    table = "\n".join(lines)
    units = "Validation in scaled units, test in squared sunspot numbers; means over seeds."
    return f"> {first}\n\n{table}\n\n{units}\n"


def current(text: str) -> str:
    """The README with its generated part as it should be."""
    return PART.sub(lambda match: f"{match[1]}{answer()}{match[2]}", text)


if __name__ == "__main__":
    README.write_text(current(README.read_text(encoding="utf-8")), encoding="utf-8")

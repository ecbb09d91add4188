"""python -m tests.support.readme: writes the generated parts of the README and of docs/speed.md."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import yaml

from benchmarks.documents import with_part
from stages.equivalents import EQUIVALENTS

ROOT = Path(__file__).resolve().parents[2]
README, SPEED = ROOT / "README.md", ROOT / "docs" / "speed.md"


def answer() -> str:
    """The first paragraph of the report, and the chosen row of each cell with that at λ = 0."""
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
    units = "Validation in scaled units, test in squared °C; means over seeds."
    return f"> {first}\n\n{table}\n\n{units}\n"


def speed() -> str:
    """How many times faster whole studies are than by torch's modules, and the share of the peak."""
    path = ROOT / "benchmarks/results/trainer.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    rows = {(r["cell"], r["lookback"], r["hidden"]): r for r in results["rows"]}
    shares = {(r["cell"], r["lookback"], r["hidden"]): r for r in results["steps"]}
    sizes = sorted({hidden for _, _, hidden in rows})
    lines = [
        "| cell | lookback | " + " | ".join(f"D = {d}" for d in sizes) + " |",
        "|" + " --- |" * (2 + len(sizes)),
    ]
    for cell, lookback in dict.fromkeys((cell, lookback) for cell, lookback, _ in rows):
        entries = []
        for d in sizes:
            row, step = rows.get((cell, lookback, d)), shares.get((cell, lookback, d))
            entries.append(
                f"{row['ratio']:.1f} × ({step['share_of_peak']:.0%})" if row and step else ""
            )
        lines.append(f"| {cell} | {lookback} | " + " | ".join(entries) + " |")
    machine, memory = results["machine"], results["memory"]
    start = results["scaling"]["by"]["members"]["start"]
    usual = [r["usual_ratio"] for r in results["rows"] if "usual_ratio" in r]
    text = [
        f"On {machine['cores']} cores ({machine['cpu']}, {results['gemm_peak_gflops']:.0f} GFLOP/s a",
        f"thread in torch's matrix product), torch {machine['torch']}. About {start:.1f} s of every",
        "study are start-up (interpreter, workers, cached kernels).",
        "As most people run torch (its default threads, denormal numbers kept) it takes",
        f"{min(usual):.0f} to {max(usual):.0f} times as long. Training {memory['long_steps']:,} steps",
        f"takes {memory['long_mib']} MiB, all processes together.",
    ]
    return "\n".join([*lines, "", " ".join(text), ""])


def conventions() -> str:
    """What λ of the L2 penalty is called elsewhere; docs/lambda.md has the other penalties."""
    lines = ["| tool | setting |", "| --- | --- |"]
    rows = (
        f"| {e.tool} | {e.setting} = {e.formula} |"
        for e in EQUIVALENTS
        if (e.kind, e.loss) == ("l2", "squared")
    )
    return "\n".join([*lines, *rows]) + "\n"


def dag() -> str:
    """The stages of dvc.yaml and what passes between them, as a mermaid flow chart."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    origin = {path: name for name, stage in stages.items() for path in _outputs(stage)}
    lines = ["```mermaid", "flowchart LR"]
    for name, stage in stages.items():
        edges: dict[str, list[str]] = {}
        for path in (d for d in stage["deps"] if d in origin):
            edges.setdefault(origin[path], []).append(path.removeprefix("data/"))
        if not edges:
            lines.append(f"  params([params.yaml]) --> {name}")
        if "${prepare.path}" in stage["deps"]:
            lines.append(f"  raw([a CSV or Parquet file]) --> {name}")
        lines += [
            f'  {other} -- "{"<br>".join(paths)}" --> {name}' for other, paths in edges.items()
        ]
    last = list(stages)[-1]
    lines += [f"  {last} --> page([index.html, report.md, tables])", "```"]
    return "\n".join(lines) + "\n"


def _outputs(stage: dict[str, Any]) -> list[str]:
    return [out if isinstance(out, str) else next(iter(out)) for out in stage["outs"]]


PAGES = {
    README: {"answer": answer, "conventions": conventions, "dag": dag},
    SPEED: {"speed": speed},
}


def current(page: Path) -> str:
    """A page of PAGES with its generated parts as they should be."""
    text = page.read_text(encoding="utf-8")
    for name, make in PAGES[page].items():
        text = with_part(text, name, make())
    return text


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(current(path), encoding="utf-8")

"""python -m benchmarks.etth1: runs presets/etth1.yaml, and writes docs/etth1.md beside published errors.

The file is ETTh1.csv in the folder that RIDGELINE_BENCHMARK_DATA names. What the preset's studies came to
goes to benchmarks/results/etth1.csv; `--page` writes the page from it and from the search's results alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from typing import Any

import pandas as pd
import yaml

from benchmarks import documents, left_out, search
from benchmarks.real_series import ETTH1
from benchmarks.studies import ROOT
from stages.presets.experiment import reference
from stages.report.writing.numbers import number

PRESET = ROOT / "presets" / "etth1.yaml"
RESULTS = ROOT / "benchmarks" / "results" / "etth1.csv"
LEFT_OUT = ROOT / "benchmarks" / "results" / "left_out.json"
PAGE = ROOT / "docs" / "etth1.md"
HORIZONS = (96, 192, 336, 720)
# MSE and MAE at each horizon; in brackets the lookback; sources on the page.
PUBLISHED = {
    "SegRNN (720)": ((0.351, 0.392), (0.392, 0.414), (0.423, 0.433), (0.466, 0.472)),
    "ridge, α = 5e4 (720)": ((0.366, 0.398), (0.400, 0.418), (0.424, 0.434), (0.430, 0.458)),
    "PatchTST/64 (512)": ((0.370, 0.400), (0.413, 0.429), (0.422, 0.440), (0.447, 0.468)),
    "NLinear (336)": ((0.374, 0.394), (0.408, 0.415), (0.429, 0.427), (0.440, 0.453)),
    "DLinear (336)": ((0.375, 0.399), (0.405, 0.416), (0.439, 0.443), (0.472, 0.490)),
    "iTransformer (96)": ((0.386, 0.405), (0.441, 0.436), (0.487, 0.458), (0.503, 0.491)),
    "GRU (720)": ((1.135, 0.844), (1.123, 0.814), (1.080, 0.807), (1.089, 0.822)),
}


def main() -> None:
    """Run the preset unless `--page` is given, then write the page."""
    parser = argparse.ArgumentParser(prog="benchmarks.etth1", description=__doc__)
    parser.add_argument("--page", action="store_true", help="write the page from the results")
    if not parser.parse_args().page:
        if ETTH1.absent:
            sys.exit(ETTH1.absent)
        run()
    page = PAGE.read_text(encoding="utf-8")
    for name, text in parts().items():
        page = documents.with_part(page, name, text)
    PAGE.write_text(page, encoding="utf-8")


def run() -> None:
    """All studies of the preset, on the file of the folder."""
    preset = yaml.safe_load(PRESET.read_text(encoding="utf-8"))
    preset["params"]["prepare"]["path"] = str(ETTH1.path.resolve())
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump(preset, file, sort_keys=False)
        file.flush()
        command = [sys.executable, "-m", "stages.presets", file.name, "--out", str(RESULTS)]
        command += ["--forecasters", "data/report/forecasters.csv"]
        subprocess.run(command, cwd=ROOT, check=True)
    judged = {}
    rows = pd.read_csv(RESULTS)
    for name in rows.loc[rows["final_fit"] == "train", "study"].unique():
        ref = reference(ROOT, name)
        assert ref is not None, "the preset has just run it"
        judged[name] = left_out.of_revision(ROOT, ref)
    LEFT_OUT.write_text(json.dumps(judged, indent=1) + "\n", encoding="utf-8")


def parts() -> dict[str, str]:
    """The page's parts by name."""
    rows = pd.read_csv(RESULTS)
    known = json.loads(search.RESULTS.read_text(encoding="utf-8"))
    judged = json.loads(LEFT_OUT.read_text(encoding="utf-8"))
    return {
        "results": results(rows),
        "forecasters": forecasters(rows),
        "left out": rules(judged),
        "search": tried(known),
    }


def results(rows: pd.DataFrame) -> str:
    """What validation chose at each horizon, trained on the training part alone and refitted, and papers."""
    lines = []
    for fit, name in (("train", "chosen here"), ("train_and_validation", "the same, refitted")):
        chosen = rows[rows["chosen"] & (rows["final_fit"] == fit)]
        by_horizon = {int(study.split("-")[1]): row for study, row in _by_study(chosen)}
        if by_horizon:
            errors = [_pair(by_horizon[h], bold=fit == "train") for h in HORIZONS]
            lines.append([f"**{name}**" if fit == "train" else name, *errors])
    for name, pairs in PUBLISHED.items():
        lines.append([name, *(f"{mse:.3f} / {mae:.3f}" for mse, mae in pairs)])
    return documents.table(["test MSE / MAE at horizon", *map(str, HORIZONS)], lines)


def forecasters(rows: pd.DataFrame) -> str:
    """Every forecaster of every study."""
    head = ["study", "forecaster", "λ", "fits on", "validation MSE", "test MSE", "test MAE"]
    lines = []
    for row in rows.to_dict("records"):
        name = (
            f"{row['forecaster']}, {row['detail']}"
            if pd.notna(row["detail"])
            else row["forecaster"]
        )
        lam = number(row["lam"])
        errors = [f"{row[key]:.4f}" for key in ("validation", "scaled_test_mse", "scaled_test_mae")]
        line = [row["study"], name, lam, row["final_fit"].replace("_", " "), *errors]
        lines.append([f"**{cell}**" if row["chosen"] and cell else cell for cell in line])
    return documents.table(head, lines)


def rules(judged: dict[str, Any]) -> str:
    """A row for each study: the mean over blocks of what a rule's choice loses there to the best one."""
    lines = []
    for study, by_rule in judged.items():
        loss = {rule: [ratio for _, ratio in folds.values()] for rule, folds in by_rule.items()}
        line = [f"{100 * (sum(loss[rule]) / len(loss[rule]) - 1):.1f} %" for rule in left_out.RULES]
        lines.append([study, *line])
    return documents.table(["study", "lowest error", "a mean within one standard error"], lines)


def tried(known: list[dict[str, Any]]) -> str:
    """A row for each setting of the search, relative to the first one."""
    keys = list(search.FIRST)
    head = [*(key.split(".")[1] for key in keys), "relative error", "seconds"]
    lines = [
        [
            *(str(done["setting"][key]) for key in keys),
            f"{search.relative(done, known[0]):.4f}",
            f"{done['seconds']:.0f}",
        ]
        for done in known
    ]
    return documents.table(head, lines)


def _by_study(rows: pd.DataFrame) -> list[tuple[str, Any]]:
    return [(str(row["study"]), row) for row in rows.to_dict("records")]


def _pair(row: Any, bold: bool) -> str:
    text = f"{row['scaled_test_mse']:.3f} / {row['scaled_test_mae']:.3f}"
    return f"**{text}**" if bold else text


if __name__ == "__main__":
    main()

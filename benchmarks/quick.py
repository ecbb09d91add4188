"""python -m benchmarks.quick: a study of seconds in a temporary copy of this folder, which stays as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SMALL: dict[str, Any] = {
    "train": {
        "cells": ["rnn", "gru"],
        "hidden": 4,
        "penalty": {"kind": "l2", "lambdas": [0, 1, 10]},
        "seeds": 3,
        "epochs": 3,
    },
    "evaluate": {"baselines": ["repeat_last", "ridge"]},
}


def copy_to(folder: Path) -> None:
    """Copy what git tracks here or would track, as it is in the working tree."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in listed.stdout.split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def change(folder: Path, sections: dict[str, Any]) -> None:
    """Set values of sections of the params.yaml in `folder`."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in sections.items():
        params[section] |= values
    path.write_text(yaml.safe_dump(params, sort_keys=False, allow_unicode=True), encoding="utf-8")


def shrink(folder: Path) -> None:
    """Make the study of the params.yaml in `folder` small."""
    change(folder, SMALL)


@contextmanager
def temporary_copy() -> Iterator[Path]:
    """A copy in which `reproduce` works, without results; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ridgeline-") as name:
        folder = Path(name)
        copy_to(folder)
        (folder / "dvc.lock").unlink(missing_ok=True)
        subprocess.run(["dvc", "config", "core.no_scm", "true"], cwd=folder, check=True)
        yield folder


def reproduce(folder: Path, *stages: str) -> int:
    """`dvc repro` in a copy, without tracking; its exit status."""
    environment = {
        "RIDGELINE_COMPILED": str(ROOT / ".ridgeline" / "compiled"),  # compiled once, not again
        **os.environ,
        "RIDGELINE_TRACKING": "off",
    }
    return subprocess.run(["dvc", "repro", *stages], cwd=folder, env=environment).returncode


def main() -> int:
    """Run the small study and print the beginning of its report."""
    with temporary_copy() as folder:
        shrink(folder)
        if status := reproduce(folder):
            return status
        report = (folder / "data/report/report.md").read_text(encoding="utf-8")
        print("\n" + report.split("\n## ")[0])
        print("A study of seconds, gone by now. `make repro` runs the one of params.yaml.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

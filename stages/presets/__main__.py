"""python -m stages.presets FILE: runs each study of a preset as a DVC experiment of its name.

Each runs in a temporary folder of DVC's (`dvc exp run --temp`), so the workspace stays as it is. All studies
are checked before the first starts. Networks that are in the member store are not trained again, so a run
that was stopped goes on where it was. At the end a table says what each study chose and what it came to.
"""

from __future__ import annotations

import stages.environment  # noqa: F401

import argparse
import subprocess
import sys
from pathlib import Path

import pandas as pd

from stages.environment import root
from stages.failure import ParameterError, guarded
from stages.presets.experiment import command, free_name, located, results
from stages.presets.preset import Preset
from stages.presets.table import table


def main() -> None:
    """Run the studies, or those that are named, and print the table of all that are there."""
    parser = argparse.ArgumentParser(prog="stages.presets", description=__doc__)
    parser.add_argument("preset", type=Path)
    parser.add_argument("--forecasters", required=True, help="the report's table of forecasters")
    parser.add_argument("--only", nargs="*", default=[], help="names of studies; none: all")
    parser.add_argument("--out", type=Path, help="a CSV for what is printed, with more columns")
    args = parser.parse_args()
    names, chosen = [], Preset.load(args.preset).chosen(args.only)
    studies = {study: located(root(), sections) for study, sections in chosen.items()}
    for study, sections in studies.items():
        name, there = free_name(root(), study, sections)
        names.append(name)
        print(f"presets: {name}{' is there' if there else ''}", file=sys.stderr, flush=True)
        if there:
            continue
        done = subprocess.run(command(name, sections), cwd=root())  # noqa: S603
        if done.returncode:
            raise ParameterError(f"study {study} of {args.preset} failed, see above")
    came = {name: results(root(), name, args.forecasters) for name in names}
    if args.out:
        pd.concat(came, names=["study"]).reset_index("study").to_csv(args.out, index=False)
    print(table(came))


if __name__ == "__main__":
    guarded(main)

"""python -m stages.prepare: the raw file in, the checked series out.

The file's path comes from params.yaml, while all other paths are arguments: DVC inserts a parameter into a
command unquoted, and the shell would run a file name such as `$(rm …).csv`.
"""

from __future__ import annotations

import stages.environment  # noqa: F401

import argparse
import sys
from pathlib import Path

from stages.failure import guarded
from stages.params import load_section
from stages.prepare.params import PrepareParams
from stages.prepare.stage import announce, prepare
from stages.prepare.tracked import untracked


def main(argv: list[str] | None = None) -> None:
    """Prepare the series that params.yaml names."""
    parser = argparse.ArgumentParser(prog="stages.prepare", description=__doc__)
    parser.add_argument("--series", type=Path, required=True)
    args = parser.parse_args(argv)
    params = load_section("params.yaml", "prepare", PrepareParams)
    series = prepare(Path(params.path), params)
    series.save(args.series)
    print(announce(series), file=sys.stderr)
    if note := untracked(params.path):
        print(note, file=sys.stderr)


if __name__ == "__main__":
    guarded(main)

"""python -m stages.prepare: the raw file in, the checked series out."""

from __future__ import annotations

import stages.pin  # noqa: F401

import argparse
import sys
from pathlib import Path

from stages.failure import guarded
from stages.params import load_section
from stages.prepare.params import PrepareParams
from stages.prepare.run import announce, prepare


def main(argv: list[str] | None = None) -> None:
    """Prepare the series that params.yaml names."""
    parser = argparse.ArgumentParser(prog="stages.prepare", description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--series", type=Path, required=True)
    args = parser.parse_args(argv)
    params = load_section("params.yaml", "prepare", PrepareParams)
    series = prepare(args.source, params)
    series.save(args.series)
    print(announce(series), file=sys.stderr)


if __name__ == "__main__":
    guarded(main)

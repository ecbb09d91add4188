"""python -m stages.compare RUN …: studies, or single λ of them, side by side, as a page and as text."""

from __future__ import annotations

from stages import environment  # isort: skip  (before numpy)

import argparse
import sys
from pathlib import Path

from stages.compare.diff import diff
from stages.failure import guarded


def main(argv: list[str] | None = None) -> int:
    """Compare what the arguments name; 0, or 2 where it is not available."""
    environment.quieten()
    parser = argparse.ArgumentParser("stages.compare", description=__doc__)
    parser.add_argument("runs", nargs="+", help="ids of runs, names of experiments, or revisions")
    parser.add_argument("--out", type=Path, default=Path("tmp/diff"), help="folder of the result")
    flags = parser.parse_args(argv)
    return diff(flags.runs, flags.out)


if __name__ == "__main__":
    guarded(lambda: sys.exit(main()))

"""python -m stages.report.headline FOLDER: the answer of the report in that folder, and where its page is."""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.failure import ParameterError, guarded


def headline(folder: Path) -> str:
    """The sentences that open report.md, a line each.

    Raises:
        ParameterError: there is no report in the folder.
    """
    path = folder / "report.md"
    if not path.exists():
        raise ParameterError(f"{path} does not exist; run a study first (make repro)")
    lines = path.read_text(encoding="utf-8").splitlines()
    answer = next(line for line in lines if line.startswith("**Validation"))
    return answer.strip("*").replace(". Whether", ".\nWhether")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(prog="stages.report.headline", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print(f"\n{headline(folder)}\nThe page: {(folder / 'index.html').resolve()}")


if __name__ == "__main__":
    guarded(main)

"""Writes the report of a study: python -m stages.report --help."""

from __future__ import annotations

import stages.environment  # noqa: F401  (before numpy)

import argparse  # isort: skip
from pathlib import Path

from stages.failure import guarded
from stages.params import load_section
from stages.report.params import ReportParams
from stages.report.stage import run


def main() -> None:
    """Read the arguments and the section `report`, write the report."""
    parser = argparse.ArgumentParser(prog="stages.report", description=__doc__)
    for name in ("series", "development", "fits", "scores", "forecasts", "report"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    flags = parser.parse_args()
    run(
        series=flags.series,
        development=flags.development,
        fits=flags.fits,
        scores=flags.scores,
        forecasts=flags.forecasts,
        folder=flags.report,
        params=load_section("params.yaml", "report", ReportParams),
    )


if __name__ == "__main__":
    guarded(main)

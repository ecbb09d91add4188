"""python -m stages.evaluate: scores networks and baselines on the test part and on validation windows."""

from __future__ import annotations

import stages.environment  # noqa: F401

import argparse
from pathlib import Path

from stages.failure import guarded
from stages.networks.kernels.cache import use_cache
from stages.params import load_section


def main() -> None:
    """Read the arguments and the section `evaluate`, load, score, save."""
    parser = argparse.ArgumentParser(prog="stages.evaluate", description=__doc__)
    for name in ("development", "test", "fits", "forecasts", "scores"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()

    use_cache()

    from stages.artifacts.fits import load_fits
    from stages.artifacts.windows import Windows
    from stages.evaluate.params import EvaluateParams
    from stages.evaluate.stage import run

    params = load_section("params.yaml", "evaluate", EvaluateParams)
    development, test = Windows.load(args.development), Windows.load(args.test)
    run(development, test, load_fits(args.fits), params, args.forecasts, args.scores)


if __name__ == "__main__":
    guarded(main)

"""python -m stages.window: series in, windows of the development and of the test part out."""

from __future__ import annotations

import stages.pin  # noqa: F401

import argparse
from pathlib import Path

from stages.artifacts.series import Series
from stages.failure import guarded
from stages.params import ParameterError, load_section, read_yaml
from stages.window.params import WindowParams
from stages.window.run import make_windows


def main(argv: list[str] | None = None) -> None:
    """Cut the windows that params.yaml asks for."""
    parser = argparse.ArgumentParser(prog="stages.window", description=__doc__)
    parser.add_argument("--series", type=Path, required=True)
    parser.add_argument("--development", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    args = parser.parse_args(argv)
    params = load_section("params.yaml", "window", WindowParams)
    development, test = make_windows(Series.load(args.series), params, _season())
    development.save(args.development)
    test.save(args.test)


def _season() -> int | None:
    """evaluate.season, the one number that this stage shares with another."""
    season = (read_yaml("params.yaml").get("evaluate") or {}).get("season")
    if season is not None and (not isinstance(season, int) or season < 1):
        raise ParameterError(
            f"evaluate.season = {season!r} must be a whole number of steps from 1 on, or null"
        )
    return season


if __name__ == "__main__":
    guarded(main)

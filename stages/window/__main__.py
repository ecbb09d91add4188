"""python -m stages.window: series in, windows of the development and of the test part out."""

from __future__ import annotations

import stages.environment  # noqa: F401

import argparse
import json
import sys
from pathlib import Path

from stages.artifacts.series import Series
from stages.evaluate.season_params import SeasonParams
from stages.evaluate.baselines.season import season_of
from stages.failure import guarded
from stages.params import load_section
from stages.window.params import WindowParams
from stages.window.stage import make_windows
from stages.window.summary import lines, summary


def main(argv: list[str] | None = None) -> None:
    """Cut the windows that params.yaml asks for.

    A study for which `evaluate` will need a season and none is known is refused here, before any training.
    """
    parser = argparse.ArgumentParser(prog="stages.window", description=__doc__)
    for name in ("series", "development", "test", "summary"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args(argv)
    params = load_section("params.yaml", "window", WindowParams)
    seasonal = load_section("params.yaml", "evaluate", SeasonParams)
    series = Series.load(args.series)
    season = season_of(seasonal, series.calendar)
    development, test = make_windows(series, params, season)
    content = summary(development, test)
    for line in lines(content):
        print(f"window: {line}", file=sys.stderr)
    development.save(args.development)
    test.save(args.test)
    text = json.dumps(content, indent=2, ensure_ascii=False)
    args.summary.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    guarded(main)

"""python -m stages.serving: the next steps of the study's series, or of a CSV, with a picture.

Uses the chosen model of the last study (`chosen/model.safetensors` below the report), all its seeds.
"""

from __future__ import annotations

import stages.pin  # noqa: F401

import argparse
import sys
from pathlib import Path

import pandas as pd

from stages.failure import guarded
from stages.networks.compiled import use_cache
from stages.params import load_section


def main(argv: list[str] | None = None) -> None:
    """Write forecast.csv, and picture.svg with picture.csv, the numbers in it.

    Raises:
        ValueError: the table cannot be forecast from, or there is no model.
    """
    parser = argparse.ArgumentParser(prog="stages.serving", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model.safetensors of a report")
    parser.add_argument("--series", type=Path, required=True, help="the folder that prepare wrote")
    parser.add_argument("--csv", type=Path, help="other data: unique_id, ds, y and covariates")
    parser.add_argument("--out", type=Path, required=True, help="folder of the result")
    flags = parser.parse_args(argv)
    use_cache()
    from stages.artifacts.series import Series
    from stages.serving.chosen import Chosen
    from stages.serving.picture import draw

    if not flags.model.exists():
        raise ValueError(
            f"{flags.model} is not there; make a study first (`make repro`), or `dvc pull`"
        )
    chosen = Chosen.load(flags.model)
    if flags.csv is None:
        table = _filled(Series.load(flags.series).frame)
    elif flags.csv.exists():
        table = pd.read_csv(flags.csv)
    else:
        raise ValueError(f"{flags.csv} is not there; name a CSV with unique_id, ds, y")
    forecast = chosen.forecast(table)
    flags.out.mkdir(parents=True, exist_ok=True)
    forecast.to_csv(flags.out / "forecast.csv", index=False, lineterminator="\n")
    draw(chosen, table, forecast, flags.out)
    what = f"{chosen.meta['cell']} at λ = {chosen.meta['lam']:.4g}, {len(chosen.weights)} seeds"
    print(f"{what}: {flags.out / 'forecast.csv'}, {flags.out / 'picture.svg'}", file=sys.stderr)


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The study's series with gaps filled from the past, where its windows have them filled so."""
    from stages.window.params import WindowParams

    params = load_section("params.yaml", "window", WindowParams)
    if params.missing != "forward":
        return frame
    filled = frame.copy()
    values = [str(name) for name in frame if name not in ("unique_id", "ds")]
    groups = frame.groupby("unique_id", sort=False)[values]
    filled[values] = groups.ffill(limit=params.fill_limit)
    return filled


if __name__ == "__main__":
    guarded(main)

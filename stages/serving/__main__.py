"""python -m stages.serving: the next steps of the study's series, or of a CSV, with a picture.

Uses the chosen model of the last study (`chosen/model.safetensors` below the report), all its seeds.
"""

from __future__ import annotations

import stages.environment  # noqa: F401

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.failure import guarded
from stages.networks.kernels.cache import use_cache

if TYPE_CHECKING:
    import pandas as pd

    from stages.artifacts.windows import Layout


def main(argv: list[str] | None = None) -> None:
    """Write forecast.csv, and picture.svg with picture.csv, the numbers in it.

    Raises:
        ValueError: there is no model, or nothing can be forecast.
    """
    parser = argparse.ArgumentParser(prog="stages.serving", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model.safetensors of a report")
    parser.add_argument("--series", type=Path, required=True, help="the folder that prepare wrote")
    parser.add_argument("--csv", type=Path, help="other data: unique_id, ds, y and covariates")
    parser.add_argument("--out", type=Path, required=True, help="folder of the result")
    flags = parser.parse_args(argv)
    use_cache()
    from stages.artifacts.series import Series
    from stages.serving.served import Served
    from stages.serving.picture import draw

    for path, remedy in (
        (flags.model, "run a study first (make repro)"),
        (flags.csv, "name a CSV"),
    ):
        if path is not None and not path.exists():
            raise ValueError(f"{path} does not exist; {remedy}")
        if path is not None and path.is_dir():
            raise ValueError(f"{path} is a folder, not a file; {remedy}")
    chosen = Served.load(flags.model)
    data = _data(flags.csv, chosen.layout) if flags.csv else Series.load(flags.series)
    lives = chosen.read(data)
    forecast = chosen.forecast_lives(lives)
    flags.out.mkdir(parents=True, exist_ok=True)
    forecast.to_csv(flags.out / "forecast.csv", index=False, lineterminator="\n")
    levels = () if chosen.intervals is None else chosen.intervals.levels
    draw(lives, forecast, chosen.layout.calendar, 2 * chosen.steps, flags.out, levels)
    _print_notes(forecast)
    what = f"{chosen.name} at λ = {chosen.lam:.4g}, {len(chosen.weights)} seeds"
    print(f"{what}: {flags.out / 'forecast.csv'}, {flags.out / 'picture.svg'}", file=sys.stderr)


def _data(path: Path, layout: Layout) -> Any:
    """The file as a table of unique_id, ds, y; a file without these as `prepare` reads the study's."""
    from stages.params import load_section
    from stages.prepare.params import PrepareParams
    from stages.prepare.stage import prepare
    from stages.serving.file import read_file
    from stages.serving.input.table import KEYS, column_of

    params = partial(load_section, "params.yaml", "prepare", PrepareParams)
    names = [column_of(covariate) for covariate in layout.covariates]
    table = read_file(path, ["y", *names], params)
    if table is not None:
        # In a study's long file the column y may be its covariate of this name.
        ambiguous = set(KEYS) & set(layout.covariates) and not set(names) <= set(table)
        if not (ambiguous and params().format == "long"):
            return table
    dates = layout.calendar.time == "datetime"
    changes = {"path": str(path)} | ({"frequency": layout.calendar.frequency} if dates else {})
    return prepare(path, params().model_copy(update=changes))


def _print_notes(forecast: pd.DataFrame) -> None:
    """The notes of the first series that have one."""
    notes = forecast.loc[forecast["note"] != "", ["unique_id", "note"]].drop_duplicates()
    for name, note in notes.head(10).itertuples(index=False):
        print(f"{name}: {note}", file=sys.stderr)
    if len(notes) > 10:
        print(f"and {len(notes) - 10} more, in the column note", file=sys.stderr)


if __name__ == "__main__":
    guarded(main)

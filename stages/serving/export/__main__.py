"""python -m stages.serving.export: the chosen model as torch modules, for use without this repository."""

from __future__ import annotations

import stages.environment  # noqa: F401

import argparse
import json
import shutil
import sys
from pathlib import Path

from stages.artifacts import container
from stages.artifacts.chosen import Chosen
from stages.failure import guarded
from stages.forecast.networks import network_of
from stages.serving.export.config import config_of
from stages.serving.export.state import CELLS_OF_TORCH, state_of, state_of_ridge

LOADER = "load.py"


def main(argv: list[str] | None = None) -> None:
    """Write state_dict.safetensors, config.json and load.py.

    Raises:
        ValueError: there is no model, torch has no module of its cell, or no folder can be written.
    """
    parser = argparse.ArgumentParser(prog="stages.serving.export", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model.safetensors of a report")
    parser.add_argument("--out", type=Path, required=True, help="folder of the result")
    flags = parser.parse_args(argv)
    if not flags.model.is_file():
        what = "is a folder, not a file" if flags.model.is_dir() else "does not exist"
        raise ValueError(f"{flags.model} {what}; run a study first (make repro)")
    for path in (flags.out, *flags.out.parents):
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} is a file; name a folder that can be written (--out)")
    export(Chosen.load(flags.model), flags.out)
    print(f"the chosen model, for torch alone: {flags.out / LOADER}", file=sys.stderr)


def export(chosen: Chosen, folder: Path) -> None:
    """Write the three files.

    Raises:
        ValueError: torch has no module of the cell, or it takes in values known over the horizon.
    """
    network = network_of(chosen.config)
    if network.cell not in CELLS_OF_TORCH:
        raise ValueError(
            f"cell {network.cell!r} is not one of torch's modules, so it cannot be exported; choose among "
            f"{', '.join(CELLS_OF_TORCH)} (train.cells)"
        )
    if network.future:
        raise ValueError(
            "the model takes in values that are known over the horizon (prepare.covariates.future or "
            "window.calendar), which the exported loader does not read; use `make forecast` or `make serve`"
        )
    state = {
        f"networks.{seed}.{name}": array
        for seed, weights in enumerate(chosen.weights)
        for name, array in state_of(network, weights).items()
    }
    if chosen.ridge is not None:
        state |= {f"ridge.{name}": array for name, array in state_of_ridge(chosen.ridge).items()}
    text = json.dumps(config_of(chosen), ensure_ascii=False, allow_nan=False, indent=1)
    container.save(folder / "state_dict.safetensors", state, {})
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name(LOADER), folder / LOADER)


if __name__ == "__main__":
    guarded(main)

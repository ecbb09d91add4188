"""python -m stages.train: windows in, fits out."""

from __future__ import annotations

import stages.pin  # noqa: F401

import argparse
from pathlib import Path

from stages.failure import guarded
from stages.networks.compiled import use_cache
from stages.params import load_section
from stages.train.params import TrainParams


def main(argv: list[str] | None = None) -> None:
    """Train the study that params.yaml names."""
    parser = argparse.ArgumentParser(prog="stages.train", description=__doc__)
    parser.add_argument("--development", type=Path, required=True)
    parser.add_argument("--fits", type=Path, required=True)
    args = parser.parse_args(argv)
    params = load_section("params.yaml", "train", TrainParams)
    use_cache()

    from stages.artifacts.fits import save_fits
    from stages.train.store import MemberStore, limit_bytes, store_folder
    from stages.train.study import train_study

    limit, store = limit_bytes(), MemberStore(store_folder())
    fits = train_study(args.development, params, store)
    save_fits(args.fits, fits)
    store.prune(limit)


if __name__ == "__main__":
    guarded(main)

"""python -m stages.train: windows in, fits out."""

from __future__ import annotations

from stages import environment

import argparse
from pathlib import Path

from stages.failure import guarded
from stages.networks.kernels.cache import use_cache
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
    from stages.train.pool.store import MemberStore
    from stages.train.stage import train_study

    limit, store = environment.store_bytes(), MemberStore(environment.members_folder())
    fits = train_study(args.development, params, store)
    save_fits(args.fits, fits)
    store.prune(limit)


if __name__ == "__main__":
    guarded(main)

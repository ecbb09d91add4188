"""python -m stages.tracking COMMAND …: a study's files as runs in MLflow.

Files are the truth and MLflow is their mirror: no stage reads anything from there, and none fails where the
store is slow or does not answer. Within the pipeline: `train` (show the curves while they grow), `report`
(log the study). By hand: `sync`, `reproduce`, `promote`; the Makefile has a target for each.

Environment: MLFLOW_TRACKING_URI (another store); RIDGELINE_TRACKING=off (nothing is logged within the
pipeline); RIDGELINE_TRACKING_SECONDS (how long to wait for the store in all: 60).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stages.environment import tracks
from stages.tracking.store.log import complain, log_report


def main(argv: list[str] | None = None) -> int:
    """Run one command. Within the pipeline always 0 except for wrong usage: tracking never fails a study."""
    flags = _arguments(argv)
    if flags.command == "sync":
        from stages.tracking.commands.sync import sync

        return sync(flags.revisions)
    if flags.command == "reproduce":
        from stages.tracking.commands.reproduce import reproduce

        return reproduce(flags.run)
    if flags.command == "promote":
        from stages.tracking.commands.promote import promote

        return promote(flags.revision)
    return _in_pipeline(flags)


def _in_pipeline(flags: argparse.Namespace) -> int:
    if not tracks():
        return 0
    paths = {k: v for k, v in vars(flags).items() if isinstance(v, Path)}
    try:
        if flags.command == "report":
            log_report(paths)
        else:
            from stages.tracking.live import watch

            if flags.command == "train":
                watch.start(**paths)
            else:
                watch.watch(**paths, pid=flags.pid)
    except Exception as error:
        complain("the study" if flags.command == "report" else "training curves", error)
    return 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("stages.tracking", description=__doc__, formatter_class=form)
    commands = parser.add_subparsers(dest="command", required=True)
    in_pipeline = {
        "train": ("show training in MLflow while it goes on", ("development", "fits")),
        "watch": ("the process that `train` starts", ("development", "fits")),
        "report": ("log a study's files", ("development", "fits", "scores", "report")),
    }
    for name, (text, paths) in in_pipeline.items():
        command = commands.add_parser(name, help=text)
        for flag in paths:
            command.add_argument(f"--{flag}", type=Path, required=True)
        if name == "watch":
            command.add_argument("--pid", type=int, required=True, help="of the pipeline")
    sync = commands.add_parser("sync", help="log what files and DVC's cache have and MLflow lacks")
    sync.add_argument("revisions", nargs="*", help="commits or experiments; default: all")
    reproduce = commands.add_parser("reproduce", help="run a run's study again and compare")
    reproduce.add_argument("run", help="id of a run, name of an experiment, or revision")
    promote = commands.add_parser("promote", help="register a committed study's chosen model")
    promote.add_argument("revision", nargs="?", default="HEAD", help="a commit; default: HEAD")
    return parser.parse_args(argv)


if __name__ == "__main__":
    from stages.failure import guarded

    guarded(lambda: sys.exit(main()))

"""The process that watches a pipeline: shows training curves in MLflow while they grow, and logs the study.

Starting MLflow takes seconds, and training uses all cores; so this process starts with `train`, gives way to
it (`os.nice`), and is ready when `report` has written its files. It ends with the study, or with the process
that ran the pipeline.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stages.tracking.store.log import log_notes, watching
from stages.tracking.store.pending import Note, pending

NICE = 10
LOOK_SECONDS = 0.05  # between two looks for a study to log
# For so long training has all cores to itself: a shorter one is not worth watching.
HEAD_START_SECONDS = 20.0


def start(development: Path, fits: Path) -> None:
    """Start the process; it must not hold the pipeline's terminal or pipes."""
    command = [sys.executable, "-m", "stages.tracking", "watch", "--pid", str(_pipeline())]
    command += ["--development", str(development), "--fits", str(fits)]
    silent = subprocess.DEVNULL
    subprocess.Popen(  # noqa: S603
        command, stdin=silent, stdout=silent, stderr=silent, start_new_session=True
    )


def _pipeline() -> int:
    """The process that runs the stages: the nearest ancestor of this one that is neither a shell nor make."""
    import psutil

    parent = psutil.Process().parent()
    while parent is not None and parent.name() in ("sh", "bash", "dash", "zsh", "make"):
        parent = parent.parent()
    return parent.pid if parent is not None else 1


def watch(development: Path, fits: Path, pid: int) -> None:
    """Watch until the study is logged or the pipeline has ended. What fails is left for `report` to print."""
    import psutil
    from filelock import Timeout

    begun = time.time()  # before the lock is taken: `report` may write a note as soon as it is
    lock = watching()
    try:
        lock.acquire(timeout=0)
    except Timeout:  # another process watches this folder
        return
    failed = Path(str(lock.lock_file)).with_suffix(".failed")
    failed.unlink(missing_ok=True)
    os.nice(NICE)
    try:
        pipeline = psutil.Process(pid)
        _follow(development, fits, pipeline.is_running, begun)
    except psutil.NoSuchProcess:
        pass
    except Exception as error:
        failed.write_text(str(error).strip() or type(error).__name__, encoding="utf-8")
    finally:
        lock.release()


def _follow(development: Path, fits: Path, alive: Callable[[], bool], begun: float) -> None:
    from stages.artifacts.fits import complete

    watched = str(fits.resolve())
    while alive() and not complete(fits) and time.time() < begun + HEAD_START_SECONDS:
        time.sleep(LOOK_SECONDS)
    from stages.tracking.live.curves import Live  # slow, and `train`'s command needs none of it

    live = Live(development, fits)

    def finished(note: Note) -> bool:
        """Whether it is this pipeline's; an earlier one may have left another."""
        return note.paths.get("fits") == watched and note.written() >= begun

    while True:
        if any(finished(note) for note in pending()):
            log_notes(finished)
            return
        running = alive()
        try:
            live.step(running)
        except Exception:  # curves are an extra; whether the study can be logged shows at its end
            live.over = True
        if not running:
            return
        time.sleep(LOOK_SECONDS)

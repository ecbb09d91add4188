"""Logging a finished study: by the process that watched it train, or else by `report` itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stages.tracking.store.pending import Note, note_of, pending

if TYPE_CHECKING:
    from filelock import FileLock

PATIENCE = 75.0  # seconds that `report` waits for the watching process, which has its own limit
# MLflow's message when a server does not answer: the inner workings of its client
_AWAY = re.compile(r"API request to (\S+?)/api/\S+ failed with exception HTTP")
LATER = "nothing else is affected. Log it later: make sync"


def watching() -> FileLock:
    """The lock that the watching process of this working folder holds as long as it runs."""
    from filelock import FileLock

    path = Path.cwd() / "mlflow" / ".watch.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def log_notes(keep: Callable[[Note], bool] = lambda note: True) -> int:
    """Log the studies of those notes whose files are there; how many these are.

    Raises:
        Exception: whatever the store raised; the notes are kept.
    """
    if not any(keep(note) for note in pending()):
        return 0
    from stages.tracking.store.mirror import mirror
    from stages.tracking.store.runs import Files, log_study

    with mirror() as store:
        notes = [note for note in pending() if keep(note) and note.current()]
        for note in notes:
            store.run_tags = note.tags
            paths = {flag: Path(path) for flag, path in note.paths.items()}
            log_study(store, note.key, note.params, Files(**paths))
            store.write()
            note.discard()
    return len(notes)


def log_report(paths: dict[str, Path]) -> None:
    """Save a note of the study, and return once the study is logged.

    Raises:
        Exception: the store's; or RuntimeError with the watching process's error.
    """
    note = note_of(paths)
    note.save()
    lock = watching()
    with lock.acquire(timeout=PATIENCE, poll_interval=0.03):
        pass  # the watching process has ended, or there was none
    failed = Path(str(lock.lock_file)).with_suffix(".failed")
    if note.file.exists() and failed.exists():
        reason = failed.read_text(encoding="utf-8")
        failed.unlink()
        raise RuntimeError(reason)
    if note.file.exists():
        log_notes(lambda other: other.key == note.key)


def complain(what: str, error: Exception) -> None:
    """One line on standard error: what was not logged, why, and how to log it later."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    away = _AWAY.match(reason)
    shown = f"{away[1]} does not answer" if away else reason[:200]
    print(f"tracking: not logged to MLflow: {what} ({shown}); {LATER}", file=sys.stderr)

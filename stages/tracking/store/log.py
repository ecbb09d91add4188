"""A finished study is logged: by the process that watched it train, or else by `report` itself."""

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
# MLflow's words for a server that is away: the inner workings of its client
_AWAY = re.compile(r"API request to (\S+?)/api/\S+ failed with exception HTTP")
LATER = "nothing else is affected. Log it later: make sync"


def watching() -> FileLock:
    """The lock that the process beside this working folder's pipeline holds as long as it lives."""
    from filelock import FileLock

    place = Path.cwd() / "mlflow" / ".watch.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(place)


def log_notes(keep: Callable[[Note], bool] = lambda note: True) -> int:
    """Log the notes whose files are there; how many.

    Raises:
        Exception: whatever the store raised; the notes stay.
    """
    if not any(keep(note) for note in pending()):
        return 0
    from stages.tracking.store.mirror import mirror
    from stages.tracking.store.runs import Files, log_study

    with mirror() as store:
        own = [note for note in pending() if keep(note) and note.current()]
        for note in own:
            store.run_tags = note.tags
            paths = {flag: Path(path) for flag, path in note.paths.items()}
            log_study(store, note.key, note.params, Files(**paths))
            store.write()
            note.discard()
    return len(own)


def log_report(paths: dict[str, Path]) -> None:
    """Leave a note, and see to it that it is logged before this returns.

    Raises:
        Exception: the store's; or RuntimeError with what the watching process met.
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

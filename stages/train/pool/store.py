"""The member store: finished members and the latest checkpoints of running ones.

An entry's key is a digest of all that determines it, so an entry is either right or absent; deleting
the store, or a part of it, is safe at any moment: a missing entry is trained again. Writes are atomic
and entries are never changed, so any number of runs can share a store.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts import container

WRITING_SECONDS = 3600.0  # a temporary file that is older was left by a killed process

Entry = tuple[dict[str, np.ndarray], dict[str, Any]]


class MemberStore:
    """Entries by key below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, key: str, suffix: str) -> Path:
        return self.root / key[:2] / f"{key}{suffix}"

    def get(self, key: str, *, partial: bool = False) -> Entry | None:
        """The entry, or None; a damaged entry is reported and removed, and gives None."""
        path = self._path(key, ".partial" if partial else ".member")
        try:
            arrays, meta = container.load(path)
            arrays = {name: np.array(value) for name, value in arrays.items()}
            damaged = meta.pop("checksum", None) != _checksum(arrays, meta)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, OSError):
            damaged = True
        if damaged:
            print(f"member store: {path} is damaged; it will be trained again", file=sys.stderr)
            path.unlink(missing_ok=True)
            return None
        if not partial:
            with suppress(FileNotFoundError):  # another run has pruned it
                os.utime(path)  # pruning removes what was unused for longest
        return arrays, meta

    def put(
        self,
        key: str,
        arrays: dict[str, np.ndarray],
        meta: dict[str, Any],
        *,
        partial: bool = False,
    ) -> None:
        """Write an entry; a finished one replaces its checkpoint."""
        path = self._path(key, ".partial" if partial else ".member")
        container.save(path, arrays, {**meta, "checksum": _checksum(arrays, meta)})
        if not partial:
            self._path(key, ".partial").unlink(missing_ok=True)

    def __contains__(self, key: str) -> bool:
        return self._path(key, ".member").exists()

    def prune(self, limit: int) -> int:
        """Remove the entries unused for longest until at most `limit` bytes are left; returns how many.

        What another run is writing at the moment is left alone.
        """
        entries, young = [], time.time() - WRITING_SECONDS
        for path in self.root.glob("*/*"):
            try:
                status = path.stat()
            except FileNotFoundError:  # another run was quicker
                continue
            if path.name.startswith(".") and status.st_mtime > young:
                continue
            entries.append((status.st_mtime, status.st_size, path))
        total, removed = sum(size for _, size, _ in entries), 0
        for _, size, path in sorted(entries):
            if total <= limit:
                break
            path.unlink(missing_ok=True)
            total, removed = total - size, removed + 1
        return removed


def _checksum(arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> str:
    digest = hashlib.sha256(repr(sorted(meta.items())).encode())
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}{value.dtype.str}{value.shape}".encode())
        digest.update(value.data.cast("B") if value.size else b"")
    return digest.hexdigest()

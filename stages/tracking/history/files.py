"""The files that a dvc.lock names: from DVC's cache, git, the workspace or a remote."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from stages.tracking.history.git import committed_file


class Cache:
    """Where a repository's outputs come from."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _settings(self) -> tuple[Path, bool]:
        """The cache's folder, and whether there is a remote."""
        from dvc.repo import Repo

        with Repo(str(self.root)) as repo:
            return Path(repo.cache.local.path), bool(repo.config.get("remote"))

    @property
    def folder(self) -> Path:
        """DVC keeps a file below it as <first two digits of its md5>/<the others>."""
        return self._settings[0]

    def bring(self, sha: str, path: str, md5: str, target: Path) -> bool:
        """Put an output of a commit (of the workspace: sha "") at `target`; whether it was available.

        Files of the cache are linked one by one; others are copied.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        if self._linked(md5, target):
            return True
        if not sha and (self.root / path).exists():
            target.symlink_to((self.root / path).resolve())
            return True
        content = committed_file(self.root, sha, path) if sha else None
        if content is not None:
            target.write_bytes(content)
            return True
        return self._settings[1] and self._downloaded(sha, path, target)

    def _linked(self, md5: str, target: Path) -> bool:
        cached = self._cached(md5)
        files = {target: cached}
        if cached is not None and md5.endswith(".dir"):
            listed = json.loads(cached.read_text(encoding="utf-8"))
            files = {target / entry["relpath"]: self._cached(entry["md5"]) for entry in listed}
        if None in files.values():
            return False
        for link, file in files.items():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(str(file))
        return True

    def _cached(self, md5: str) -> Path | None:
        path = self.folder / md5[:2] / md5[2:]
        return path if path.exists() else None

    def _downloaded(self, sha: str, path: str, target: Path) -> bool:
        """Copy it from a remote, where `dvc get` looks for any revision; whether that worked."""
        command = [sys.executable, "-m", "dvc", "get", str(self.root), path, "-o", str(target)]
        command += ["--rev", sha] if sha else []
        return subprocess.run(command, capture_output=True).returncode == 0  # noqa: S603

"""git, called by its command line."""

from __future__ import annotations

import subprocess
from pathlib import Path


class UnavailableError(RuntimeError):
    """What was asked for is not available here; the message says why and how to get it."""


def git(root: Path, *arguments: str, check: bool = True) -> str:
    """Standard output of a git command.

    Raises:
        UnavailableError: git's message, if it failed and `check` is set.
    """
    done = subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        cwd=root,
        capture_output=True,
        text=True,
    )
    if check and done.returncode:
        raise UnavailableError(done.stderr.strip() or f"git {arguments[0]} failed")
    return done.stdout.strip("\n") if done.returncode == 0 else ""


def prefix(root: Path) -> str:
    """Where the project lies in its git repository: "", or a path with `/` at its end."""
    return git(root, "rev-parse", "--show-prefix")


def committed_file(root: Path, sha: str, path: str) -> bytes | None:
    """The bytes of a file of a commit; None where the commit has no such file."""
    name = f"{sha}:{prefix(root)}{path}"
    if git(root, "cat-file", "-t", name, check=False) != "blob":
        return None
    command = ["git", "cat-file", "blob", name]
    return subprocess.run(command, cwd=root, capture_output=True, check=True).stdout  # noqa: S603

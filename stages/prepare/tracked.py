"""Whether others can have the file of prepare.path: experiments in temporary folders, and other clones."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

ELSEWHERE = "`dvc exp run --queue` and `--temp` and other clones will not find it"


def missing(path: Path | str) -> str:
    """The sentence for a file of prepare.path that is not there: why that may be, and the remedy."""
    name = str(path)
    quoted = _quoted(name)
    return (
        f"prepare.path = {name!r} is not there; paths are relative to the repository. If only an experiment "
        "of --queue or --temp, or a clone, lacks it, then neither git nor DVC has it: "
        f"`git add {quoted}` and commit, or `dvc add {quoted}`"
    )


def untracked(path: Path | str) -> str | None:
    """One sentence where neither git nor DVC has the file, or it lies outside the repository; else None.

    None as well where there is no git or no repository: then there are no other clones. Never raises.
    """
    try:
        return _untracked(str(path))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def kept_by_dvc(path: Path | str) -> bool:
    """Whether a file beside it, or beside a folder that holds it, says that `dvc add` has it."""
    parts = [Path(path), *Path(path).parents]
    return any(p.name and p.with_name(f"{p.name}.dvc").is_file() for p in parts)


def _untracked(name: str) -> str | None:
    top = _git("rev-parse", "--show-toplevel")
    if top is None:
        return None
    root, file = Path(top.removesuffix("\n")).resolve(), Path(os.path.abspath(name))
    if not file.is_relative_to(root):
        return (
            f"prepare.path = {name!r} lies outside the repository: {ELSEWHERE} on another machine; "
            "copy it into the repository, and `git add` or `dvc add` it there"
        )
    in_git = _git("ls-files", "--error-unmatch", "--", f":(literal){name}") is not None
    if in_git or kept_by_dvc(name):
        return None
    quoted = _quoted(name)
    return (
        f"prepare.path = {name!r} is neither in git nor in DVC: {ELSEWHERE}; "
        f"`git add {quoted}` and commit, or `dvc add {quoted}`"
    )


def _git(*arguments: str) -> str | None:
    """What git says; None where it fails."""
    command = ["git", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)  # noqa: S603
    return done.stdout if done.returncode == 0 else None


def _quoted(name: str) -> str:
    """As an argument of a shell's command; a leading dash is no option then."""
    return shlex.quote(f"./{name}" if name.startswith("-") else name)

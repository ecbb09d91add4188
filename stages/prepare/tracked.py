"""Whether the file of prepare.path reaches other folders: temporary ones of experiments, and other clones."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

ELSEWHERE = "`dvc exp run --queue` and `--temp` and other clones will not find it"


def missing(path: Path | str) -> str:
    """The sentence for a prepare.path that does not exist: a possible cause, and the remedy."""
    name = str(path)
    return (
        f"prepare.path = {name!r} does not exist; paths are relative to the repository. If it is missing "
        f"only in an experiment of --queue or --temp, or in a clone, git does not have it: {_remedy(name)}"
    )


def untracked(path: Path | str) -> str | None:
    """One sentence where neither git nor DVC has the file, or it lies outside the repository; else None.

    None as well where there is no git or no repository: then there are no other clones. Never raises.
    """
    try:
        return _untracked(str(path))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def dvc_file_of(path: Path | str) -> Path | None:
    """The `.dvc` file that `dvc add` wrote for it, or for a folder that holds it; None: there is none."""
    files = [p.with_name(f"{p.name}.dvc") for p in (Path(path), *Path(path).parents) if p.name]
    return next((file for file in files if file.is_file()), None)


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
    if _in_git(name):
        return None
    dvc_file = dvc_file_of(name)
    if dvc_file is None:
        return f"prepare.path = {name!r} is neither in git nor in DVC: {ELSEWHERE}; {_remedy(name)}"
    if _in_git(str(dvc_file)):
        return None
    return (
        f"prepare.path = {name!r} is in DVC by {str(dvc_file)!r}, which git does not have: {ELSEWHERE}; "
        f"`git add {_quoted(str(dvc_file))}` and commit"
    )


def _in_git(name: str) -> bool:
    return _git("ls-files", "--error-unmatch", "--", f":(literal){name}") is not None


def _git(*arguments: str) -> str | None:
    """git's output; None where it fails."""
    command = ["git", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)  # noqa: S603
    return done.stdout if done.returncode == 0 else None


def _remedy(name: str) -> str:
    file, dvc_file = _quoted(name), _quoted(f"{name}.dvc")
    return f"`git add {file}`, or `dvc add {file}` and `git add {dvc_file}`; then commit"


def _quoted(name: str) -> str:
    """The name as one argument in a shell; a leading dash does not make it an option."""
    return shlex.quote(f"./{name}" if name.startswith("-") else name)

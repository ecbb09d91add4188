"""python -m tests.support.changed: the tests that concern what has changed, for `make check`.

Changed are the files that differ from the last push, or from main where the branch was never pushed, and new
files. A file in a folder of stages/ concerns the folder of tests/ that has its name; another module concerns
the tests that import it; all else concerns the tests of the repository as a whole.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.support.closure import ROOT, imports

SMALL = "tests/forecast"  # tested where nothing has changed


def changed(root: Path) -> list[str]:
    """Paths of the repository's files that have changed, those that are gone included."""
    base = next((name for name in ("@{upstream}", "main") if _known(root, name)), "HEAD")
    different = ["diff", "--name-only", "--no-renames", "-z", "--merge-base", base]
    new = ["ls-files", "--others", "--exclude-standard", "-z"]
    return [path for command in (different, new) for path in _listed(root, command)]


def _known(root: Path, revision: str) -> bool:
    command = ["git", "rev-parse", "-q", "--verify", revision]
    return subprocess.run(command, cwd=root, capture_output=True).returncode == 0


def _listed(root: Path, command: list[str]) -> list[str]:
    done = subprocess.run(
        ["git", *command], cwd=root, check=True, stdout=subprocess.PIPE, text=True
    )
    return [path for path in done.stdout.split("\0") if path]


def tests_of(paths: Iterable[str]) -> list[str]:
    """The files and folders of tests that these files concern; a file in one of the folders is left out."""
    tests = {test for path in paths for test in _tests_of(path) if (ROOT / test).exists()}
    return sorted(t for t in tests if not tests & {p.as_posix() for p in Path(t).parents})


def _tests_of(path: str) -> set[str]:
    parts, name = Path(path).parts, Path(path).name
    if parts[0] == "tests" and name.startswith("test_"):
        return {path}
    if name == "conftest.py":
        return {Path(path).parent.as_posix()}
    if parts[0] == "stages" and (ROOT / "tests" / parts[1]).is_dir():
        return {f"tests/{parts[1]}"}
    files = {file.relative_to(ROOT).as_posix() for file in (ROOT / "tests").rglob("test_*.py")}
    return {file for file in files if path in imports(file)} or {"tests/repository"}


def main() -> None:
    """Print the tests on one line; why these, to standard error."""
    paths = changed(ROOT)
    tests = tests_of(paths) or [SMALL]
    why = f"changed files: {len(paths)}" if paths else "nothing has changed"
    print(f"{why}; the quick tests of {' '.join(tests)}", file=sys.stderr)
    print(*tests)


if __name__ == "__main__":
    main()

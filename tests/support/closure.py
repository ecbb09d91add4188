"""What a module imports of this project, read from its text: imports inside functions included."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("stages", "benchmarks", "tests")


def closure(start: str) -> set[str]:
    """Paths (relative to the repository) of all project modules that `start` can import.

    Empty files (a package's `__init__.py`) decide nothing and are left out.
    """
    paths: set[str] = set()
    todo = [start]
    while todo:
        path = todo.pop()
        if path in paths:
            continue
        paths.add(path)
        todo += imports(path)
    return {p for p in paths if (ROOT / p).stat().st_size}


@cache
def imports(path: str) -> frozenset[str]:
    """The project's modules that this one names."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(p for node in ast.walk(tree) for name in _names(node) for p in _files(name))


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "the project imports absolutely"
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _files(name: str) -> list[str]:
    """The files that importing a dotted name runs."""
    parts = name.split(".")
    if parts[0] not in FOLDERS:
        return []
    files = []
    for depth in range(1, len(parts) + 1):
        stem = "/".join(parts[:depth])
        files += [p for p in (f"{stem}.py", f"{stem}/__init__.py") if (ROOT / p).is_file()]
    return files

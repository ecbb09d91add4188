"""The class of a `Source`, from its text: nothing of `cells/` is imported from disk."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any

from stages.networks.module.source import FOLDER, Files


class _Texts(MetaPathFinder, InspectLoader):
    """Finds `cells` and its modules in given texts; folders are packages without code."""

    def __init__(self, files: Files) -> None:
        self.texts = dict(files)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        known = name in self.texts or self.is_package(name)
        return spec_from_loader(name, self, origin=name) if known else None

    def is_package(self, fullname: str) -> bool:
        return any(name.startswith(f"{fullname}.") for name in self.texts)

    def get_source(self, fullname: str) -> str:
        return self.texts.get(fullname, "")


@contextmanager
def _imports_from(files: Files) -> Iterator[None]:
    """Imports of `cells` are served from the texts; afterwards the interpreter is as it was."""
    finder = _Texts(files)
    before = {n: m for n, m in sys.modules.items() if n.split(".")[0] == FOLDER}
    for name in before:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n in sys.modules if n.split(".")[0] == FOLDER]:
            del sys.modules[name]
        sys.modules.update(before)


@cache
def class_of(name: str, files: Files) -> Any:
    """The class `name` (cells.FILE:CLASS) of these texts; whatever importing them raises goes through."""
    dotted, attribute = name.split(":")
    with _imports_from(files):
        return getattr(importlib.import_module(dotted), attribute)

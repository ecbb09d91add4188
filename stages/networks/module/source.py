"""A network of the user's: its name, the text of its code, and the shapes of its weights.

It is a class in a file of the folder `cells/`, named in `train.cells` as `cells.tcn:Convolution`. The text of
that file and of those of `cells/` that it imports is read once, when the study is planned. From then on the
text is the code: it is part of the members' keys, goes with the weights into fits and the chosen model, and
is what workers, `evaluate` and the served model run.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.networks.cells import CELLS

FOLDER = "cells"
NAME = re.compile(rf"{FOLDER}(\.[A-Za-z_]\w*)+:[A-Za-z][A-Za-z0-9]*", re.ASCII)
# Names that files of results or other forecasters have.
TAKEN = (*CELLS, FOLDER, "baselines", "ridge", "ar", "intervals")
# What a module may import besides files of its folder: what has its version in a member's key.
PACKAGES = ("torch", "numpy")
Files = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Source:
    """A class that is a network, as text.

    Attributes:
        name: as in `train.cells`. files: (dotted name, text) of its file and those of `cells/` it imports.
        shapes: of its parameters, in order; a member's flat vector is their values one after another.
    """

    name: str
    files: Files
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, values: dict[str, Any]) -> Source:
        """From JSON, which has lists for tuples."""
        files = tuple((name, text) for name, text in values["files"])
        return cls(values["name"], files, tuple(map(tuple, values["shapes"])))


def is_module(cell: str) -> bool:
    """Whether an entry of `train.cells` names a class of the user's."""
    return ":" in cell


def known_ahead(cell: str) -> str:
    """Why a class cannot be in a study with values that are known over the horizon."""
    return (
        f"train.cells names {cell!r}, whose windows end at the origin: it cannot take in "
        "prepare.covariates.future or window.calendar; take these or the class out"
    )


def known_cell(cell: str) -> str:
    """The entry itself.

    Raises:
        ValueError: it is neither a cell nor of the form of a class in `cells/`, or its label is taken.
    """
    if cell in CELLS:
        return cell
    if not is_module(cell):
        raise ValueError(
            f"is not a cell; choose any of {', '.join(CELLS)}, or a class of your own in a file of "
            f"{FOLDER}/, such as {FOLDER}.tcn:Convolution"
        )
    if not NAME.fullmatch(cell):
        raise ValueError(
            f"must be {FOLDER}.FILE:CLASS, such as {FOLDER}.tcn:Convolution: a file of {FOLDER}/ without its "
            "ending, and a class whose name has letters and digits only"
        )
    if label(cell) in TAKEN:
        raise ValueError(
            f"results would be called {label(cell)}, a name that is taken; call the class otherwise"
        )
    return cell


def label(cell: str) -> str:
    """What results call an entry of `train.cells`: of a class its name in lower case."""
    return cell.split(":")[1].lower() if is_module(cell) else cell


def read_files(name: str, root: Path) -> Files:
    """The text of the class's file and of all files of `cells/` that it imports, by dotted name.

    Raises:
        ValueError: a file is missing or not Python, or imports what a member's key does not cover.
    """
    texts: dict[str, str] = {}
    todo = [name.split(":")[0]]
    while todo:
        dotted = todo.pop()
        if dotted in texts:
            continue
        path = root / Path(*dotted.split(".")).with_suffix(".py")
        try:
            texts[dotted] = path.read_text(encoding="utf-8")
            tree = ast.parse(texts[dotted])
        except FileNotFoundError:
            raise refusal(name, f"there is no file {path.relative_to(root)}", "write it") from None
        except (SyntaxError, UnicodeDecodeError) as error:
            raise refusal(
                name, f"{path.relative_to(root)} is not Python ({error})", "correct it"
            ) from None
        for imported in _imports(name, dotted, tree):
            todo += _files_of(imported, root)
    return tuple(sorted(texts.items()))


def _imports(name: str, dotted: str, tree: ast.Module) -> Iterator[str]:
    """The modules of `cells/` that a file names."""
    inside = {
        id(node)
        for scope in ast.walk(tree)
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(scope)
    }
    for node in ast.walk(tree):
        for imported in _named(node, dotted):
            top = imported.split(".")[0]
            if top == FOLDER and id(node) in inside:
                raise refusal(
                    name,
                    f"{dotted} imports {imported} inside a function",
                    "import it at the top of the file",
                )
            if top == FOLDER:
                yield imported
            elif top not in PACKAGES and top not in sys.stdlib_module_names:
                raise refusal(
                    name, f"{dotted} imports {top}, which the key of a trained network does not cover",
                    f"import only torch, numpy, Python's own modules and files of {FOLDER}/",
                )  # fmt: skip


def _named(node: ast.AST, dotted: str) -> Iterable[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = dotted.split(".")[: -node.level]
            base = ".".join([*parents, *([node.module] if node.module else [])])
        return [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return []


def _files_of(imported: str, root: Path) -> list[str]:
    """The file that an import of `cells/` runs: the longest part of the dotted name that is one."""
    parts = imported.split(".")
    for depth in range(len(parts), 1, -1):
        if (root / Path(*parts[:depth])).with_suffix(".py").is_file():
            return [".".join(parts[:depth])]
    return []


def refusal(name: str, fault: str, remedy: str) -> ValueError:
    """The sentence in which a network of the user's is refused."""
    return ValueError(f"train.cells: {name} cannot be trained: {fault}; {remedy}")

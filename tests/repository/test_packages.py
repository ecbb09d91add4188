"""The packages of pyproject.toml: each named once, pinned alike in both files, and imported by the stages."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import packages_distributions

from tests.support.closure import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]


def name_of(pin: str) -> str:
    """The package of `name==version`, as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", pin.split("==")[0]).lower()


def imported() -> set[str]:
    """The packages that any module of the stages imports, imports inside functions included."""
    modules = set()
    for path in (ROOT / "stages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules |= {node.module.split(".")[0]}
    packages = packages_distributions()
    return {name_of(package) for module in modules for package in packages.get(module, ())}


def test_each_package_is_named_once():
    names = [name_of(pin) for pin in DIRECT]
    assert len(set(names)) == len(names)


def test_the_stages_import_each_package_that_they_are_installed_with():
    """What another package needs is in requirements.txt alone: pip finds the version that fits."""
    assert {name_of(pin) for pin in PROJECT["dependencies"]} <= imported()


def test_both_files_pin_the_same_versions():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    locked = {name_of(line): line.split("==")[1] for line in lines if "==" in line}
    assert {name_of(pin): pin.split("==")[1] for pin in DIRECT}.items() <= locked.items()

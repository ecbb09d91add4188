"""How the page was made: settings, versions, digests, and the commands that make and compare it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stages.report.page.parts import Commands, Section, Sources, Table, Text

# The packages that compute the numbers; all are pinned.
PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "numba", "llvmlite", "safetensors", "statsmodels",
    "statsforecast", "matplotlib", "jinja2", "dvc",
)  # fmt: skip

COMMANDS = (
    ("dvc repro", "makes this page again, to the same bytes; what is up to date is not run"),
    ("dvc status", "says whether the files still belong to params.yaml and the code"),
    ("dvc params diff HEAD~1", "which settings differ from the commit before"),
    ("dvc metrics diff HEAD~1", "which results differ from the commit before"),
    ("dvc plots diff HEAD~1", "both paths and curves in one figure"),
    ("dvc exp show --only-changed", "this study and all experiments, compared"),
)


def section(sources: Sources) -> Section:
    """Everything that determines the numbers above."""
    return Section(
        "provenance",
        "How it was made",
        [
            Text(["In the repository, at the commit whose dvc.lock holds this page's digest:"]),
            Commands(COMMANDS),
            _settings(sources),
            _digests(sources),
            Table(
                "Versions", ["package", "version"], [[name, version(name)] for name in PACKAGES],
                words=frozenset({1}), folded=True,
            ),
        ],
    )  # fmt: skip


def _settings(sources: Sources) -> Table:
    """Settings as the artifacts have them; where cells differ, the values of all."""
    study, layout = sources.study, sources.windows.layout
    first = study.cells[0].fit
    settings = {
        "lookback": str(layout.lookback),
        "horizon": str(layout.horizon),
        "frequency": layout.calendar.frequency,
        "channels": layout.channels,
        "normalise": layout.normalise,
        "transform": layout.transform,
        "difference": _text(dict(layout.difference)),
        "scaler": layout.scaler,
        "scaler range": _text(layout.scaler_range),
        "cells": ", ".join(cell.name for cell in study.cells),
        "λ": ", ".join(f"{lam:.6g}" for lam in first.lambdas),
        "seeds": str(first.seeds),
        "folds": ", ".join(f"{f} (m = {m})" for f, m in zip(first.folds, first.m, strict=True)),
    }
    flat = [dict(_flatten(cell.fit.config)) for cell in study.cells]
    for key in (key for key in flat[0] if key not in settings and key != "cell"):
        settings[key] = ", ".join(dict.fromkeys(_text(one.get(key)) for one in flat))
    settings |= {"rule": study.params.rule, "confidence": f"{study.params.confidence:g}"}
    rows = list(settings.items())
    return Table("Settings", ["setting", "value"], rows, words=frozenset({1}), folded=True)


def _flatten(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _flatten(value)
        else:
            yield key, value


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    return "none" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _digests(sources: Sources) -> Table:
    rows = [[name, digest(path)] for name, path in sources.inputs.items()]
    head, words = ["input", "SHA-256"], frozenset({1})
    note = "SHA-256 of each file that this page was written from; of a folder, of its files' digests by name."
    return Table("Digests", head, rows, words=words, note=note, folded=True)


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and digests of a folder's files."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    names = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    lines = "".join(f"{digest(name)}  {name.name}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()

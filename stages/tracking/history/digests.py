"""Digests that identify runs: of files, as DVC writes them into dvc.lock, and of studies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHORT = 12  # digits of a digest in names and tags
STUDIED = ("development", "fits", "scores")  # the files whose digests make a study's key
PATHS = (*STUDIED, "report")  # the files of a study, by the flags of `stages.tracking report`
SECTIONS = ("prepare", "window", "train", "evaluate", "report")


def digest(*parts: bytes | str) -> str:
    """sha256 of the parts, each with its length, in hex."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(len(raw).to_bytes(8, "little") + raw)
    return total.hexdigest()


def md5_of(path: Path) -> str:
    """The md5 of a file or folder as dvc.lock has it.

    A folder's is that of the JSON list of its files' md5 and relative paths, followed by `.dir`.

    Raises:
        FileNotFoundError: there is no such path.
    """
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    listed = [
        {"md5": md5_of(p), "relpath": p.relative_to(path).as_posix()}
        for p in path.rglob("*")
        if p.is_file()
    ]
    text = json.dumps(sorted(listed, key=lambda entry: entry["relpath"]), sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"


def study_key(md5s: Mapping[str, str], rule: Mapping[str, Any]) -> str:
    """A study's key: its data, its members and their scores (see STUDIED), and the report's rule.

    It needs only what dvc.lock holds, so a commit's study is known without any of its files.
    """
    return digest(
        "study", *(md5s[name] for name in STUDIED), json.dumps(flatten(rule), sort_keys=True)
    )


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        flat |= flatten(value, key) if isinstance(value, Mapping) else {key: value}
    return flat

"""What `report` leaves to be logged: a note in the repository's `mlflow/pending`, kept until MLflow has it.

A note is named by its study's key. It says where the files are and, what no file says, in which environment
the study ran; so `sync` can log the study whole even when the files are gone (a temporary clone's).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stages.environment import mlflow_folder, run_tags
from stages.tracking.history.digests import SECTIONS, STUDIED, flatten, md5_of, study_key


@dataclass(frozen=True)
class Note:
    """A study still to be logged.

    key: the study's. paths: flag → absolute path. params: dotted. tags: of the environment it ran in.
    """

    key: str
    paths: dict[str, str]
    params: dict[str, Any]
    tags: dict[str, str]

    @property
    def file(self) -> Path:
        return folder() / f"{self.key}.json"

    def save(self) -> None:
        """Write the note, in one atomic step."""
        folder().mkdir(parents=True, exist_ok=True)
        partial = folder() / f".{self.key}.{os.getpid()}"
        partial.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")
        partial.replace(self.file)

    def written(self) -> float:
        """When it was saved, in seconds since 1970; 0 where it is gone."""
        try:
            return self.file.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def discard(self) -> None:
        """Forget the note."""
        self.file.unlink(missing_ok=True)

    def current(self) -> bool:
        """Whether the files are still those of the note."""
        try:
            md5s = {name: md5_of(Path(self.paths[name])) for name in STUDIED}
            of_rule = (name for name in self.params if name.startswith("report."))
            rule = {name.removeprefix("report."): self.params[name] for name in of_rule}
            return study_key(md5s, rule) == self.key and Path(self.paths["report"]).is_dir()
        except OSError:
            return False


def folder() -> Path:
    return mlflow_folder() / "pending"


def note_of(paths: Mapping[str, Path]) -> Note:
    """A note of these files and of params.yaml as it is now."""
    sections = sections_now()
    md5s = {name: md5_of(paths[name]) for name in STUDIED}
    absolute = {flag: str(path.resolve()) for flag, path in paths.items()}
    return Note(study_key(md5s, sections["report"]), absolute, flatten(sections), run_tags())


def sections_now() -> dict[str, Any]:
    """The study's sections of params.yaml as it is now."""
    from stages.params import read_yaml  # slow to import, and `train`'s command needs none of it

    params = read_yaml("params.yaml")
    return {section: params.get(section) or {} for section in SECTIONS}


def pending() -> list[Note]:
    """The notes of this repository, the oldest first; files that are not notes are skipped."""
    notes = []
    for path in sorted(folder().glob("*.json"), key=lambda p: p.stat().st_mtime):
        try:
            notes.append(Note(**json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, TypeError, ValueError):
            continue
    return notes

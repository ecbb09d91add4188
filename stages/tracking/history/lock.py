"""What a dvc.lock says of a study: parameters, files and their digests, and so the study's key."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import yaml

from stages.tracking.history.digests import PATHS, SECTIONS, STUDIED, flatten, study_key
from stages.tracking.history.read_lock import read_lock

# The flags of `stages.tracking report`. A renamed flag keeps its old name here, after the new one, for older
# commits.
FLAGS = {name: (f"--{name}",) for name in PATHS}


@dataclass(frozen=True)
class Lock:
    """A dvc.lock that holds a finished study.

    stages: as in the file. paths: flag → path in the repository (see PATHS). md5s: of every output, by path.
    """

    stages: dict[str, Any]
    paths: dict[str, str]
    md5s: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Lock | None:
        """The lock; None where it does not hold a whole study."""
        try:
            stages = (read_lock(text) or {})["stages"]
            commands = stages["report"]["cmd"]
            listed = [commands] if isinstance(commands, str) else commands
            (line,) = [c for c in listed if "stages.tracking report" in c]
            words = shlex.split(line)
            given = dict(pairwise(words))
            paths = {
                name: next((given[flag] for flag in flags if flag in given), "")
                for name, flags in FLAGS.items()
            }
            outs = {o["path"]: o["md5"] for s in stages.values() for o in s.get("outs", [])}
            lock = cls(stages, paths, outs)
            return lock if lock.key else None
        except (KeyError, TypeError, ValueError, IndexError, yaml.YAMLError):
            return None

    @property
    def sections(self) -> dict[str, Any]:
        """The study's parameters, each section from the stage of its name.

        Other stages may list it too: `check` lists all sections, as they were when it last ran.
        """
        params = {name: self.stages.get(name, {}).get("params", {}) for name in SECTIONS}
        by_stage = {name: files.get("params.yaml", {}) for name, files in params.items()}
        return {name: values[name] for name, values in by_stage.items() if name in values}

    @property
    def params(self) -> dict[str, Any]:
        """The same under dotted names."""
        return flatten(self.sections)

    @property
    def key(self) -> str:
        """The study's key."""
        md5s = {name: self.md5s[self.paths[name]] for name in STUDIED}
        return study_key(md5s, self.sections["report"])

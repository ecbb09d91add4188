"""A preset: the parameters of a study that is known to work, and its variants."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.check.sections import check_values
from stages.params import ParameterError, nearest
from stages.read_yaml import read_yaml


@dataclass(frozen=True)
class Preset:
    """studies: name → all sections of its params.yaml."""

    studies: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, path: Path) -> Preset:
        """Read a preset, and check every study in it.

        Raises:
            ParameterError: it lacks a part, or a study's parameters are not valid; names the study.
        """
        content = read_yaml(path)
        if set(content) != {"params", "studies"} or not content["studies"]:
            raise ParameterError(
                f"{path} must have the keys `params` (the sections of params.yaml) and `studies` (name: what "
                "is different, such as {window.horizon: 96}); see presets/etth1.yaml"
            )
        studies = {}
        for name, changes in content["studies"].items():
            studies[name] = merged(content["params"], changes or {})
            try:
                check_values(studies[name], path)
            except ParameterError as error:
                raise ParameterError(f"study {name} of {path}: {error}") from None
        return cls(studies)

    def chosen(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The studies of these names; all where none is named.

        Raises:
            ParameterError: a name is unknown.
        """
        for name in names:
            if name not in self.studies:
                raise ParameterError(
                    f"study {name!r} is unknown; {nearest(name, list(self.studies))}"
                )
        return {name: self.studies[name] for name in names or self.studies}


def merged(params: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The sections with each dotted key of `changes` set."""
    result = copy.deepcopy(dict(params))
    for key, value in changes.items():
        *sections, last = key.split(".")
        inner = result
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = value
    return result

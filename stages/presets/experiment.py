"""A study as a DVC experiment: the command that runs it, and what came of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from stages.params import ParameterError
from stages.prepare.tracked import dvc_file_of, missing
from stages.tracking.history.git import git


def command(name: str, sections: Mapping[str, Any]) -> list[str]:
    """`dvc exp run` of these sections instead of those of params.yaml.

    A section is taken out before it is set: DVC would merge its mappings into the old ones.
    """
    changes = []
    for section, values in sections.items():
        changes += ["-S", f"~{section}", "-S", f"+{section}={_hydra(values)}"]
    return ["dvc", "exp", "run", "--temp", "--name", name, *changes]


def _hydra(value: object) -> str:
    """A value in the grammar of Hydra's overrides, which `dvc exp run -S` takes."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_hydra(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_hydra, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def located(root: Path, sections: Mapping[str, Any]) -> dict[str, Any]:
    """The sections with a file that neither git nor DVC tracks named by its whole path.

    A temporary folder of DVC's holds only what one of them tracks.

    Raises:
        ParameterError: there is no such file.
    """
    prepare = sections["prepare"]
    name = prepare["path"]
    if dvc_file_of(name) or git(root, "ls-files", "--", name, check=False):
        return dict(sections)
    path = (root / name).resolve()
    if not path.exists():
        raise ParameterError(missing(name))
    return {**sections, "prepare": {**prepare, "path": str(path)}}


def free_name(root: Path, name: str, sections: Mapping[str, Any]) -> tuple[str, bool]:
    """A name for a study, and whether an experiment of that name from the same commit is it already.

    An experiment of the name with other parameters keeps it: the study then is name-2, and so on.
    """
    count = 1
    while True:
        tried = name if count == 1 else f"{name}-{count}"
        ref = reference(root, tried)
        if ref is None:
            return tried, False
        if yaml.safe_load(git(root, "show", f"{ref}:params.yaml")) == sections:
            return tried, True
        count += 1


def results(root: Path, name: str, path: str) -> pd.DataFrame:
    """A row per forecaster of the experiment, as the CSV at `path` in it has them.

    Raises:
        ParameterError: there is no such experiment on this commit.
    """
    if (ref := reference(root, name)) is None:
        raise ParameterError(f"there is no experiment {name!r} on this commit; see `dvc exp list`")
    return pd.read_csv(io.StringIO(git(root, "show", f"{ref}:{path}")))


def reference(root: Path, name: str) -> str | None:
    """The git reference of the experiment of that name whose baseline is HEAD."""
    head = git(root, "rev-parse", "HEAD")
    ref = f"refs/exps/{head[:2]}/{head[2:]}/{name}"
    return ref if git(root, "for-each-ref", ref) else None

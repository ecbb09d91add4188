"""The sections of params.yaml and their types, each defined in its stage's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.check.across import problems_across
from stages.evaluate.params import EvaluateParams
from stages.params import ParameterError, Section, check_section, nearest, read_yaml
from stages.prepare.params import PrepareParams
from stages.report.params import ReportParams
from stages.train.params import TrainParams
from stages.window.params import WindowParams

SECTIONS: dict[str, type[Section]] = {
    "prepare": PrepareParams,
    "window": WindowParams,
    "train": TrainParams,
    "evaluate": EvaluateParams,
    "report": ReportParams,
}


def check(path: Path | str) -> dict[str, Section]:
    """The whole file, section by section.

    Raises:
        ParameterError: all problems within and between sections, a line each.
    """
    return check_values(read_yaml(path), path)


def check_values(values: Mapping[str, Any], path: Path | str) -> dict[str, Section]:
    """As `check`, of sections that were read from `path`."""
    problems = [
        f"section `{name}` is unknown; {nearest(name, list(SECTIONS))}"
        for name in values
        if name not in SECTIONS
    ]
    sections: dict[str, Section] = {}
    for name, model in SECTIONS.items():
        try:
            sections[name] = check_section(name, values.get(name), model, path)
        except ParameterError as error:
            problems.append(str(error))
    if problems := [*problems, *problems_across(sections)]:
        raise ParameterError("\n".join(problems))
    return sections

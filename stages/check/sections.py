"""The sections of params.yaml and their types, each of which lives beside its stage."""

from __future__ import annotations

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
        ParameterError: all problems of all sections and of what they ask of one another, a line each.
    """
    values = read_yaml(path)
    problems = [
        f"section `{name}` is unknown; {nearest(name, list(SECTIONS))}"
        for name in values
        if name not in SECTIONS
    ]
    sections: dict[str, Section] = {}
    for name, model in SECTIONS.items():
        try:
            sections[name] = _section(path, name, values.get(name), model)
        except ParameterError as error:
            problems.append(str(error))
    problems += problems_across(sections)
    if problems:
        raise ParameterError("\n".join(problems))
    return sections


def _section(path: Path | str, name: str, values: Any, model: type[Section]) -> Section:
    if values is None:
        raise ParameterError(f"section `{name}` is missing in {path}; write it, as in the README")
    return check_section(name, values, model)

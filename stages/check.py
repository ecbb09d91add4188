"""python -m stages.check params.yaml: every section at once, before any work starts."""

from __future__ import annotations

import sys
from importlib import import_module

from stages.params import ParameterError, Section, check_section, nearest, read_yaml

SECTIONS = {
    "prepare": "PrepareParams",
    "window": "WindowParams",
    "train": "TrainParams",
    "evaluate": "EvaluateParams",
    "report": "ReportParams",
}


def section_model(name: str) -> type[Section]:
    """The type of a section; it lives beside its stage."""
    model: type[Section] = getattr(import_module(f"stages.{name}.params"), SECTIONS[name])
    return model


def check(path: str) -> None:
    """Check the whole file.

    Raises:
        ParameterError: all problems of all sections.
    """
    found, problems = read_yaml(path), []
    problems += [
        f"section `{name}` is unknown; {nearest(str(name), list(SECTIONS))}"
        for name in found
        if name not in SECTIONS
    ]
    for name in SECTIONS:
        if found.get(name) is None:
            problems.append(f"section `{name}` is missing in {path}; write it, as in the README")
            continue
        try:
            check_section(name, found[name], section_model(name))
        except ParameterError as error:
            problems.append(str(error))
    if problems:
        raise ParameterError("\n".join(problems))


def main(argv: list[str] | None = None) -> int:
    """0 where all is well; else each problem on a line of standard error, and 2."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        check(arguments[0] if arguments else "params.yaml")
    except ParameterError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

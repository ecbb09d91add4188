"""python -m tests.support.dag: writes into dvc.yaml which code each stage uses, as its imports say."""

from __future__ import annotations

import re

from tests.support.closure import ROOT, closure

DOCUMENT = ROOT / "dvc.yaml"
DEPS = re.compile(r"^(  (\w+):\n(?:    .*\n)*?    deps:\n)((?:      - .*\n)+)", re.MULTILINE)


def current(text: str) -> str:
    """dvc.yaml with the code of each stage as it should be; its other dependencies stay before it."""
    return DEPS.sub(_with_code, text)


def _with_code(match: re.Match[str]) -> str:
    start, stage, lines = match.groups()
    deps = [line.removeprefix("      - ") for line in lines.splitlines()]
    code = [dep for dep in deps if dep.startswith("stages/") and not dep.endswith(".py")]
    code = sorted([*code, *closure(f"stages/{stage}/__main__.py")])
    others = [dep for dep in deps if not dep.startswith("stages/")]
    return start + "".join(f"      - {dep}\n" for dep in [*others, *code])


if __name__ == "__main__":
    DOCUMENT.write_text(current(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")

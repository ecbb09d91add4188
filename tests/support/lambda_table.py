"""python -m tests.support.lambda_table: writes the generated part of docs/lambda.md."""

from __future__ import annotations

import re

from stages.equivalents import table
from tests.support.closure import ROOT

DOCUMENT = ROOT / "docs" / "lambda.md"
PART = re.compile(r"(<!-- begin table .*?-->\n).*?(<!-- end table -->)", re.DOTALL)


def current(text: str) -> str:
    """The document with its table as it should be."""
    return PART.sub(lambda match: f"{match[1]}{table()}{match[2]}", text)


if __name__ == "__main__":
    DOCUMENT.write_text(current(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")

"""Parts of a page that a program writes: from `<!-- begin NAME … -->` to `<!-- end NAME -->`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.quick import ROOT
from stages.report.writing import markdown_table


def with_part(page: str, name: str, text: str) -> str:
    """The page with the named part's text replaced."""
    part = re.compile(rf"(<!-- begin {name} .*?-->\n).*?(<!-- end {name} -->)", re.DOTALL)
    match = part.search(page)
    assert match, f"the page has no part {name}"
    return page[: match.end(1)] + text + page[match.start(2) :]


def publish(results: dict[str, Any], file: Path, page: Path, text: str) -> None:
    """Write the results as JSON to `file`, and the text into the page's part `numbers`."""
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write_text(with_part(page.read_text(encoding="utf-8"), "numbers", text), encoding="utf-8")
    print(f"written to {file.relative_to(ROOT)} and {page.relative_to(ROOT)}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, and a line break."""
    return markdown_table.table(head, rows) + "\n"


def signed(percent: float) -> str:
    """With a sign, one decimal and a true minus."""
    return f"{percent:+.1f}".replace("-", "−")

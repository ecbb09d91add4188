"""Parts of a page that a program writes: from `<!-- begin NAME … -->` to `<!-- end NAME -->`."""

from __future__ import annotations

import re
from collections.abc import Sequence


def with_part(page: str, name: str, text: str) -> str:
    """The page with the named part's text replaced."""
    part = re.compile(rf"(<!-- begin {name} .*?-->\n).*?(<!-- end {name} -->)", re.DOTALL)
    match = part.search(page)
    assert match, f"the page has no part {name}"
    return page[: match.end(1)] + text + page[match.start(2) :]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def signed(percent: float) -> str:
    """With a sign, one decimal and a true minus."""
    return f"{percent:+.1f}".replace("-", "−")

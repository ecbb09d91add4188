"""`diff`: two or more studies (or single λ of them) side by side, as a page and as text."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stages.compare.sections import sections
from stages.compare.sides import Side, load_sides
from stages.environment import root
from stages.report.drawing.plot import Chart
from stages.report.drawing.style import style
from stages.report.page import build
from stages.report.page.parts import Block, Section, Table, Text, Verdicts
from stages.tracking.history.git import UnavailableError
from stages.tracking.history.revisions import Repository
from stages.tracking.store.resolve import resolve


def diff(tokens: list[str], out: Path) -> int:
    """Print the comparison and write it to `out`: index.html, figures/, and in short diff.md.

    Returns:
        0; 2 where a side is not available.
    """
    if len(tokens) < 2:
        print('diff: name two or more: make diff RUNS="HEAD my-experiment"', file=sys.stderr)
        return 2
    repository = Repository(root())
    try:
        studies = repository.studies()
        named = [resolve(repository, token, studies) for token in tokens]
        with tempfile.TemporaryDirectory(prefix="ridgeline-") as folder:
            text = write(load_sides(repository, named, Path(folder)), out)
    except (UnavailableError, LookupError) as error:
        print(f"diff: {error}", file=sys.stderr)
        return 2
    print(f"{text}\n\n{out / 'index.html'} has it as a page, with the λ paths and the curves.")
    return 0


def write(sides: list[Side], out: Path) -> str:
    """Write the page, its figures and diff.md.

    Returns:
        What diff.md says, without the figures.
    """
    title = " | ".join(side.label for side in sides)
    below = f"{', '.join(side.label for side in sides[1:])} against {sides[0].label}"
    with style():
        page = sections(sides)
        build.write(page, out, title, "What differs, and is it better?", below)
    (out / "diff.md").write_text(_markdown(title, page) + "\n", encoding="utf-8")
    return _markdown(title, [replace(part, blocks=_without_charts(part)) for part in page])


def _without_charts(section: Section) -> list[Block]:
    return [block for block in section.blocks if not isinstance(block, Chart)]


def _markdown(title: str, page: list[Section]) -> str:
    """The sections that have blocks, in short."""
    parts = [f"# {title}"]
    for section in page:
        texts = [text for block in section.blocks if (text := _block(block))]
        parts += [f"## {section.title}", *texts] if texts else []
    return "\n\n".join(parts)


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return "\n\n".join(block.lines)
    if isinstance(block, Verdicts):
        return "\n".join(f"- {sentence}" for _, sentence in block.verdicts)
    if isinstance(block, Table):
        note = f"\n\n{block.note}" if block.note else ""
        return f"{block.caption}:\n\n{table(block.head, block.rows)}{note}"
    if isinstance(block, Chart):
        return f"![{block.title}](figures/{block.name}.svg)"
    return ""  # the tables have the facts


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that is read in a terminal and in Markdown alike."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )

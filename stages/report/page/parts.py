"""The blocks of a section of the page. `page.html.j2` has one macro for each `kind` of block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.artifacts.series import Series
from stages.artifacts.windows import Windows
from stages.report.drawing.plot import Chart
from stages.report.study import Study


@dataclass(frozen=True)
class Sources:
    """What a section may read: the study, and the artifacts of the stages before the report.

    `inputs`: series, development, fits, scores, forecasts → their paths.
    """

    study: Study
    windows: Windows
    series: Series
    inputs: dict[str, Path]


@dataclass(frozen=True)
class Text:
    """Paragraphs; `lead` is set larger."""

    lines: Sequence[str]
    lead: bool = False
    kind = "text"


@dataclass(frozen=True)
class Facts:
    """A few numbers that stand out: (name, value, remark)."""

    facts: Sequence[tuple[str, str, str]]
    kind = "facts"


@dataclass(frozen=True)
class Verdicts:
    """Sentences, each with the word that it says."""

    verdicts: Sequence[tuple[str, str]]
    kind = "verdicts"


@dataclass(frozen=True)
class Notes:
    """Remarks that must not be missed."""

    title: str
    lines: Sequence[str]
    kind = "notes"


@dataclass(frozen=True)
class Table:
    """Rows under a head; the first column names its row. `marked` rows stand out.

    `folded`: shown when the reader opens it (and in print). `words`: columns of text, aligned left;
    `wrapped`: their lines may break, as in a folded table.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[int] = frozenset()
    words: frozenset[int] = frozenset()
    note: str = ""
    folded: bool = False
    wrapped: bool = False
    kind = "table"


@dataclass(frozen=True)
class Commands:
    """Lines to type, each with what it does."""

    lines: Sequence[tuple[str, str]]
    title: str = ""
    kind = "commands"


Block = Text | Facts | Verdicts | Notes | Table | Commands | Chart


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading; `name` is its anchor."""

    name: str
    title: str
    blocks: Sequence[Block]

    @property
    def charts(self) -> list[Chart]:
        return [block for block in self.blocks if isinstance(block, Chart)]

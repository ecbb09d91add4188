"""Where a delimited table begins: its width, notes above it, and whether its first row names the columns."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice, pairwise

from stages.params import ParameterError
from stages.prepare.reading.cells import WHOLE, is_data, trim
from stages.prepare.reading.records import Record, records

TOP = 200  # records that suggest the width; every row of the file is then checked against it


@dataclass(frozen=True)
class Layout:
    """How a text is a table under one separator.

    Attributes:
        separator: the sign between the cells.
        width: the number of cells in a row.
        names: the cells of the header, or None where the first row is data.
        first: the number of lines above the first row of data.
        notes: lines above the header that are not part of the table.
    """

    separator: str
    width: int
    names: tuple[str, ...] | None
    first: int
    notes: tuple[str, ...]


def layout(data: bytes, separator: str, skipped: int, header: bool | None) -> Layout:
    """The layout that the first records show; `header` says whether there is one, if it is not None.

    Raises:
        ParameterError: the header and the rows have different numbers of cells.
    """
    top = list(islice(records(data, separator, skipped), TOP))
    if not top:
        raise ParameterError("prepare.path: the file has no rows; name another file")
    width = _commonest(top)
    start = _start(top, width)
    notes = tuple(separator.join(record.cells).strip() for record in top[:start] if record.filled)
    head = top[start]
    named = _is_header(head.cells) if header is None else header
    if not named:
        if len(head.cells) != width:
            raise ParameterError(ragged(head, width, separator))
        return Layout(separator, width, None, head.line - 1, notes)
    if len(head.cells) == width + 1 and not trim(head.cells[-1]):
        head = Record(head.line, head.end, head.cells[:-1])  # only the header ends in a separator
    if len(head.cells) not in (width, width - 1):
        raise ParameterError(ragged(head, width, separator))
    return Layout(separator, width, tuple(map(_name, head.cells)), head.end, notes)


def table_width(data: bytes, separator: str, skipped: int) -> int:
    """The number of cells that most of the first records have; quotes that do not close are tolerated."""
    return _commonest(list(islice(records(data, separator, skipped, strict=False), TOP)))


def _commonest(top: list[Record]) -> int:
    counts = Counter(len(record.cells) for record in top if record.filled)
    return counts.most_common(1)[0][0] if counts else 1


def ragged(record: Record, width: int, separator: str) -> str:
    """The sentence for a row with more or fewer cells than the table's others."""
    text = separator.join(record.cells)
    count = "1 cell" if len(record.cells) == 1 else f"{len(record.cells)} cells"
    return (
        f"line {record.line} of the file has {count} where the others have {width} "
        f"(separator {shown(separator)}): {text[:60]!r}; correct it (a text that holds the separator "
        "needs quotes, a decimal comma another separator), or set prepare.separator"
    )


def shown(separator: str) -> str:
    """A separator as it is shown to people."""
    return {"\t": "tab", " ": "blank"}.get(separator, f"`{separator}`")


def _name(cell: str) -> str:
    """A column's name without blanks around it, nor quotes after a blank (`a, "b"`)."""
    name = " ".join(trim(cell).split())
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] == '"' else name


def _start(top: list[Record], width: int) -> int:
    """The index of the first record of the table; those before it are notes or blank."""
    for index, record in enumerate(top):
        if not record.filled:
            continue
        following = next((r for r in top[index + 1 :] if r.filled), None)
        note = record.filled == record.cells[:1] and not is_data(record.cells[0])
        if not (note and width > 1 and following and _may_follow_a_note(following, width)):
            return index
    return 0


def _may_follow_a_note(record: Record, width: int) -> bool:
    """Whether a record can be another note or the header itself: neither is a row of data."""
    filled = record.filled
    if len(filled) == 1:
        return not is_data(record.cells[0])
    named = filled == record.cells[: len(filled)]  # it may end in separators
    fits = width - 1 <= len(record.cells) <= width + 1 and len(filled) <= width
    return fits and named and not any(map(is_data, filled))


def _is_header(cells: list[str]) -> bool:
    """Whether the first row names the columns: it has a cell that is neither a number, a date nor a gap.

    Numbers that count the columns may be names or data, and are refused.
    """
    if not all(map(is_data, cells)):
        return True
    numbers = [trim(cell) for cell in cells]
    counted = [str(i) for i in range(len(cells) - 1)]
    if len(cells) > 1 and not numbers[0] and numbers[1:] == counted:
        return True  # how pandas writes a frame whose columns have no names
    if all(re.match(WHOLE, number) for number in numbers):
        counts = [int(number.replace("−", "-")) for number in numbers]
        if {b - a for a, b in pairwise(counts)} == {1}:
            raise ParameterError(
                f"prepare.header: the first row of the file ({', '.join(numbers[:4])}, …) may be names of "
                "columns or numbers; set prepare.header to true or false"
            )
    return False

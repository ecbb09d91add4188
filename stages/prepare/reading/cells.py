"""What the text of a cell can be: a gap, a number in any country's notation, a date.

The patterns are read by Arrow (RE2) over columns and by Python over single rows, with the same meaning.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

# Words that stand for a missing number. They apply where numbers are read, never to names of series.
GAPS = frozenset(
    {"", "na", "n/a", "n.a.", "nan", "-nan", "null", "(null)", "<null>", "none", "nat", "<na>"}
    | {"#n/a", "#na", "#n/a n/a", "\\n", "-", "--", "–", "—", ".", "?"}
)
SIGN = r"[+\-−]?"
BLANKS = " \u00a0\u202f\u2009"
APOSTROPHES = "'’"
GROUPS = BLANKS + APOSTROPHES  # signs between thousands that have no other meaning
EXPONENT = r"(?:[eE][+\-]?[0-9]+)?"
NUMBER = (
    rf"^{SIGN}(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+|[0-9]{{1,3}}(?:[.,{GROUPS}][0-9]{{3}})+(?:[.,][0-9]*)?)"
    rf"{EXPONENT}$"
)
WHOLE = rf"^{SIGN}[0-9]+$"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mrz|mai|okt|dez|fév|avr|aoû|déc"
_MONTH = rf"(?i:{_MONTHS})[a-zäéûr]*\.?"
_YEAR = "(?:[-/ ,]+[0-9]{2,4})?"
DATE = (
    r"^(?:(?:[A-Za-z]{2,9}\.?,? )?(?:"
    r"[0-9]{1,4}[-/.][0-9]{1,2}(?:[-/.][0-9]{1,4})?\.?|[0-9]{1,2}[-/.][0-9]{4}"
    rf"|[0-9]{{1,4}}\.?[-/ ]?{_MONTH}{_YEAR}|{_MONTH}[-/ ]?[0-9]{{1,4}}{_YEAR}"
    r")(?:[T ,]+[0-9]{1,2}[:.h][0-9]{2}[^;|\t]*)?"
    r"|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]+)?(?: ?[AaPp]\.?[Mm]\.?)?"
    r"|[0-9]{8}T?[0-9]{0,6}Z?|[0-9]{4}-?[QqWwMmHh][0-9]{1,2}|[QqWw][0-9]{1,2}[-/ ]?[0-9]{4})$"
)
_DATA = re.compile(f"{NUMBER}|{DATE}")


def trim(text: str) -> str:
    """The text without blanks around it."""
    return text.strip().strip("\ufeff").strip()


def is_data(text: str) -> bool:
    """Whether a cell is a gap, a number or a date: what a row of data holds and a name does not."""
    return trim(text).lower() in GAPS or bool(_DATA.match(trim(text)))


def trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column's text without blanks around it."""
    return pc.utf8_trim_whitespace(column)


def gaps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Where trimmed text stands for a missing number (also where it is null)."""
    words = pa.array(sorted(GAPS), pa.string())
    return pc.fill_null(pc.is_in(pc.utf8_lower(column), words), True)


def matches(column: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    """Where the text matches the pattern."""
    return pc.match_substring_regex(column, pattern)


def share_of_data(columns: list[pa.ChunkedArray]) -> float:
    """The share of numbers and dates among the cells that are not gaps: how much a reading explains."""
    data = cells = 0
    for column in columns:
        text = trimmed(column)
        text = text.filter(pc.invert(gaps(text)))
        cells += len(text)
        hits = pc.or_(matches(text, NUMBER), matches(text, DATE))
        data += pc.sum(hits).as_py() or 0
    return data / cells if cells else 0.0

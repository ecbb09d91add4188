"""Cells → finite float64 values. What is not a number is refused with its series, time and line."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.params import ParameterError
from stages.prepare.reading.cells import EXPONENT, SIGN, gaps, matches, trimmed
from stages.prepare.reading.signs import Signs
from stages.prepare.steps import first

LARGEST, SMALLEST = 1e150, 1e-150  # beyond them squares overflow or vanish
_PLAIN = rf"^{SIGN}(?:[0-9]+\.?[0-9]*|\.[0-9]+){EXPONENT}$"
_REMEDIES = {
    r"%": "remove the percent signs from the whole column",
    r"[$€£¥₹]|^[A-Z]{3} |[ 0-9][A-Z]{3}$": "remove the currency from the whole column",
    r"(?i)^[+\-−]?inf(inity)?$": "write a finite number, or leave the cell empty to mark a gap",
    r"(?i)^(true|false|yes|no)$": "write 0 and 1",
    r"^\(.*\)$": "write negative numbers with a minus sign",
    r"[0-9][-−]$": "write the minus sign before the number",
    r"^#": "it is an error of the spreadsheet: correct the cell, or leave it empty to mark a gap",
}


def numbers(column: pa.ChunkedArray, signs: Signs, where: Callable[[int], str]) -> np.ndarray:
    """One float64 for each row, NaN at a gap.

    Args:
        where: the number of a row → whose value it is, and when, in words.

    Raises:
        ParameterError: a cell is not a finite number; says which, and what to write.
    """
    if pa.types.is_string(column.type):
        return _from_text(column, signs, where)
    values = pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan).to_numpy()
    if (row := first(np.isinf(values))) is not None:
        raise ParameterError(_sentence(where(row), str(values[row])))
    return values


def _from_text(column: pa.ChunkedArray, signs: Signs, where: Callable[[int], str]) -> np.ndarray:
    text = trimmed(column)
    gap = gaps(text)
    plain, wrong = _plain(text, signs)
    plain = pc.if_else(gap, None, plain)
    try:
        values = pc.cast(plain, pa.float64())
    except pa.ArrowInvalid:
        wrong = pc.or_(wrong, pc.invert(matches(plain, _PLAIN)))
    else:
        wrong = pc.or_(wrong, pc.invert(pc.is_finite(values)))
    row = pc.index(pc.and_(pc.fill_null(wrong, False), pc.invert(gap)), True).as_py()
    if row >= 0:
        raise ParameterError(_sentence(where(row), column[row].as_py()))
    return pc.fill_null(values, np.nan).to_numpy()


def _plain(text: pa.ChunkedArray, signs: Signs) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Numbers with a decimal point and plain digits; and which cells are not written with `signs`."""
    wrong = pa.chunked_array([pa.repeat(pa.scalar(False), len(text))])
    if signs.thousands:
        group = f"[{re.escape(signs.thousands)}]"
        has = pc.match_substring_regex(text, group)
        if pc.any(has).as_py():
            good = rf"^{SIGN}[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+(?:[{signs.decimal}][0-9]*)?$"
            wrong = pc.and_(has, pc.invert(matches(text, good)))
            text = pc.replace_substring_regex(text, group, "")
    if signs.decimal == ",":
        wrong = pc.or_(wrong, pc.match_substring(text, "."))
        text = pc.replace_substring(text, ",", ".")
    return pc.replace_substring(text, "−", "-"), wrong


def remedy(cell: str) -> str | None:
    """What to do about a number in an unsupported notation; None where the cell is something else."""
    return next((words for key, words in _REMEDIES.items() if re.search(key, cell.strip())), None)


def _sentence(where: str, cell: str) -> str:
    words = remedy(cell) or "correct the cell, or leave it empty to mark a gap"
    return f"{where} is {cell[:60]!r}, which is not a finite number; {words}"


def check_size(values: np.ndarray, codes: np.ndarray, names: list[str], what: str) -> None:
    """Refuse a series whose squares would overflow or vanish.

    Args:
        values: (rows,), NaN at gaps. codes: (rows,), the series of each row. what: `series` or a covariate.
    """
    largest = np.zeros(len(names))
    seen = ~np.isnan(values)
    np.maximum.at(largest, codes[seen], np.abs(values[seen]))
    for code in np.flatnonzero((largest > LARGEST) | ((largest > 0) & (largest < SMALLEST))):
        raise ParameterError(
            f"{what} {names[code]!r} reaches {largest[code]:g}; its largest absolute value must lie between "
            f"{SMALLEST:g} and {LARGEST:g}, so that its squares are numbers: change its unit"
        )

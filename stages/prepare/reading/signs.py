"""The decimal sign and the sign between thousands: decided once, by all numbers of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from stages.params import ParameterError
from stages.prepare.reading.cells import (
    APOSTROPHES,
    BLANKS,
    EXPONENT,
    GROUPS,
    NUMBER,
    SIGN,
    gaps,
    matches,
    trimmed,
)
from stages.prepare.reading.table import SET, Options, Table


@dataclass(frozen=True)
class Signs:
    """How numbers are written: the decimal sign, and the signs that may separate thousands (or none)."""

    decimal: str = "."
    thousands: str = ""


def read_signs(
    table: Table, options: Options, values: Sequence[str], roles: Sequence[str]
) -> tuple[Signs, dict[str, str]]:
    """The signs of the numbers in the columns `values`, and words about them for the summary.

    Where those leave it open, the other columns of numbers decide, but not `roles`: times and names of series
    are not numbers, whatever they look like. Columns that are not text prove nothing.

    Raises:
        ParameterError: both readings are possible, or the numbers contradict each other.
    """
    text = any(pa.types.is_string(table.columns[name].type) for name in values)
    if table.source["file"] == "Parquet" and not text:
        return Signs(), {}
    decimal, thousands = options.decimal, options.thousands
    check_signs(decimal, thousands)
    proofs = _Proofs(table)
    for name in values:
        proofs.read(name)
    if proofs.open:
        for name, column in table.columns.items():
            if name not in roles and _all_numbers(column):
                proofs.read(name)
    signs = proofs.decide(decimal, None if thousands is None else _kind(thousands))
    if proofs.empty and decimal is None and thousands is None:
        return signs, {"decimal sign": "none occurs", "thousands": "none"}
    groups = {"": "none", BLANKS: "blank", APOSTROPHES: "apostrophe"}
    return signs, {
        "decimal sign": f"`{signs.decimal}`" + (SET if decimal else ""),
        "thousands": groups.get(signs.thousands, f"`{signs.thousands}`")
        + (SET if thousands else ""),
    }


def check_signs(decimal: str | None, thousands: str | None) -> None:
    """Refuse what cannot be a sign.

    Raises:
        ParameterError: names the parameter, its value and the rule.
    """
    sign = " " if thousands == "blank" else thousands
    if sign is not None and (len(sign) != 1 or sign.isalnum() or sign in "+-"):
        raise ParameterError(
            f"prepare.thousands = {thousands!r} must be one sign, such as `.`, `,`, a blank or `'`; "
            "or null to have it recognised"
        )
    if decimal is not None and decimal == sign:
        raise ParameterError(
            f"prepare.decimal and prepare.thousands are both {decimal!r}; set them to different signs"
        )


def _kind(thousands: str) -> str:
    """All characters that people write for this sign."""
    kinds = [kind for kind in (BLANKS, APOSTROPHES) if thousands in kind]
    return BLANKS if thousands == "blank" else kinds[0] if kinds else thousands


def _patterns(sign: str, other: str) -> dict[str, str]:
    """What one number proves about a sign that occurs in it: RE2 patterns."""
    s, o = (f"[{sign}]", f"[{other}]")
    grouped = rf"[1-9][0-9]{{0,2}}(?:[{other}{GROUPS}][0-9]{{3}})+"
    return {
        # 1.5, 0.123, .5, 1234.567, 1,234.567, 1.234e5
        "decimal": rf"^{SIGN}(?:[0-9]+{s}(?:[0-9]{{0,2}}|[0-9]{{4,}})|(?:0[0-9]*|[0-9]{{4,}})?{s}[0-9]+"
        rf"|{grouped}{s}[0-9]*){EXPONENT}$|^{SIGN}[0-9]+{s}[0-9]*[eE]",
        # 1.234.567, 1.234,5
        "thousands": rf"^{SIGN}[1-9][0-9]{{0,2}}(?:(?:{s}[0-9]{{3}}){{2,}}(?:{o}[0-9]*)?"
        rf"|(?:{s}[0-9]{{3}})+{o}[0-9]*)$",
        # 1.234
        "either": rf"^{SIGN}[1-9][0-9]{{0,2}}{s}[0-9]{{3}}$",
    }


class _Proofs:
    """The first number of the file that proves something, for each sign and meaning."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._seen: dict[tuple[str, str], tuple[str, str, int]] = {}

    @property
    def empty(self) -> bool:
        return not self._seen

    @property
    def open(self) -> bool:
        """Whether a sign occurs and nothing proves what it is."""
        return not self.empty and all(meaning == "either" for _, meaning in self._seen)

    def read(self, name: str) -> None:
        """Read one column."""
        column = self._table.columns[name]
        if not pa.types.is_string(column.type):
            return
        text = trimmed(column)
        for sign, other in ((".", ","), (",", ".")):
            if pc.any(pc.match_substring(text, sign)).as_py():
                for meaning, pattern in _patterns(sign, other).items():
                    if self._note(name, text, (sign, meaning), pattern):
                        break  # numbers that contradict it are refused one by one
        if pc.any(pc.match_substring_regex(text, f"[0-9][{GROUPS}][0-9]")).as_py():
            for kind in (BLANKS, APOSTROPHES):
                pattern = rf"^{SIGN}[1-9][0-9]{{0,2}}(?:[{kind}][0-9]{{3}})+(?:[.,][0-9]*)?$"
                self._note(name, text, (kind, "thousands"), pattern)

    def _note(self, name: str, text: pa.ChunkedArray, key: tuple[str, str], pattern: str) -> bool:
        """Keep the first number that matches; whether there is one, here or in an earlier column."""
        start = 0
        for chunk in [] if key in self._seen else text.chunks:
            row = pc.index(matches(chunk, pattern), True).as_py()
            if row >= 0:
                self._seen[key] = chunk[row].as_py(), name, start + row
                break
            start += len(chunk)
        return key in self._seen

    def decide(self, decimal: str | None, thousands: str | None) -> Signs:
        """The signs that agree with all numbers; those that are not None are set."""
        groups = {sign for sign, meaning in self._seen if meaning == "thousands"}
        points = {sign for sign, meaning in self._seen if meaning == "decimal"}
        either = {sign for sign, meaning in self._seen if meaning == "either"}
        if thousands is not None:
            groups, points, either = {thousands}, points - {thousands}, either - {thousands}
        if decimal is None:
            self._refuse_contradiction(points, groups)
            decimal = self._decimal(points, groups, either)
        if thousands is not None:
            return Signs(decimal, thousands)
        left = (groups | either) - {decimal}
        signs = sorted(left & {".", ","}) + sorted(left - {".", ","})
        if len(signs) > 1:
            known = ["thousands" if sign in groups else "either" for sign in signs]
            numbers = " and ".join(map(self._shown, signs[:2], known))
            raise ParameterError(
                f"prepare.thousands: {numbers} have different signs between thousands; write all numbers "
                "of the file in one way"
            )
        return Signs(decimal, signs[0] if signs else "")

    def _decimal(self, points: set[str], groups: set[str], either: set[str]) -> str:
        if points:
            return points.pop()
        known = groups & {".", ","}
        if known:
            return "," if "." in known else "."
        if groups and len(either) == 1:
            return either.pop()  # another sign separates thousands
        if "." in either and self._table.separator == ",":
            return "."  # where a comma separates cells a point is the decimal sign
        if either:
            self._refuse_open(sorted(either)[0])
        return "."

    def _refuse_contradiction(self, points: set[str], groups: set[str]) -> None:
        if len(points) > 1:
            numbers = " and ".join(self._shown(sign, "decimal") for sign in sorted(points))
            raise ParameterError(
                f"prepare.decimal: {numbers} have different decimal signs; write all numbers of the file "
                "in one way, or set prepare.decimal"
            )
        for sign in sorted(points & groups):
            raise ParameterError(
                f"prepare.decimal: `{sign}` is the decimal sign in {self._shown(sign, 'decimal')} and "
                f"separates thousands in {self._shown(sign, 'thousands')}; write all numbers in one way"
            )

    def _refuse_open(self, sign: str) -> None:
        written = self._seen[sign, "either"][0]
        raise ParameterError(
            f"prepare.decimal: {self._shown(sign, 'either')} may be {written.replace(sign, '.')} or "
            f"{written.replace(sign, '')}, and no number of the file decides it; set prepare.decimal to "
            f"`{sign}` for the first, or to `{',' if sign == '.' else '.'}` for the second"
        )

    def _shown(self, sign: str, meaning: str) -> str:
        number, column, row = self._seen[sign, meaning]
        return f"{number} ({column!r}, {self._table.line(row)})"


def _all_numbers(column: pa.ChunkedArray) -> bool:
    """Whether the cells are text, and all numbers or gaps in any country's notation."""
    if not pa.types.is_string(column.type):
        return False
    text = trimmed(column)
    text = text.filter(pc.invert(gaps(text)))
    return len(text) > 0 and pc.all(matches(text, NUMBER)).as_py()

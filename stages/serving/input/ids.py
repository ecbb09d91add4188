"""The names of series in a table: ids are text, and a name that was changed on the way is refused."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from numbers import Number

import numpy as np
import pandas as pd

READ_TEXT = "read them as text (in pandas dtype={'unique_id': str})"


class Known:
    """The series that the model knows, by name and by the number that a name spells."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self._by_number: dict[Decimal, list[str]] = {}
        for name in names:
            number = as_number(name)
            if number is not None:
                self._by_number.setdefault(number, []).append(name)

    def equal(self, name: str) -> list[str]:
        """The known names that spell the same number."""
        number = as_number(name)
        return [] if number is None else self._by_number.get(number, [])

    def misspelt(self, name: str) -> str | None:
        """Why a name is not a new series: apart from blanks, or as a number, it equals a known one."""
        if name in self.names:
            return None
        if name.strip() in self.names:
            return (
                f"the model knows {name.strip()!r}, not {name!r}; write it without blanks around it"
            )
        same = self.equal(name)
        if not same:
            return None
        return (
            f"the model knows {_list(same)}, not {name!r}; ids that are read as numbers lose their zeros: "
            f"{READ_TEXT}"
        )


def as_number(cell: int | float | Decimal | str) -> Decimal | None:
    """The finite number that a cell is or spells, exactly; None where it is not a number."""
    try:
        number = Decimal("" if isinstance(cell, str) and "_" in cell else cell)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def names_of(column: pd.Series, known: Known) -> tuple[np.ndarray, dict[str, str]]:
    """The ids of a column as text, and those that are refused: numbers that stand for several known series.

    A number of type float is written without its fraction (`1`, not `1.0`) unless the model knows `1.0`.

    Args:
        column: without empty cells.
    """
    cells = column.astype(object).tolist()
    ids, refused = [], {}
    for cell in cells:
        name = str(cell)
        if isinstance(cell, Number):
            if isinstance(cell, float) and cell.is_integer() and name not in known.names:
                name = str(int(cell))
            same = known.equal(name)
            if len(same) > 1:
                refused[name] = (
                    f"the model knows {_list(same)}, and the ids of the table are numbers, which cannot "
                    f"distinguish them: {READ_TEXT}"
                )
        ids.append(name)
    return np.array(ids, dtype=object), refused


def _list(names: list[str]) -> str:
    return " and ".join(map(repr, names))

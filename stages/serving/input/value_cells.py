"""The error of a table, and a cell as sentences show it."""

from __future__ import annotations

from typing import Any

WIDTH = 60  # characters that are shown


class TableError(ValueError):
    """Nothing can be forecast from the table or the series; says what is wrong and what to change."""


def shown(cell: Any) -> str:
    """The cell as text, and short."""
    try:
        text = str(cell)
    except ValueError:  # Python does not write whole numbers of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"

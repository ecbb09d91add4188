"""A cell of a table as a sentence shows it."""

from __future__ import annotations

from typing import Any

WIDTH = 60  # characters that are shown


def shown(cell: Any) -> str:
    """The cell as text, and short."""
    try:
        text = str(cell)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"

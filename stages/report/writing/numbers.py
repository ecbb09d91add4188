"""Numbers as a person reads them."""

from __future__ import annotations

import math


def number(value: float, digits: int = 4) -> str:
    """A setting, a λ or a count for a person; a dash where there is none."""
    if 10**digits <= abs(value) < 1e9:
        return f"{value:.0f}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−") if math.isfinite(value) else "–"


def measured(value: float, digits: int = 4) -> str:
    """A measured number: its known digits with a last 0 among them, so that columns line up."""
    if not math.isfinite(value) or value == 0 or 10**digits <= abs(value) < 1e9:
        return number(value, digits)
    return f"{value:#.{digits}g}".removesuffix(".").replace("-", "−")


def percent(value: float) -> str:
    """A share for a person, with its sign; a dash where there is none."""
    return f"{value:+.1f} %".replace("-", "−") if math.isfinite(value) else "–"

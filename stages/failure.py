"""How a stage says that the user's input cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Callable


def guarded(main: Callable[[], None]) -> None:
    """Run a stage; a ValueError (bad input) ends it with its sentence alone, without a stack trace."""
    try:
        main()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None

"""How a stage says that the user's input cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Callable


class ParameterError(ValueError):
    """A value of params.yaml breaks a rule; the message names key, value, rule and remedy."""


def guarded(main: Callable[[], None]) -> None:
    """Run a stage; a ValueError (bad input) ends it with its message, without a stack trace."""
    try:
        main()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None

"""numba's hook for where compiled kernels are kept; named by `cache.py`, imported by numba."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numba.core.caching import UserProvidedCacheLocator

from stages.environment import kernels_folder
from stages.networks.digest import code_digest

_STAGES = Path(__file__).resolve().parents[2]


class DigestLocator(UserProvidedCacheLocator):  # type: ignore[misc]
    """Serves the functions below stages/ alone."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)
        self._cache_path = str(kernels_folder() / code_digest()[:16])

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> DigestLocator | None:
        """The locator of a function; None (numba asks the next one) for other projects' functions."""
        if _STAGES not in Path(py_file).resolve().parents:
            return None
        locator = cls(py_func, py_file)
        locator.ensure_cache_path()
        return locator

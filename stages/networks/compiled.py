"""Where compiled kernels are kept between runs.

numba keeps them by a source file's path and contents, and notices no change in a function that a kept one
calls. Here they are kept by the digest of all sources of the kernels instead, so they are never stale and
serve every copy of the repository: experiments in temporary clones do not compile again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from stages.networks.digest import code_digest

if TYPE_CHECKING:
    import stages.networks.locator  # noqa: F401  (numba imports it, by its name below)


def compiled_folder() -> Path:
    """RIDGELINE_COMPILED, or .ridgeline/compiled of the repository the experiment was started from."""
    root = Path(os.environ.get("DVC_ROOT", ".")).resolve()
    chosen = os.environ.get("RIDGELINE_COMPILED")
    return (Path(chosen) if chosen else root / ".ridgeline" / "compiled") / code_digest()[:16]


def use_cache() -> None:
    """Choose the place; call it before anything imports numba; worker processes inherit it."""
    os.environ.setdefault("RIDGELINE_COMPILED", str(compiled_folder().parent))
    # The first serves this project's functions, the others are numba's own, for those of libraries.
    ours = "stages.networks.locator.DigestLocator"
    libraries = "InTreeCacheLocator,UserWideCacheLocator"
    os.environ.setdefault("NUMBA_CACHE_LOCATOR_CLASSES", f"{ours},{libraries}")

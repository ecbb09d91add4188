"""Where compiled kernels are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path

from stages.networks.digest import code_digest


def use_cache() -> None:
    """Point numba's cache to a folder named by the kernels' source; call it before numba is imported.

    numba itself does not notice a change in a function that a cached one calls.
    """
    root = Path(os.environ.get("DVC_ROOT", ".")).resolve()
    folder = root / ".ridgeline" / "compiled" / code_digest()[:16]
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))

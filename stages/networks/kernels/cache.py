"""Where compiled kernels are kept between runs.

numba keeps them by a source file's path and contents, and notices no change in a function that a kept one
calls. Here they are kept by the digest of all sources of the kernels instead, so they are never stale and
serve every copy of the repository: experiments in temporary clones do not compile again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.environment import keep_kernels

if TYPE_CHECKING:
    import stages.networks.kernels.locator  # noqa: F401  (numba imports it, by its name below)


def use_cache() -> None:
    """Call it before anything imports numba."""
    # The first serves this project's functions, numba's two others those of libraries.
    ours = "stages.networks.kernels.locator.DigestLocator"
    keep_kernels(f"{ours},InTreeCacheLocator,UserWideCacheLocator")

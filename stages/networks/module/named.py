"""The network of an entry of `train.cells`, built in or the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.networks.module.source import Source, is_module, label
from stages.networks.shape import Network


def network_named(cell: str, root: Path, **shape: Any) -> Network:
    """The network of this shape; a class of the user's is read below `root` and tried.

    Raises:
        ValueError: the shape has no meaning, or the class cannot be trained.
    """
    if not is_module(cell):
        return Network(cell, **shape)
    from stages.networks.module.inspect import with_module  # torch, for those alone that need it

    return with_module(cell, Network(label(cell), **shape, module=Source(cell, (), ())), root)

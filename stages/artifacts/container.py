"""One file of named arrays with a JSON header: the form of every binary artifact.

The file is a plain safetensors file whose only metadata key is `meta` (with more than one key
safetensors writes them in random order), so that any tool can read it and its bytes are a function
of its contents.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

_DTYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}


def save(path: Path | str, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
    """Write arrays and meta to `path` in one atomic step (a reader sees the old or the new file)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"meta": json.dumps(meta, sort_keys=True, ensure_ascii=False)}
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    try:
        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, partial, header)
        os.chmod(partial, 0o644)  # mkstemp's 0600 would hide the file from other users of a cache
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def load(path: Path | str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays as read-only memory maps of the file, and its meta.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a container (truncated, or of another tool).
    """
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= size - 8:
            raise ValueError(f"{path} is not a container: its header is damaged; make it again")
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            raise ValueError(f"{path} is not a container: {error}; make it again") from error
    meta = json.loads(header.pop("__metadata__", {}).get("meta", "{}"))
    arrays: dict[str, np.ndarray] = {}
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        if 8 + length + stop > size:
            raise ValueError(f"{path} is truncated: {name} ends after the file does; make it again")
        shape, dtype = tuple(entry["shape"]), np.dtype(_DTYPES[entry["dtype"]])
        if start == stop:  # an empty array cannot be mapped
            arrays[name] = np.empty(shape, dtype)
        else:
            arrays[name] = np.memmap(path, dtype, "r", 8 + length + start, shape)
    return arrays, meta

"""Studies that are trained in a folder of their test."""

from __future__ import annotations

import pytest

from tests.support.synthetic_windows import synthetic_windows


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with development data and no store."""
    synthetic_windows(groups=2).save(tmp_path / "development.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("RIDGELINE_WORKERS", "1")
    return tmp_path

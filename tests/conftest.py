"""Compiled kernels are kept between test runs, in the folder that the stages use."""

from __future__ import annotations

import stages.pin  # noqa: F401
from stages.networks.compiled import use_cache

use_cache()

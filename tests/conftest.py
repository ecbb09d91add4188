"""Compiled kernels are kept between test runs, in the folder that the stages use; studies that are shared."""

from __future__ import annotations

import stages.environment  # noqa: F401
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stages.networks.kernels.cache import use_cache

use_cache()

if TYPE_CHECKING:
    from stages.report.study import Study


@pytest.fixture(scope="session")
def study_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of a synthetic study of two series; tests only read them."""
    from tests.support.synthetic_study import Maker

    return Maker(tmp_path_factory.mktemp("study"), ("north", "south")).write()


@pytest.fixture(scope="session")
def written(
    study_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Study, Path]:
    """That study and the folder of its report, to be read alone."""
    from stages.report.params import ReportParams
    from stages.report.stage import run

    folder = tmp_path_factory.mktemp("report")
    return run(**study_files, folder=folder, params=ReportParams()), folder

"""What two tools see of one study, and whether it is the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.windows import Windows


@dataclass(frozen=True)
class Parts:
    """What both tools see of a series, and the scales of their errors.

    Attributes:
        raw: (T,) the file's values.
        stop: steps of the final fit's training part.
        origins: (N,) steps of the test windows' origins. targets: (N, H) theirs, in the data's units.
        training_targets: (m, H) of the final fit, as networks see them.
        center, scale: of the final fit. unit: what errors are divided by, the training part's deviation.
    """

    raw: np.ndarray
    stop: int
    origins: np.ndarray
    targets: np.ndarray
    training_targets: np.ndarray
    center: float
    scale: float
    unit: float

    @classmethod
    def of(cls, folder: Path, column: str) -> Parts:
        """From the windows of a study in `folder`, of the series in a column of its file."""
        development = Windows.load(folder / "development.safetensors")
        test, final = Windows.load(folder / "test.safetensors"), development.folds[-1]
        center, scale = final.center[0, 0], final.scale[0, 0]
        return cls(
            raw=pd.read_csv(folder / "series.csv")[column].to_numpy(float),
            stop=int(final.train[-1]) + development.layout.horizon + 1,
            origins=test.group_origin(test.rows)[1] + test.offset,
            targets=test.targets(test.rows)[:, :, 0],
            training_targets=(development.targets(final.train)[:, :, 0] - center) / scale,
            center=float(center),
            scale=float(scale),
            unit=float(test.scale[0, 0]),
        )

    @property
    def scaled(self) -> np.ndarray:
        """(T,) the series as the networks of the final fit see it."""
        return (self.raw - self.center) / self.scale

    def errors(self, forecasts: np.ndarray) -> np.ndarray:
        """Errors (…, N, H) of forecasts that are in the final fit's scale, in `unit`s."""
        return (self.center + self.scale * forecasts - self.targets) / self.unit

    def check_same_windows(self, theirs: dict[str, Any]) -> None:
        """Assert that both tools trained on the same scaled targets and forecast the same test targets.

        The pipeline's are those of its windows. The other tool's are what its loss was given, in any order,
        and the file's values at the steps that its forecasts name.
        """
        first, second = (
            rows[np.lexsort(rows.T)] for rows in (self.training_targets, theirs["training_targets"])
        )
        np.testing.assert_allclose(second, first, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(theirs["steps"][:, 0], self.origins + 1)
        np.testing.assert_allclose(self.raw[theirs["steps"]], self.targets, rtol=1e-12)

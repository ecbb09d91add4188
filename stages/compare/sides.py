"""One side of a diff: a study's small files, read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit, load_fits
from stages.artifacts.windows import Windows
from stages.report.judging.contenders import Contender
from stages.report.params import ReportParams
from stages.report.read_losses import of_members
from stages.tracking.history.git import UnavailableError
from stages.tracking.history.revisions import Repository
from stages.tracking.store.resolve import Named


@dataclass(frozen=True)
class Side:
    """A study as it was named, and its files by flag.

    label: short, and different from the other sides'.
    """

    label: str
    named: Named
    files: dict[str, Path]

    @property
    def params(self) -> dict[str, Any]:
        return self.named.revision.lock.params

    @cached_property
    def table(self) -> pd.DataFrame:
        """lambda_path.csv."""
        return pd.read_csv(self.files["report"] / "lambda_path.csv")

    @cached_property
    def fits(self) -> dict[str, Fit]:
        """Cell → its fit.

        Raises:
            UnavailableError: they cannot be read, as those of another version of the code.
        """
        try:
            return {fit.cell: fit for fit in load_fits(self.files["fits"])}
        except ValueError as error:
            raise UnavailableError(f"{self.label} cannot be compared: {error}") from error

    @cached_property
    def windows(self) -> Windows:
        return Windows.load(self.files["development"])

    @cached_property
    def lam_indices(self) -> dict[str, int]:
        """Cell → index of the λ that is compared: the one that was named, else the chosen one."""
        chosen = self.table[self.table["selected"]]
        pairs = list(zip(chosen["cell"], chosen["lam"], strict=True))
        if self.named.point is not None:
            pairs = [self.named.point]
        grids = {cell: np.array(self.fits[cell].lambdas) for cell, _ in pairs}
        return {cell: int(np.argmin(np.abs(grids[cell] - lam))) for cell, lam in pairs}

    def lam(self, cell: str) -> float:
        return self.fits[cell].lambdas[self.lam_indices[cell]]

    def row(self, cell: str) -> pd.Series:
        """The row of lambda_path.csv at the compared λ."""
        rows = self.table[self.table["cell"] == cell]
        return rows.iloc[int(np.argmin(np.abs(rows["lam"].to_numpy() - self.lam(cell))))]

    @property
    def judging(self) -> ReportParams:
        """How the study judges."""
        section = ReportParams.model_fields
        names = {name: f"report.{name}" for name in section if f"report.{name}" in self.params}
        return ReportParams(**{name: self.params[key] for name, key in names.items()})

    @property
    def measure(self) -> str:
        """What λ is chosen by."""
        return self.judging.measured(next(iter(self.fits.values())).config["loss"])

    def contender(self, cell: str, measure: str) -> Contender:
        """The members at the compared λ, their test losses in scaled units."""
        losses = of_members(self.files["scores"], cell, measure)
        members = tuple(losses[self.lam(cell), seed] for seed in range(self.fits[cell].seeds))
        return Contender(f"{self.label}: {cell}", members, self.lam(cell), seeded=True)

    def validated(self) -> list[np.ndarray]:
        """(2, N) group and time of the origins of each fold's validation windows."""
        windows, origins = self.windows, []
        for fold in windows.folds:
            if fold.validation.size:
                group, origin = windows.group_origin(fold.validation)
                origins.append(np.stack([group, windows.time[origin]]))
        return origins

    def path(self, cell: str, column: str) -> np.ndarray:
        """(Λ,) a column of lambda_path.csv along the cell's grid."""
        return self.table.loc[self.table["cell"] == cell, column].to_numpy(float)


def load_sides(repository: Repository, named: list[Named], folder: Path) -> list[Side]:
    """Every named study with its files below `folder`.

    Raises:
        UnavailableError: some files are not available anywhere.
    """
    sides = []
    for i, study in enumerate(named):
        label = study.token[:8] if len(study.token) >= 32 else study.token
        if study.point is not None:
            label = f"{label} ({study.point[0]} λ={study.point[1]:.4g})"
        sides.append(Side(label, study, repository.fetch(study.revision, folder / str(i))))
    return sides


def all_cells(sides: list[Side]) -> list[str]:
    """Cells that any side has, in the order of the first that has them."""
    return list(dict.fromkeys(cell for side in sides for cell in side.lam_indices))

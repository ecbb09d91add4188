"""Cautions that belong with the numbers of a study."""

from __future__ import annotations

import numpy as np

from stages.report.judging.selection import edge_warning
from stages.report.judging.verdicts import FEW_SEEDS, SHORT
from stages.report.study import Study
from stages.report.writing import intervals


def warnings(study: Study) -> list[str]:
    """Sentences on grid edges, diverged members, a short test part, few seeds, dependence, intervals."""
    sentences = []
    for cell in study.cells:
        edge = edge_warning(cell.path, study.params.rule)
        if edge:
            sentences.append(f"{cell.name}: {edge}.".replace("`", ""))
    sentences += [
        f"{name}: {edge}; widen evaluate.{name}.lambdas."
        for name, edge in study.index.edges.items()
    ]
    for cell in study.cells:
        pairs = zip(cell.path.lambdas, cell.path.loss, strict=True)
        lost = ", ".join(f"{lam:.4g}" for lam, loss in pairs if not np.isfinite(loss))
        if lost:
            sentences.append(f"{cell.name}: a member diverged at λ = {lost}.")
    if study.horizons < SHORT:
        sentences.append(
            f"The test part holds {study.horizons:.1f} independent horizons ({study.origins} "
            f"windows of horizon {study.horizon}), fewer than {SHORT}: it is too short to show much."
        )
    seeds = study.best.fit.seeds
    if seeds < FEW_SEEDS:
        sentences.append(
            f"{'One seed' if seeds == 1 else f'{seeds} seeds'}: what other initial weights would give is "
            f"not known, so no question is decided; set train.seeds to {FEW_SEEDS} or more."
        )
    if study.outlasting:
        sentences.append(
            f"On validation the loss differences of {' and of '.join(study.outlasting)} are still correlated "
            f"after {study.horizon} steps, a whole horizon: intervals may be too narrow."
        )
    return sentences + intervals.cautions(study)

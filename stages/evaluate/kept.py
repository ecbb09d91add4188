"""Which forecasts data/forecasts keeps: of the λ's that may be chosen, of λ = 0, and all ensembles.

The report's rule and measure may then be changed without a new `evaluate`.
"""

from __future__ import annotations

from stages.artifacts.fits import Fit
from stages.artifacts.windows import Windows
from stages.report.judging.selection import lambda_path


def kept_lambdas(fit: Fit, development: Windows) -> set[float]:
    """λ = 0, if the grid has it, and what either rule chooses under any measure.

    Raises:
        ValueError: see `lambda_path`; no λ can be chosen.
    """
    kept = {0.0} & set(fit.lambdas)
    for losses in fit.window_losses.values():
        folds = [fold for fold in development.folds if fold.name in losses]
        path = lambda_path(
            fit.lambdas,
            [losses[fold.name] for fold in folds],
            [development.group_origin(fold.validation)[1] for fold in folds],
            development.layout.horizon,
        )
        kept |= {path.lambdas[path.minimum], path.lambdas[path.one_standard_error]}
    return kept

"""Which forecasts data/forecasts keeps: of the λ's that may be chosen, of λ = 0, and all ensembles.

The report's rule and measure may then be changed without a new `evaluate`.
"""

from __future__ import annotations

from stages.artifacts.fits import Fit
from stages.artifacts.windows import Windows
from stages.report.judging.selection import path_of


def kept_lambdas(fit: Fit, development: Windows) -> set[float]:
    """λ = 0, if the grid has it, and what either rule chooses under any measure.

    Raises:
        ValueError: see `path_of`; no λ can be chosen.
    """
    kept = {0.0} & set(fit.lambdas)
    for measure in fit.window_losses:
        path = path_of(fit, development, measure)
        kept |= {path.lambdas[path.minimum], path.lambdas[path.one_standard_error]}
    return kept

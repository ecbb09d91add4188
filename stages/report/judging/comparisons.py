"""Which pairs of a study's forecasters are compared: each pair gives one verdict.

Each cell at its chosen λ (the mean of its members' losses), and the ensemble of its seeds, against
λ = 0 and against every baseline; each cell against each other cell. All of them are counted in Holm's
correction: the best baseline is known in hindsight, so a verdict against it alone would flatter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from stages.report.judging.cell import Cell
from stages.report.judging.verdicts import Pair, Verdict, WindowLosses

ZERO = "λ = 0"
HEAD = (
    "forecaster",
    "against",
    "difference",
    "interval",
    "p",
    "Holm",
    "DM-HLN p",
    "bootstrap",
    "verdict",
)


def together(cell: Cell) -> str:
    """The name of the ensemble of a cell's seeds."""
    return f"{cell.name} ensemble"


def chosen_losses(cell: Cell) -> dict[str, WindowLosses]:
    """The forecasters of a cell at its chosen λ: its members' mean loss, and their ensemble."""
    mean = {cell.name: cell.losses[cell.chosen]}
    return mean | ({together(cell): cell.ensemble[cell.chosen]} if cell.ensemble else {})


def pairs(cells: Sequence[Cell], baselines: Mapping[str, WindowLosses]) -> list[Pair]:
    """All pairs that a study judges: cells first, then cell against cell, then ensembles."""
    listed: list[Pair] = []
    for cell in cells:
        listed += _against(cell, cell.name, cell.losses, baselines)
    for one, two in combinations(cells, 2):
        name = f"{two.name} at λ = {two.lam:.4g}"
        listed.append((one.name, one.lam, name, one.losses[one.chosen], two.losses[two.chosen]))
    for cell in cells:
        if cell.ensemble:
            listed += _against(cell, together(cell), cell.ensemble, baselines)
    return listed


def _against(
    cell: Cell, name: str, losses: Sequence[WindowLosses], baselines: Mapping[str, WindowLosses]
) -> list[Pair]:
    chosen = losses[cell.chosen]
    zero = [] if cell.zero is None else [(name, cell.lam, ZERO, chosen, losses[cell.zero])]
    return zero + [(name, cell.lam, key, chosen, other) for key, other in baselines.items()]


def row(verdict: Verdict) -> list[str]:
    """A verdict under HEAD."""
    who = f"{verdict.cell}, λ = {verdict.lam:.4g}"
    if verdict.word == "same":
        return [who, verdict.against, *["–"] * 6, "same"]
    cells = [f"{verdict.percent:+.1f} %", f"{verdict.low:+.1f} to {verdict.high:+.1f}"]
    cells += [_probability(p) for p in (verdict.p, verdict.adjusted, verdict.diebold_mariano)]
    cells += ["{:+.1f} to {:+.1f}".format(*verdict.bootstrap)]
    shown = [text if not ("nan" in text or "inf" in text) else "–" for text in cells]
    return [who, verdict.against, *(text.replace("-", "−") for text in shown), verdict.word]


def _probability(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"

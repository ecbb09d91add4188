"""The next grids of λ, as commands that a person can paste: beyond an edge, and closer to the minimum."""

from __future__ import annotations

from collections.abc import Sequence

from stages.report.judging.selection import LambdaPath, edge, finer

KEY = "train.penalty.lambdas"


def command(lambdas: Sequence[float]) -> str:
    """The experiment with these λ, written so that the very same floats are read back.

    The old grid is taken out first: DVC does not replace a mapping (`from`, `to`, …) by a list.
    """
    values = ",".join(repr(float(lam)).removesuffix(".0") for lam in sorted(set(lambdas)))
    return f"dvc exp run -S '~{KEY}' -S '+{KEY}=[{values}]'"


def extension(paths: Sequence[LambdaPath], rule: str) -> str | None:
    """The grid with what it lacks at the edge where some cell's choice lies; None if none does."""
    found = [edge(path, rule) for path in paths]
    more = [lam for one in found if one is not None for lam in one[1]]
    return command([*_grid(paths), *more]) if more else None


def refinement(paths: Sequence[LambdaPath]) -> str | None:
    """The grid with more values around each cell's minimum; None if it has no positive λ."""
    more = [lam for path in paths for lam in finer(path)]
    return command([*_grid(paths), *more]) if more else None


def _grid(paths: Sequence[LambdaPath]) -> list[float]:
    """All that was trained: it stays in the grid, since the member store has it already."""
    return [lam for path in paths for lam in path.lambdas]

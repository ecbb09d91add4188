"""The next grids of λ, as commands to paste: beyond an edge, and closer to the minimum."""

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
    edges = [edge(path, rule) for path in paths]
    added = [lam for at_edge in edges if at_edge is not None for lam in at_edge[1]]
    return command([*_grid(paths), *added]) if added else None


def refinement(paths: Sequence[LambdaPath]) -> str | None:
    """The grid with more values around each cell's minimum; None if it has no positive λ."""
    added = [lam for path in paths for lam in finer(path)]
    return command([*_grid(paths), *added]) if added else None


def _grid(paths: Sequence[LambdaPath]) -> list[float]:
    """All that was trained: it stays in the grid, since the member store has it already."""
    return [lam for path in paths for lam in path.lambdas]

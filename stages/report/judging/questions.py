"""What a study asks, fixed before its test part is seen.

    primary     (1) the cell that validation chose, at its λ, against itself at λ = 0 (not asked where λ = 0
                was chosen); (2) the same, or a mean of a cell and ridge that validation prefers to it,
                against the baseline that validation chose
    secondary   each other cell at its λ against itself at λ = 0; judged only when both primary questions are
                settled
    other       all other pairs: each cell, and each mean, against each baseline, each other cell, ensembles,
                early stopping; an interval and p, no word

Holm's correction is over the questions of a family. A fixed sequence, (2) only once (1) is settled, was
simulated: where L2 does nothing and the baseline wins by far it says so in 2 to 4 % of studies,
Holm over the two in all (benchmarks/coverage.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from stages.report.judging.cell import Cell
from stages.report.judging.contenders import Contender
from stages.report.judging.mean import Mean
from stages.report.judging.verdicts import Pair, Verdict, decide, estimate
from stages.report.params import ReportParams

ZERO = "λ = 0"
STOPPED = "λ = 0, stopped early"


def ensemble_name(cell: str) -> str:
    """The name of the ensemble of a cell's seeds."""
    return f"{cell} ensemble"


@dataclass(frozen=True)
class Answers:
    """The verdicts of a study by family; `secondary` has words only where `opened`."""

    primary: tuple[Verdict, ...] = ()
    secondary: tuple[Verdict, ...] = ()
    other: tuple[Verdict, ...] = ()
    opened: bool = False

    @property
    def all(self) -> tuple[Verdict, ...]:
        return self.primary + self.secondary + self.other

    @property
    def judged(self) -> tuple[Verdict, ...]:
        """Those that have a word."""
        return tuple(verdict for verdict in self.all if verdict.word)

    def of(self, cell: str, against: str | None) -> Verdict | None:
        """The verdict on a pair; None where it was not compared."""
        return next((v for v in self.all if (v.cell, v.against) == (cell, against)), None)


def ask(
    cells: Sequence[Cell],
    best: Cell,
    baselines: Mapping[str, Contender],
    chosen: str | None,
    horizon: int,
    params: ReportParams,
    means: Sequence[Mean] = (),
    leader: Cell | Mean | None = None,
) -> Answers:
    """The answers of a study.

    Args:
        best: the cell that validation chose. baselines: by name. chosen: the baseline that validation chose;
            None where there is none.
        means: of cells and ridge. leader: the one of them that validation prefers to `best`; None: none.
    """
    leader = leader or best
    primary = _zero(best) + ([] if chosen is None else [(leader.contender, baselines[chosen])])
    secondary = [pair for cell in cells if cell is not best for pair in _zero(cell)]
    other = [
        *_against_baselines([*cells, *means], leader, baselines, chosen),
        *_rest(cells, means, baselines),
    ]
    estimated = iter(estimate([*primary, *secondary, *other], best.measure, horizon, params))
    first, second = ([next(estimated) for _ in family] for family in (primary, secondary))
    settled = decide(first)
    opened = bool(settled) and all(verdict.settled for verdict in settled)
    return Answers(settled, decide(second) if opened else tuple(second), tuple(estimated), opened)


def _zero(cell: Cell) -> list[Pair]:
    """A cell at its λ against itself at λ = 0, where that is a question."""
    if cell.at_zero is None or cell.zero == cell.chosen:
        return []
    return [(cell.contender, cell.at_zero)]


def _against_baselines(
    networks: Sequence[Cell | Mean],
    leader: Cell | Mean,
    baselines: Mapping[str, Contender],
    chosen: str | None,
) -> Iterator[Pair]:
    for one in networks:
        for name, baseline in baselines.items():
            if one is not leader or name != chosen:
                yield one.contender, baseline


def _rest(
    cells: Sequence[Cell], means: Sequence[Mean], baselines: Mapping[str, Contender]
) -> Iterator[Pair]:
    """Early stopping, cell against cell, each mean against its cell, and ensembles."""
    for cell in cells:
        if cell.stopped is not None:
            yield cell.contender, cell.stopped.contender
    for one, two in combinations(cells, 2):
        yield one.contender, two.contender
    by_name = {cell.name: cell for cell in cells}
    for mean in means:
        yield mean.contender, by_name[mean.cell].contender
    for cell in cells:
        if cell.ensemble is not None:
            if cell.ensemble_at_zero is not None and cell.zero != cell.chosen:
                yield cell.ensemble, cell.ensemble_at_zero
            for baseline in baselines.values():
                yield cell.ensemble, baseline
    for mean in means:
        if mean.ensemble is not None:
            for baseline in baselines.values():
                yield mean.ensemble, baseline

"""What a diff says, section by section, for the page and for its short version in Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import yaml

from stages.compare import figures
from stages.compare.sides import Side, all_cells
from stages.losses import MEASURES
from stages.report.judging.contenders import Contender
from stages.report.judging.verdicts import WORDS, Pair, Verdict, decide, estimate
from stages.report.page.answer import intervals
from stages.report.page.parts import Block, Facts, Section, Table, Text, Verdicts
from stages.report.writing import verdict_words
from stages.report.writing.loss_words import MEASURES as LONG
from stages.report.writing.numbers import measured, number
from stages.report.writing.table_rows import METRICS

_PARTS = {"validation": "validation", "test": "test", "training": "train"}
_ERRORS = {f"{name} {METRICS[m]}": f"{part}_{m}" for m in MEASURES for name, part in _PARTS.items()}


def sections(sides: list[Side]) -> list[Section]:
    """Verdicts and errors, parameters, paths, curves and weights; drawn within `style.style()`."""
    makers: list[Callable[[list[Side]], Section]] = [_answer, _params, _path, _curves, _weights]
    return [section for section in (make(sides) for make in makers) if section.blocks]


def _answer(sides: list[Side]) -> Section:
    judged, rest = _verdicts(sides)
    blocks: list[Block] = [Text([_lowest(sides) + _shown(judged)], lead=True), _facts(sides)]
    if judged:
        blocks.append(_comparisons(judged))
    if rest:
        blocks.append(Verdicts(rest))
    drawn = [verdict for verdict in judged if verdict.measured]
    if drawn:
        blocks.append(intervals(drawn))
    return Section("answer", "The answer", [*blocks, _errors(sides)])


def _lowest(sides: list[Side]) -> str:
    """Whose validation error is lowest, where the sides have one scale and the same windows."""
    why = next((why for side in sides[1:] if (why := _unlike(sides[0], side))), "")
    if why:
        return f"Validation errors of the sides cannot be compared: {why}."
    measure = sides[0].measure
    best = (
        (_validation(side, cell, measure), i, cell)
        for i, side in enumerate(sides)
        for cell in side.lam_indices
    )
    error, i, cell = min(best)
    value = (
        f"{number(sides[i].lam(cell))} of {sides[i].label} ({METRICS[measure]} {measured(error)})"
    )
    return f"The lowest validation error is that of {cell} at λ = {value}."


def _shown(judged: Sequence[Verdict]) -> str:
    """How many of the verdicts settle something on the test part; empty where there are none."""
    if not judged:
        return ""
    counts = {word: sum(verdict.word == word for verdict in judged) for word in WORDS}
    words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    comparisons = "1 comparison" if len(judged) == 1 else f"{len(judged)} comparisons"
    return f" On the test part, of {comparisons}: {words}."


def _comparisons(judged: Sequence[Verdict]) -> Table:
    """All with all, the largest gain first."""
    rows = [verdict_words.row(verdict) for verdict in judged]
    note = (
        "Each side against those named before it; per cent of the reference, negative is better. Words after "
        f"Holm's correction over these {len(judged)}; as good: within ± {judged[0].relevance:g} %."
    )
    last = len(verdict_words.HEAD) - 1
    return Table("All with all", verdict_words.HEAD, rows, words=frozenset({1, last}), note=note)


def _validation(side: Side, cell: str, measure: str) -> float:
    error = float(side.row(cell)[f"validation_{measure}"])
    return error if math.isfinite(error) else math.inf


def _facts(sides: list[Side]) -> Facts:
    """Of each side the cell with the lowest validation error, and the revision that holds the study."""
    facts, measure = [], sides[0].measure
    for side in sides:
        error, cell = min((_validation(side, cell, measure), cell) for cell in side.lam_indices)
        revision = side.named.revision.shown
        remarks = [
            cell,
            f"validation {METRICS[measure]} {measured(error)}",
            *([revision] if revision != side.label else []),
        ]
        facts.append((side.label, f"λ = {number(side.lam(cell))}", ", ".join(remarks)))
    return Facts(facts)


def _errors(sides: list[Side]) -> Table:
    rows = []
    for cell in all_cells(sides):
        holders = [side if cell in side.lam_indices else None for side in sides]
        rows.append([f"{cell}: λ", *("–" if s is None else number(s.lam(cell)) for s in holders)])
        for name, column in _ERRORS.items():
            values = ["–" if s is None else measured(s.row(cell)[column], 5) for s in holders]
            rows.append([f"{cell}: {name}", *values])
    return Table(
        "λ and errors", ["cell", *(side.label for side in sides)], rows,
        marked=frozenset(range(0, len(rows), 1 + len(_ERRORS))),
        note="The chosen λ, unless another was named. Validation and training in scaled units, test "
        f"in the data's; means over seeds. Sides are compared by the {LONG[sides[0].measure]}, as "
        f"{sides[0].label} is judged by it.",
    )  # fmt: skip


def _verdicts(sides: list[Side]) -> tuple[list[Verdict], list[tuple[str, str]]]:
    """Each side against each one before it, cell by cell, on the same test windows.

    Returns:
        The verdicts, the largest gain first; (word, sentence) of each pair that has none.
    """
    first, pairs, rest = sides[0], list[Pair](), list[tuple[str, str]]()
    contenders = {
        (side.label, cell): side.contender(cell, first.measure)
        for side in sides
        for cell in side.lam_indices
    }
    for one, two in combinations(sides, 2):
        for cell, other in _matched(one, two):
            later, earlier = contenders[two.label, cell], contenders[one.label, other]
            names = f"{later.label} against {earlier.label}"
            if why := _no_pair(one, two, later, earlier):
                rest.append(("no verdict", f"{names}: no verdict, {why}."))
            elif _alike(later, earlier):
                rest.append(
                    ("the same", f"{later.label} has the same test losses as {earlier.label}.")
                )
            else:
                pairs.append((later, earlier))
    judged = decide(estimate(pairs, first.measure, first.windows.layout.horizon, first.judging))
    return sorted(judged, key=lambda v: v.percent if v.measured else math.inf), rest


def _no_pair(one: Side, two: Side, later: Contender, earlier: Contender) -> str:
    if why := _incomparable(one, two):
        return why
    same = np.array_equal(later.mean.cutoff, earlier.mean.cutoff)
    return "" if same else "their test windows differ"


def _alike(one: Contender, two: Contender) -> bool:
    return np.array_equal(one.mean.loss, two.mean.loss)


def _incomparable(one: Side, two: Side) -> str:
    """Why the losses of the two cannot be compared, if they cannot."""
    if one.windows.layout.horizon != two.windows.layout.horizon:
        return "their horizons differ"
    same = all(
        np.array_equal(getattr(one.windows, name), getattr(two.windows, name), equal_nan=True)
        for name in ("center", "scale")
    )
    return "" if same else "their scaled units differ (other data or another split)"


def _unlike(one: Side, two: Side) -> str:
    """Why validation errors cannot be compared, if they cannot."""
    a, b = one.validated(), two.validated()
    same = len(a) == len(b) and all(map(np.array_equal, a, b))
    return _incomparable(one, two) or ("" if same else "their validation windows differ")


def _matched(one: Side, two: Side) -> list[tuple[str, str]]:
    """(cell of two, cell of one): the cells of both; if there is none, the only cell of each."""
    shared = [(cell, cell) for cell in two.lam_indices if cell in one.lam_indices]
    if not shared and len(one.lam_indices) == len(two.lam_indices) == 1:
        return [(next(iter(two.lam_indices)), next(iter(one.lam_indices)))]
    return shared


def _params(sides: list[Side]) -> Section:
    rows = []
    for name in dict.fromkeys(name for side in sides for name in side.params):
        values = [_written(side.params[name]) if name in side.params else "–" for side in sides]
        if len(set(values)) > 1:
            rows.append([name, *values])
    block: Block = Text(["All parameters are the same."])
    if rows:
        head, words = (
            ["parameter", *(side.label for side in sides)],
            frozenset(range(1, 1 + len(sides))),
        )
        block = Table("Parameters that differ", head, rows, words=words, wrapped=True)
    return Section("parameters", "Parameters", [block])


def _written(value: Any) -> str:
    """As params.yaml would say it."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.removesuffix("...\n").strip()


def _path(sides: list[Side]) -> Section:
    return Section("path", "The λ paths", [figures.paths(sides)])


def _curves(sides: list[Side]) -> Section:
    return Section("training", "Training", [figures.losses(sides)])


def _weights(sides: list[Side]) -> Section:
    """How far apart the compared networks' weights are; no blocks where no cells can be compared."""
    rows = []
    for side in sides[1:]:
        for cell, other in _matched(sides[0], side):
            a = sides[0].fits[other].weights[-1, sides[0].lam_indices[other]]
            b = side.fits[cell].weights[-1, side.lam_indices[cell]]
            rows.append([f"{side.label}: {cell}", f"{sides[0].label}: {other}", distance(a, b)])
    if not rows:
        return Section("weights", "Weights", [])
    note = "‖w − w₀‖ / ‖w₀‖ at the compared λ, mean over common seeds."
    head = ["w", "w₀", "distance"]
    table = Table("Distance of the weights", head, rows, words=frozenset({1}), note=note)
    return Section("weights", "Weights", [table])


def distance(a: np.ndarray, b: np.ndarray) -> str:
    """‖b − a‖ / ‖a‖, mean over the seeds that both have, as text; a, b: (S, n)."""
    if a.shape[1] != b.shape[1]:
        return f"another size ({a.shape[1]} and {b.shape[1]} weights)"
    seeds = min(len(a), len(b))
    gap = np.linalg.norm(b[:seeds].astype(float) - a[:seeds], axis=1)
    return f"{(gap / np.linalg.norm(a[:seeds].astype(float), axis=1)).mean():.3g}"

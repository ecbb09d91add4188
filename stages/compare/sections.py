"""What a diff tells, section by section: the page and its short version in Markdown are made of the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import yaml

from stages.compare import figures
from stages.compare.sides import Side, all_cells
from stages.losses import MEASURES
from stages.report.judging.verdicts import Pair, Verdict, judge
from stages.report.page.answer import intervals
from stages.report.page.parts import Block, Facts, Section, Table, Text, Verdicts
from stages.report.writing.loss_words import MEASURES as LONG
from stages.report.writing.table_rows import METRICS, measured, number

_PARTS = {"validation": "validation", "test": "test", "training": "train"}
_ERRORS = {f"{name} {METRICS[m]}": f"{part}_{m}" for m in MEASURES for name, part in _PARTS.items()}


def sections(found: list[Side]) -> list[Section]:
    """Verdicts and errors, parameters, paths, curves and weights; drawn within `style.style()`."""
    made: tuple[Callable[[list[Side]], Section], ...] = (_answer, _params, _path, _curves, _weights)
    return [section for section in (make(found) for make in made) if section.blocks]


def _answer(found: list[Side]) -> Section:
    told, judged = _verdicts(found)
    blocks: list[Block] = [Text([_lowest(found) + _shown_better(found[0], judged)], lead=True)]
    blocks.append(_facts(found))
    if told:
        blocks.append(Verdicts(told))
    drawn = [verdict for verdict in judged if math.isfinite(verdict.low)]
    if drawn:
        blocks.append(intervals(drawn))
    return Section("answer", "The answer", [*blocks, _errors(found)])


def _lowest(found: list[Side]) -> str:
    """Whose validation error is lowest, where the sides have one scale and the same windows."""
    why = next((why for side in found[1:] if (why := _unlike(found[0], side))), "")
    if why:
        return f"Validation errors of the sides cannot be compared: {why}."
    measure = found[0].measure
    best = (
        (_validation(side, cell, measure), i, cell)
        for i, side in enumerate(found)
        for cell in side.places
    )
    error, i, cell = min(best)
    value = (
        f"{number(found[i].lam(cell))} of {found[i].label} ({METRICS[measure]} {measured(error)})"
    )
    return f"The lowest validation error is that of {cell} at λ = {value}."


def _shown_better(first: Side, judged: list[Verdict]) -> str:
    """How many of the verdicts show a difference on the test part; empty where there are none."""
    if not judged:
        return ""
    shown = sum(verdict.word in ("better", "worse") for verdict in judged)
    many = f"{shown} of {len(judged)} comparisons show" if shown else "no comparison shows"
    return f" On the test part, {many} a difference from {first.label}."


def _validation(side: Side, cell: str, measure: str) -> float:
    error = float(side.row(cell)[f"validation_{measure}"])
    return error if math.isfinite(error) else math.inf


def _facts(found: list[Side]) -> Facts:
    """Of each side the cell with the lowest validation error, and where the study stands."""
    facts, measure = [], found[0].measure
    for side in found:
        error, cell = min((_validation(side, cell, measure), cell) for cell in side.places)
        where = side.named.revision.shown
        told = [
            cell,
            f"validation {METRICS[measure]} {measured(error)}",
            *([where] if where != side.label else []),
        ]
        facts.append((side.label, f"λ = {number(side.lam(cell))}", ", ".join(told)))
    return Facts(facts)


def _errors(found: list[Side]) -> Table:
    rows = []
    for cell in all_cells(found):
        own = [side if cell in side.places else None for side in found]
        rows.append([f"{cell}: λ", *("–" if s is None else number(s.lam(cell)) for s in own)])
        for name, column in _ERRORS.items():
            values = ["–" if s is None else measured(s.row(cell)[column], 5) for s in own]
            rows.append([f"{cell}: {name}", *values])
    return Table(
        "λ and errors", ["cell", *(side.label for side in found)], rows,
        marked=frozenset(range(0, len(rows), 1 + len(_ERRORS))),
        note="The chosen λ, unless another was named. Validation and training in scaled units, test "
        f"in the data's; means over seeds. Sides are compared by the {LONG[found[0].measure]}, as "
        f"{found[0].label} is judged by it.",
    )  # fmt: skip


def _verdicts(found: list[Side]) -> tuple[list[tuple[str, str]], list[Verdict]]:
    """Each side against the first, cell by cell, on the same test windows.

    Returns:
        (word, sentence) of each, and those that a test decided, by their sides' names.
    """
    first, told, pairs, names = found[0], list[tuple[str, str]](), list[Pair](), list[str]()
    for side in found[1:]:
        why = _incomparable(first, side)
        for cell, other in _matched(first, side):
            who, against = f"{side.label}: {cell}", f"{other} at λ = {number(first.lam(other))}"
            against = f"{against} of {first.label}"
            if why:
                told.append(("no verdict", f"{who} against {against}: no verdict, {why}."))
                continue
            one, two = (s.losses(c, first.measure) for s, c in ((side, cell), (first, other)))
            if not np.array_equal(one.cutoff, two.cutoff):
                why_not = "no verdict, their test windows differ"
                told.append(("no verdict", f"{who} against {against}: {why_not}."))
            elif np.array_equal(one.loss, two.loss):
                told.append(("the same", f"{who} has the same test losses as {against}."))
            else:
                pairs.append((who, side.lam(cell), against, one, two))
                names.append(first.label if cell == other else f"{first.label}: {other}")
    confidence = float(first.params.get("report.confidence", 0.95))
    judged = judge(pairs, first.windows.layout.horizon, confidence)
    told += [(verdict.word, verdict.sentence()) for verdict in judged]
    return told, [replace(v, against=name) for v, name in zip(judged, names, strict=True)]


def _incomparable(one: Side, two: Side) -> str:
    """Why no loss of the two can be compared, if none can."""
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
    """(cell of two, cell of one): the same cells, or the one named on each side."""
    shared = [(cell, cell) for cell in two.places if cell in one.places]
    if not shared and len(one.places) == len(two.places) == 1:
        return [(next(iter(two.places)), next(iter(one.places)))]
    return shared


def _params(found: list[Side]) -> Section:
    rows = []
    for name in dict.fromkeys(name for side in found for name in side.params):
        values = [_shown(side.params[name]) if name in side.params else "–" for side in found]
        if len(set(values)) > 1:
            rows.append([name, *values])
    block: Block = Text(["All parameters are the same."])
    if rows:
        head, words = (
            ["parameter", *(side.label for side in found)],
            frozenset(range(1, 1 + len(found))),
        )
        block = Table("Parameters that differ", head, rows, words=words, wrapped=True)
    return Section("parameters", "Parameters", [block])


def _shown(value: Any) -> str:
    """As params.yaml would say it."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.removesuffix("...\n").strip()


def _path(found: list[Side]) -> Section:
    return Section("path", "The λ paths", [figures.paths(found)])


def _curves(found: list[Side]) -> Section:
    return Section("training", "Training", [figures.losses(found)])


def _weights(found: list[Side]) -> Section:
    """How far the compared networks are from each other; nothing where the sides share no cell."""
    rows = []
    for side in found[1:]:
        for cell, other in _matched(found[0], side):
            a = found[0].fits[other].weights[-1, found[0].places[other]]
            b = side.fits[cell].weights[-1, side.places[cell]]
            rows.append([f"{side.label}: {cell}", f"{found[0].label}: {other}", distance(a, b)])
    if not rows:
        return Section("weights", "Weights", [])
    note = "‖w − w₀‖ / ‖w₀‖ at the compared λ, mean over common seeds."
    head = ["w", "w₀", "distance"]
    table = Table("Distance of the weights", head, rows, words=frozenset({1}), note=note)
    return Section("weights", "Weights", [table])


def distance(a: np.ndarray, b: np.ndarray) -> str:
    """Mean over the seeds that both have of ‖b − a‖ / ‖a‖, as text; a, b: (S, n)."""
    if a.shape[1] != b.shape[1]:
        return f"another size ({a.shape[1]} and {b.shape[1]} weights)"
    seeds = min(len(a), len(b))
    gap = np.linalg.norm(b[:seeds].astype(float) - a[:seeds], axis=1)
    return f"{(gap / np.linalg.norm(a[:seeds].astype(float), axis=1)).mean():.3g}"

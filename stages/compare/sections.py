"""What a diff says, section by section, for the page and for its short version in Markdown."""

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


def sections(sides: list[Side]) -> list[Section]:
    """Verdicts and errors, parameters, paths, curves and weights; drawn within `style.style()`."""
    makers: list[Callable[[list[Side]], Section]] = [_answer, _params, _path, _curves, _weights]
    return [section for section in (make(sides) for make in makers) if section.blocks]


def _answer(sides: list[Side]) -> Section:
    sentences, judged = _verdicts(sides)
    blocks: list[Block] = [Text([_lowest(sides) + _shown_better(sides[0], judged)], lead=True)]
    blocks.append(_facts(sides))
    if sentences:
        blocks.append(Verdicts(sentences))
    drawn = [verdict for verdict in judged if math.isfinite(verdict.low)]
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


def _verdicts(sides: list[Side]) -> tuple[list[tuple[str, str]], list[Verdict]]:
    """Each side against the first, cell by cell, on the same test windows.

    Returns:
        (word, sentence) of each; the verdicts among them, each `against` the name of its side.
    """
    first, sentences, pairs, names = sides[0], list[tuple[str, str]](), list[Pair](), list[str]()
    for side in sides[1:]:
        why = _incomparable(first, side)
        for cell, other in _matched(first, side):
            who, against = f"{side.label}: {cell}", f"{other} at λ = {number(first.lam(other))}"
            against = f"{against} of {first.label}"
            if why:
                sentences.append(("no verdict", f"{who} against {against}: no verdict, {why}."))
                continue
            one, two = (s.losses(c, first.measure) for s, c in ((side, cell), (first, other)))
            if not np.array_equal(one.cutoff, two.cutoff):
                why_not = "no verdict, their test windows differ"
                sentences.append(("no verdict", f"{who} against {against}: {why_not}."))
            elif np.array_equal(one.loss, two.loss):
                sentences.append(("the same", f"{who} has the same test losses as {against}."))
            else:
                pairs.append((who, side.lam(cell), against, one, two))
                names.append(first.label if cell == other else f"{first.label}: {other}")
    confidence = float(first.params.get("report.confidence", 0.95))
    judged = judge(pairs, first.windows.layout.horizon, confidence)
    sentences += [(verdict.word, verdict.sentence()) for verdict in judged]
    return sentences, [replace(v, against=name) for v, name in zip(judged, names, strict=True)]


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
        values = [_shown(side.params[name]) if name in side.params else "–" for side in sides]
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


def _shown(value: Any) -> str:
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

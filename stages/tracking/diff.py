"""`diff`: two or several studies (or members of them) side by side, as a table and a figure."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from stages.report.style import style
from stages.report.verdicts import Pair, judge
from stages.tracking import diff_figure
from stages.tracking.git import UnavailableError
from stages.tracking.resolve import resolve
from stages.tracking.revisions import Repository
from stages.tracking.side import Side, all_cells, sides
from stages.tracking.surroundings import root

_ERRORS = {"validation": "validation_mse", "test": "test_mse", "training": "train_mse"}


def diff(tokens: list[str], out: Path) -> int:
    """Print the comparison and write it to `out`: diff.md, and figures/ as SVG and CSV.

    Returns:
        0; 2 where a side can't be had.
    """
    if len(tokens) < 2:
        print('diff: name two or more: make diff RUNS="HEAD my-experiment"', file=sys.stderr)
        return 2
    repository = Repository(root())
    try:
        studies = repository.studies()
        named = [resolve(repository, token, studies) for token in tokens]
        with tempfile.TemporaryDirectory(prefix="ridgeline-") as folder:
            found = sides(repository, named, Path(folder))
            text = "\n\n".join(_sections(found))
            with style():
                for chart in (diff_figure.paths(found), diff_figure.losses(found)):
                    chart.save(out / "figures")
    except (UnavailableError, LookupError) as error:
        print(f"diff: {error}", file=sys.stderr)
        return 2
    drawn = "\n\n![λ paths](figures/lambda_path.svg)\n\n![curves](figures/curves.svg)\n"
    (out / "diff.md").write_text(text + drawn, encoding="utf-8")
    print(f"{text}\n\nλ paths and curves: {out / 'figures'}")
    return 0


def _sections(found: list[Side]) -> list[str]:
    title = " | ".join(side.label for side in found)
    parts = [f"# {title}"]
    parts += [_params(found), _errors(found), _verdicts(found), _weights(found)]
    return [part for part in parts if part]


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table that is read in a terminal and in Markdown alike."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def _params(found: list[Side]) -> str:
    names = dict.fromkeys(name for side in found for name in side.params)
    rows = []
    for name in names:
        values = [str(side.params.get(name, "—")) for side in found]
        if len(set(values)) > 1:
            rows.append([name, *values])
    if not rows:
        return "All parameters are the same."
    return "Parameters that differ:\n\n" + table(["", *(side.label for side in found)], rows)


def _errors(found: list[Side]) -> str:
    rows = []
    for cell in all_cells(found):
        lams = [f"{side.lam(cell):.4g}" if cell in side.places else "—" for side in found]
        rows.append([cell, "λ", *lams])
        for name, column in _ERRORS.items():
            values = [
                f"{side.row(cell)[column]:.5g}"
                if cell in side.places and column in side.table
                else "—"
                for side in found
            ]
            rows.append(["", f"{name} MSE", *values])
    what = "Chosen λ and errors (validation and training in scaled units, test in the data's):"
    return f"{what}\n\n{table(['', '', *(side.label for side in found)], rows)}"


def _verdicts(found: list[Side]) -> str:
    """Each side against the first, cell by cell, on the same test windows."""
    first, lines, pairs = found[0], [], list[Pair]()
    for side in found[1:]:
        why = _incomparable(first, side)
        for cell, other in _matched(first, side):
            if why:
                lines.append(f"- {side.label} against {first.label}, {cell}: no verdict: {why}.")
                continue
            one, two = side.losses(cell), first.losses(other)
            against = f"{other} at λ = {first.lam(other):.4g} of {first.label}"
            if not np.array_equal(one.cutoff, two.cutoff):
                lines.append(
                    f"- {side.label}, {cell}: no verdict: other test windows than {first.label}."
                )
            elif np.array_equal(one.loss, two.loss):
                lines.append(f"- {side.label}, {cell}: the same test losses as {against}.")
            else:
                pairs.append((f"{side.label}: {cell}", side.lam(cell), against, one, two))
    if pairs:
        confidence = float(first.params.get("report.confidence", 0.95))
        verdicts = judge(pairs, first.windows.layout.horizon, confidence)
        lines += [f"- {verdict.sentence()}" for verdict in verdicts]
    return "Verdicts on the test part:\n\n" + "\n".join(lines) if lines else ""


def _incomparable(one: Side, two: Side) -> str:
    if one.windows.layout.horizon != two.windows.layout.horizon:
        return "another horizon"
    same = all(
        np.array_equal(getattr(one.windows, name), getattr(two.windows, name))
        for name in ("center", "scale")
    )
    return "" if same else "their scaled units differ (other data or another split)"


def _matched(one: Side, two: Side) -> list[tuple[str, str]]:
    """(cell of two, cell of one): the same cells, or the one named on each side."""
    shared = [(cell, cell) for cell in two.places if cell in one.places]
    if not shared and len(one.places) == len(two.places) == 1:
        return [(next(iter(two.places)), next(iter(one.places)))]
    return shared


def _weights(found: list[Side]) -> str:
    rows = []
    for one, two in ((found[0], side) for side in found[1:]):
        for cell, other in _matched(one, two):
            a = one.fits[other].weights[one.places[other]]
            b = two.fits[cell].weights[two.places[cell]]
            rows.append([two.label, one.label, cell, _distance(a, b)])
    if not rows:
        return ""
    what = "Distance of the compared weights, ‖w − w₀‖ / ‖w₀‖, mean over common seeds:"
    return f"{what}\n\n{table(['', 'from', 'cell', 'distance'], rows)}"


def _distance(a: np.ndarray, b: np.ndarray) -> str:
    """a, b: (S, n)."""
    if a.shape[1] != b.shape[1]:
        return f"another size ({a.shape[1]} and {b.shape[1]} weights)"
    seeds = min(len(a), len(b))
    gap = np.linalg.norm(b[:seeds].astype(float) - a[:seeds], axis=1)
    return f"{(gap / np.linalg.norm(a[:seeds].astype(float), axis=1)).mean():.3g}"

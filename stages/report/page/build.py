"""The page: its sections in order, one template, one style sheet and one script, all in one file."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.report.drawing.style import style, variables
from stages.report.page import (
    answer,
    data,
    errors,
    forecasts,
    intervals,
    path,
    provenance,
    training,
    weights,
)
from stages.report.page.parts import Section, Sources

HERE = Path(__file__).parent
SECTIONS = (answer, path, weights, forecasts, intervals, errors, training, data, provenance)


def write_page(sources: Sources, folder: Path) -> None:
    """Write index.html, and every figure with its numbers as figures/<name>.svg and .csv."""
    title = f"Which λ? {', '.join(sources.windows.layout.series[:3])}"
    with style():
        every: list[Section] = [module.section(sources) for module in SECTIONS]
        sections = [section for section in every if section.blocks]
        write(sections, folder, title, "Which λ, and does it help?", _study(sources))


def _study(sources: Sources) -> str:
    """What was studied, in a line."""
    layout, cells = sources.windows.layout, sources.study.cells
    more = len(layout.series) - 3
    series = ", ".join(layout.series[:3]) + (f" and {more} more series" if more > 0 else "")
    fit = cells[0].fit
    counts = (("seed", fit.seeds), ("fold", len(fit.validated)))
    factors = [f"{count} {name}{'s' * (count != 1)}" for name, count in counts]
    networks = " × ".join([f"{len(fit.lambdas)} λ", *factors])
    return (
        f"{series}: {layout.horizon} steps forecast from {layout.lookback} by "
        f"{', '.join(cell.name for cell in cells)}; {networks}"
    )


def write(sections: list[Section], folder: Path, title: str, heading: str, below: str) -> None:
    """Write sections as a page with the files of its figures; within `style.style()`.

    title: of the browser's tab. heading, below: the lines above all sections, large and small.
    """
    for chart in (chart for section in sections for chart in section.charts):
        chart.save(folder / "figures")
    text = render(sections, title, heading, below)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(text, encoding="utf-8", newline="\n")


def render(sections: list[Section], title: str, heading: str, below: str) -> str:
    """The sections as one page that needs nothing else."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"bound": bound, "breakable": breakable}
    text = environment.get_template("page.html.j2").render(
        title=title,
        heading=heading,
        below=below,
        sections=sections,
        light=variables(dark=False),
        dark=variables(dark=True),
        css=(HERE / "page.css").read_text(encoding="utf-8"),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
    )
    return text.lstrip()


def bound(text: str) -> str:
    """The text without line breaks between a number and its per cent sign, before a λ or within λ = 1."""
    return re.sub(r" (?=%|λ)|(?<=λ) (?==)|(?<=λ =) ", "\u00a0", text)


def breakable(command: str) -> Markup:
    """A command whose line may end after a comma, so that no number is broken."""
    return Markup(",<wbr>").join(command.split(","))

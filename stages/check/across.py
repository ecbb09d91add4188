"""Rules that hold between sections of params.yaml, as far as the parameters alone decide them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.evaluate.params import EvaluateParams
from stages.networks.module.named import network_named
from stages.networks.module.source import is_module, known_ahead
from stages.params import ParameterError, Section
from stages.prepare.dates.date_format import check_format
from stages.prepare.params import PrepareParams
from stages.prepare.reading.separators import separator_of
from stages.prepare.reading.signs import check_signs
from stages.prepare.reading.text import check_encoding
from stages.season import infer_season, unknown_season
from stages.train.params import TrainParams
from stages.window.params import WindowParams
from stages.zones import zone_named


def problems_across(sections: Mapping[str, Section]) -> Iterator[str]:
    """A sentence for each broken rule; an invalid section is absent, and its rules are skipped."""
    prepare, window = sections.get("prepare"), sections.get("window")
    train, evaluate = sections.get("train"), sections.get("evaluate")
    if isinstance(prepare, PrepareParams):
        yield from _reading(prepare)
    if isinstance(window, WindowParams) and isinstance(train, TrainParams):
        yield from _segment(window, train)
        if isinstance(prepare, PrepareParams):
            yield from _modules(prepare, window, train)
    if isinstance(prepare, PrepareParams) and isinstance(evaluate, EvaluateParams):
        yield from _season(prepare, window, evaluate)


def _reading(prepare: PrepareParams) -> Iterator[str]:
    """How the file is read, as far as that can be checked without it, by the rules of the readers."""
    rules: tuple[tuple[Callable[[str], Any], str | None], ...] = (
        (separator_of, prepare.separator),
        (check_encoding, prepare.encoding),
        (lambda thousands: check_signs(prepare.decimal, thousands), prepare.thousands),
        (check_format, prepare.date_format),
        (zone_named, prepare.zone),
    )
    for check, value in rules:
        try:
            if value is not None:
                check(value)
        except ParameterError as error:
            yield str(error)


def _segment(window: WindowParams, train: TrainParams) -> Iterator[str]:
    recurrent = [cell for cell in train.cells if cell != "linear" and not is_module(cell)]
    if recurrent and window.lookback % train.segment:
        yield (
            f"train.segment = {train.segment} does not divide window.lookback = {window.lookback}, so that a "
            f"step of {', '.join(recurrent)} would see less than a segment; choose a divisor, or another "
            "lookback"
        )


def _modules(prepare: PrepareParams, window: WindowParams, train: TrainParams) -> Iterator[str]:
    """Classes of `cells/` are tried; under joint channels only `train` knows the sizes of a window."""
    if window.channels == "joint":
        return
    for cell in filter(is_module, train.cells):
        if prepare.future or window.calendar:
            yield known_ahead(cell)
            continue
        try:
            network_named(
                cell, Path.cwd(), features=1 + len(prepare.inputs), outputs=window.horizon,
                lookback=window.lookback, channels=1, hidden=train.hidden, layers=train.layers,
                dropout=train.dropout, normalise=window.normalise,
            )  # fmt: skip
        except ValueError as error:
            yield str(error)


def _season(
    prepare: PrepareParams, window: Section | None, evaluate: EvaluateParams
) -> Iterator[str]:
    """Where the frequency is recognised from the file, the stage `window` applies the same rule."""
    needs = [*evaluate.seasonal]
    if isinstance(window, WindowParams) and window.difference == "seasonal":
        needs.append("window.difference = seasonal")
    known_later = prepare.frequency in ("infer", "rows") or infer_season(prepare.frequency)
    if needs and not evaluate.season and not known_later:
        yield unknown_season(needs, prepare.frequency)

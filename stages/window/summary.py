"""What was cut, for people: the parts of time, the folds, and which series take part in which."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.artifacts.windows import Fold, Windows, unused_validation

NAMED = 5  # series in a line of the terminal


def summary(development: Windows, test: Windows) -> dict[str, Any]:
    """The content of data/windows/summary.json.

    parts: steps and first time of training, validation and test, and what the validation part is used for
    (`Windows.validation_used_for`). validation_spacing: steps between origins. folds: windows, the times of
    the first and last target of a fold's validation windows, and the series that it does not admit. test:
    windows, and the series that are forecast but not ranked, since the split's training part does not admit
    them: they have no scaled error. left_out: series that no fold takes, with the reason.
    """
    layout, time = development.layout, development.time
    ends = [0, development.train_end, len(time), test.offset + len(test.time)]
    firsts = [time[0], time[development.train_end], test.time[len(time) - test.offset]]
    parts = {
        name: {"steps": ends[k + 1] - ends[k], "first": layout.calendar.text(int(firsts[k]))}
        for k, name in enumerate(("training", "validation", "test"))
    }
    parts["validation"]["used_for"] = list(development.validation_used_for)
    folds = {
        fold.name: {
            "training_windows": fold.m,
            "validation_windows": len(fold.validation),
            **_block(development, fold),
            "not_admitted": not_admitted(development, fold.scale),
        }
        for fold in development.folds
    }
    unranked = set(not_admitted(development, development.scale))
    scored = {layout.series[i] for i in np.unique(test.series_of(test.rows))}
    return {
        "parts": parts,
        "validation_spacing": development.validation_spacing,
        "folds": folds,
        "test": {
            "windows": len(test.rows),
            "not_ranked": [name for name in layout.series if name in scored & unranked],
        },
        "left_out": dict(development.left_out),
    }


def _block(windows: Windows, fold: Fold) -> dict[str, str]:
    """Times of the first and last target of its validation windows; empty for the final fit, without any."""
    if not len(fold.validation):
        return {}
    first = int(windows.group_origin(fold.validation)[1].min()) + 1
    text, ends = windows.layout.calendar.text, (first, windows.reach(fold.validation) - 1)
    names = ("validation_first", "validation_last")
    return {name: text(int(windows.time[step])) for name, step in zip(names, ends, strict=True)}


def not_admitted(windows: Windows, scale: np.ndarray) -> list[str]:
    """Names of the series of groups without a scale (G, F)."""
    channels = windows.levels.shape[1]
    groups = np.flatnonzero(np.isnan(scale[:, 0]))
    return [windows.layout.series[g * channels + c] for g in groups for c in range(channels)]


def lines(content: dict[str, Any]) -> list[str]:
    """What a person should know at once."""
    left_out = [f"{name} ({reason})" for name, reason in content["left_out"].items()]
    notes = {
        "left out": left_out,
        "forecast but not ranked, too short in the training part": content["test"]["not_ranked"],
    }
    sentences = [f"{what}: {_listed(names)}" for what, names in notes.items() if names]
    idle = unused_validation(content["parts"]["validation"]["used_for"])
    return sentences + ([idle] if idle else [])


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return "; ".join(names[:NAMED]) + (f"; and {more} more" if more > 0 else "")

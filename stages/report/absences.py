"""What is in which numbers of a study, and what is not: a sentence for each absence, with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stages.artifacts.scores import Index
from stages.artifacts.windows import Fold, Windows

FEW = 5  # named in a sentence; the rest is counted


def absences(windows: Windows, index: Index, metrics: Sequence[str]) -> tuple[str, ...]:
    """Sentences on series, baselines, metrics and covariates that are left out of something.

    Args:
        windows: the development part. metrics: those that have an overall value.
    """
    found = []
    if windows.left_out:
        found.append(f"Not in the study: {_explained(windows.left_out)}.")
    found += [sentence for fold in windows.folds if (sentence := _not_admitted(windows, fold))]
    if index.unranked:
        found.append(
            "Not ranked, so in no scaled error, overall error or verdict of the test part: "
            f"{_explained(index.unranked)}."
        )
    found += [f"No {name}: {reason}." for name, reason in index.absent.items()]
    for metric, series in index.undefined.items():
        name = metric.upper()
        left = f"{name} leaves out" if metric in metrics else f"No {name}: it has no meaning for"
        found.append(f"{left} {_explained(series)}.")
    for fold in windows.folds:
        found += _flat_covariates(windows, fold)
    return tuple(found)


def listed(names: Sequence[str]) -> str:
    """Names for a sentence: the first few, and how many more there are."""
    return _joined(list(names[:FEW]), len(names) - FEW, ", ")


def _explained(reasons: Mapping[str, str]) -> str:
    told = [f"{name} ({reason})" for name, reason in list(reasons.items())[:FEW]]
    return _joined(told, len(reasons) - FEW, "; ")


def _joined(told: list[str], more: int, between: str) -> str:
    if more > 0:
        return f"{between.join(told)} and {more} more"
    return told[0] if len(told) == 1 else f"{between.join(told[:-1])} and {told[-1]}"


def _not_admitted(windows: Windows, fold: Fold) -> str:
    """The series that the fold does not admit: too few values in its training part, or none that vary."""
    lost = np.isnan(np.asarray(fold.scale)[:, 0])
    if not lost.any():
        return ""
    names = [windows.layout.series[group] for group in np.flatnonzero(lost)]
    fit = "The final fit" if fold is windows.folds[-1] else fold.name
    return f"{fit} is without {listed(names)}, whose values before it are too few or do not vary."


def _flat_covariates(windows: Windows, fold: Fold) -> list[str]:
    """Covariates that do not vary in the fold's training part, with the series that they belong to."""
    names, channels = windows.layout.covariates, windows.levels.shape[1]
    flat = np.isinf(np.asarray(fold.scale)[:, channels:])  # (G, F − C)
    joint = channels > 1
    shared = joint and flat.shape[1] == len(names)
    found = []
    for j, name in enumerate(names):
        lost = flat[
            :, j :: len(names)
        ]  # of joint channels one column for each series, unless shared
        if not lost.any():
            continue
        series = [windows.layout.series[i] for i in np.flatnonzero(lost)]
        whose = "" if shared or lost.all() else f" of {listed(series)}"
        fit = "the final fit" if fold is windows.folds[-1] else fold.name
        found.append(
            f"The covariate {name}{whose} does not vary in the training part of {fit}, whose networks see "
            "0 in its place."
        )
    return found

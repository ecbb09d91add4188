"""What is left out of which numbers of a study: a sentence for each absence, with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from stages.artifacts.scores import Index
from stages.artifacts.windows import Fold, Windows

FEW = 5  # named in a sentence; the rest is counted


def absences(windows: Windows, index: Index, metrics: Sequence[str]) -> tuple[str, ...]:
    """Sentences on series, baselines, metrics and covariates that are left out of something.

    Args:
        windows: the development part. metrics: those that have an overall value.
    """
    sentences, learnt = [], "differences" if windows.layout.difference["order"] else "values"
    if windows.left_out:
        sentences.append(f"Not in the study: {_explained(windows.left_out)}.")
    sentences += [
        f"Left out of {listed(folds)}: {who} (too few {learnt} in the training part, {learnt} there that "
        "do not vary, or a first value in the validation part or later)."
        for who, folds in _by_folds(windows, _not_admitted).items()
    ]
    if index.unranked:
        sentences.append(
            "Not ranked, so left out of the test part's scaled errors, errors over all series and verdicts: "
            f"{_explained(index.unranked)}."
        )
    sentences += [f"No baseline {name}: {reason}." for name, reason in index.absent.items()]
    sentences += [
        f"No validation errors of {name}: {reason}." for name, reason in index.unvalidated.items()
    ]
    for metric, series in index.undefined.items():
        name = metric.upper()
        left = f"{name} leaves out" if metric in metrics else f"No {name}: it has no meaning for"
        sentences.append(f"{left} {_explained(series)}.")
    sentences += [
        f"Covariate {what}, which does not vary in the training part: networks see 0 in {listed(folds)}."
        for what, folds in _by_folds(windows, _flat_covariates).items()
    ]
    return tuple(sentences)


def _by_folds(windows: Windows, find: Callable[[Windows, Fold], list[str]]) -> dict[str, list[str]]:
    """Each text that `find` returns for some fold → the names of all folds with that text."""
    folds: dict[str, list[str]] = {}
    for fold in windows.folds:
        name = "the final fit" if fold.name == "final" else fold.name
        for text in find(windows, fold):
            folds.setdefault(text, []).append(name)
    return folds


def listed(names: Sequence[str]) -> str:
    """Names for a sentence: the first few, and how many more there are."""
    return _joined(list(names[:FEW]), len(names) - FEW, ", ")


def _explained(reasons: Mapping[str, str]) -> str:
    items = [f"{name} ({reason})" for name, reason in list(reasons.items())[:FEW]]
    return _joined(items, len(reasons) - FEW, "; ")


def _joined(items: list[str], more: int, between: str) -> str:
    if more > 0:
        return f"{between.join(items)} and {more} more"
    return items[0] if len(items) == 1 else f"{between.join(items[:-1])} and {items[-1]}"


def _not_admitted(windows: Windows, fold: Fold) -> list[str]:
    """The series that the fold does not admit, in one text; empty where it admits all."""
    lost = np.flatnonzero(np.isnan(np.asarray(fold.scale)[:, 0]))
    return [listed([windows.layout.series[group] for group in lost])] if lost.size else []


def _flat_covariates(windows: Windows, fold: Fold) -> list[str]:
    """Covariates that do not vary in the fold's training part, with the series that they belong to."""
    layout, channels = windows.layout, windows.levels.shape[1]
    names, scale = layout.covariates, np.asarray(fold.scale)
    flat = np.isinf(scale[:, channels : scale.shape[1] - layout.cyclic])
    shared = channels > 1 and flat.shape[1] == len(names)
    sources = flat.shape[1] // len(names) if names else 0
    past = len(names) - len(layout.future)
    texts = []
    for j, name in enumerate(names):  # of joint channels a column for each series, unless shared
        begin, count, at = (0, past, j) if j < past else (past, len(layout.future), j - past)
        lost = flat[:, begin * sources + at :: count][:, :sources]
        if lost.any():
            series = [windows.layout.series[i] for i in np.flatnonzero(lost)]
            texts.append(name if shared or lost.all() else f"{name} of {listed(series)}")
    return texts

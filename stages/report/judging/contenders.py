"""What is compared: a forecaster's losses by window, a set of them for each of its networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.report.judging.intervals import Array, by_origin
from stages.report.writing.clock import utc


@dataclass(frozen=True)
class WindowLosses:
    """Loss (N,) of each window in scaled units, sorted by (series, cutoff).

    `series` is the window's unique_id, or empty where all series are forecast together. `cutoff` is its
    origin, in UTC where the data have a zone.
    """

    series: Array
    cutoff: Array
    loss: Array

    @classmethod
    def of(cls, rows: pd.DataFrame, measure: str) -> WindowLosses:
        """From rows with unique_id, cutoff and the measure, one per window."""
        ids = rows["unique_id"].astype("category").cat
        names = ids.categories.to_numpy(object)
        rank = np.argsort(np.argsort(names))[ids.codes]  # sorting numbers, not a million strings
        cutoff = utc(rows["cutoff"]).to_numpy()
        order = np.lexsort((cutoff, rank))
        return cls(
            np.sort(names)[rank[order]],
            cutoff[order],
            rows[measure].to_numpy(float)[order],
        )

    @classmethod
    def mean(cls, members: Sequence[WindowLosses]) -> WindowLosses:
        """The mean over members (seeds) of the loss of each window."""
        first = members[0]
        return cls(first.series, first.cutoff, np.mean([one.loss for one in members], axis=0))

    @property
    def mean_loss(self) -> float:
        return float(self.loss.mean())

    def over_series(self) -> WindowLosses:
        """The mean over the series at each cutoff."""
        times, slot, count = np.unique(self.cutoff, return_inverse=True, return_counts=True)
        return WindowLosses(
            np.full(times.size, ""), times, np.bincount(slot, self.loss, times.size) / count
        )


Folds = Mapping[str, WindowLosses]  # fold → losses of its validation windows


def together(folds: Folds) -> WindowLosses:
    """The windows of all folds."""
    names = ("series", "cutoff", "loss")
    return WindowLosses(
        *(np.concatenate([getattr(one, name) for one in folds.values()]) for name in names)
    )


def mean_of(folds: Folds | None) -> float:
    """The mean loss over the windows of all folds; NaN where there are none."""
    return together(folds).mean_loss if folds else math.nan


@dataclass(frozen=True)
class Contender:
    """A forecaster in a comparison.

    Attributes:
        name: a cell, an ensemble, a baseline, or what a cell is compared with, as "λ = 0".
        members: losses of the network of each seed; of a baseline or an ensemble, which is one object, one.
        lam: its λ for a label; NaN where none is to be shown.
        seeded: whether other initial weights would have given other losses.
    """

    name: str
    members: tuple[WindowLosses, ...]
    lam: float = math.nan
    seeded: bool = False

    @property
    def label(self) -> str:
        return self.name if math.isnan(self.lam) else f"{self.name} at λ = {self.lam:.4g}"

    @property
    def seeds(self) -> int:
        """How many initial weights it was trained from; 0 where it has none."""
        return len(self.members) if self.seeded else 0

    @property
    def mean(self) -> WindowLosses:
        """The mean over its networks of the loss of each window."""
        return WindowLosses.mean(self.members)


def differences(one: Contender, two: Contender) -> list[Array]:
    """Loss differences (S, n) by seed, one per origin, in the order of time; the parts that seeds enter by.

    Where both have as many seeds, or only one has any, there is one part: seed s against seed s, or against
    the one object. Networks of the same seed share initial weights and the order of batches. With different
    numbers of seeds each contender is a part, whose sum is the difference.

    Raises:
        ValueError: the two were not scored on the same windows.
    """
    if one.seeds and two.seeds and one.seeds != two.seeds:
        ours = [_paired(member, two.mean) for member in one.members]
        theirs = [_paired(one.mean, member) for member in two.members]
        return [np.stack(ours), np.stack(theirs) - np.mean(theirs, axis=0)]
    count = max(len(one.members), len(two.members))
    pairs = zip(_repeated(one, count), _repeated(two, count), strict=True)
    return [np.stack([_paired(*pair) for pair in pairs])]


def _repeated(contender: Contender, count: int) -> tuple[WindowLosses, ...]:
    """A member for each seed of the other contender; one object meets them all."""
    return contender.members * (count // len(contender.members))


def _paired(one: WindowLosses, two: WindowLosses) -> Array:
    """(n,) loss differences; where only one forecasts all series together, both are averaged over series."""
    if not np.array_equal(one.series, two.series):
        one, two = one.over_series(), two.over_series()
    if not np.array_equal(one.cutoff, two.cutoff):
        raise ValueError(
            f"two forecasters were scored on different test windows ({one.cutoff.size} and "
            f"{two.cutoff.size}); run the evaluate stage again"
        )
    with np.errstate(invalid="ignore"):  # a forecaster that diverged
        return by_origin(one.loss - two.loss, one.cutoff)[0]

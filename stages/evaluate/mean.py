"""The mean of a network's forecasts and ridge's, in equal parts: a forecaster like others.

    ŷ = ½ (ŷ_network + ŷ_ridge)

Equal parts are not fitted: weights chosen on a validation part are mostly noise, and equal ones seldom lose
to them (Bates & Granger 1969; Stock & Watson 2004).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from stages.artifacts.linear_map import RIDGE, mean_name
from stages.evaluate.baselines.part import Baseline
from stages.evaluate.members import Blocks, Forecaster


@dataclass(frozen=True)
class Halves:
    """The mean of two forecasters' forecasts of the same windows, block by block."""

    one: Blocks
    two: Blocks

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for (rows, y), (same, other) in zip(self.one, self.two, strict=True):
            assert np.array_equal(rows, same), "both cut a part into the same blocks"
            yield rows, (y + other) / 2


class Means:
    """Remembers ridge's forecasts as they are scored, and adds the mean with them to those of networks."""

    def __init__(self) -> None:
        self.ridge: dict[str | None, Forecaster] = {}  # by fold; None: the test part

    @property
    def tested(self) -> Baseline | None:
        """Ridge of the test part; None where the study has none."""
        return self.ridge[None].baseline if None in self.ridge else None

    def remember(self, baselines: Iterable[Forecaster]) -> Iterator[Forecaster]:
        """The baselines, unchanged."""
        for baseline in baselines:
            if baseline.cell == RIDGE:
                self.ridge[baseline.key.fold] = baseline
            yield baseline

    def add(self, networks: Iterable[Forecaster]) -> Iterator[Forecaster]:
        """The networks, after each that is to be averaged its mean with ridge."""
        for network in networks:
            yield network
            if network.averaged:
                both = Halves(network.forecasts, self.ridge[network.key.fold].forecasts)
                yield replace(network, cell=mean_name(network.cell), forecasts=both, mean=True)

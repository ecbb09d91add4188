"""The CPU's engine: fused compiled kernels, one member and tile at a time, on one thread."""

from __future__ import annotations

import numpy as np

from stages.losses import LOSSES
from stages.networks.kernels.evaluation import window_losses
from stages.networks.kernels.workspace import plan_of, workspace_of
from stages.train.engines.engine import FoldData, Part, State
from stages.train.engines.kernel import train_batches
from stages.train.engines.update import ADAM, SGD
from stages.train.planning.members import Recipe


class CompiledEngine:
    """See `Engine`. Its buffers hold one tile of one member: they do not grow with K."""

    def __init__(self, recipe: Recipe, data: FoldData) -> None:
        self.recipe, self.data = recipe, data
        self.plan = plan_of(recipe.network, recipe.batch_size)
        self.workspace = workspace_of(recipe.network, recipe.batch_size, recipe.precision)
        self.loss = list(LOSSES).index(recipe.loss)
        self.grad = np.zeros(recipe.network.parameters, recipe.precision)

    def train(self, state: State, part: Part) -> None:
        recipe, terms = self.recipe, part.terms
        train_batches(
            self.plan, self.workspace, self.data.series, self.data.rescale, part.orders, part.start,
            part.stop, recipe.batch_size, state.weights, state.first, state.second, self.grad,
            terms.gradient, terms.decay, terms.threshold, terms.forecast,
            part.lines, recipe.network.dropout, self.loss, ADAM if recipe.optimizer == "adam" else SGD,
            part.rates, recipe.momentum, recipe.clip_norm or 0.0, part.before, state.sums,
        )  # fmt: skip

    def losses(self, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        result = np.empty((len(weights), len(LOSSES), len(rows)))
        data = self.data
        window_losses(self.plan, self.workspace, data.series, data.rescale, rows, weights, result)
        return result

"""A network of the user's at work: start values, and forecasts of windows from a flat vector of weights.

torch runs on one thread, and each parameter has its memory for itself: the same numbers are summed in the
same order wherever a network is trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from stages.networks.module.load import class_of
from stages.networks.module.source import Source
from stages.networks.shape import Network

Tensor = torch.Tensor
START, DROPOUT, TRIAL = range(3)  # what is drawn with a seed
BATCH = 256  # windows that are forecast at once


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread, with a generator that may be seeded; afterwards both are as they were."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


def seed_torch(*numbers: int) -> None:
    """Let what torch draws on the CPU from here on be a function of these whole numbers."""
    entropy = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    torch.default_generator.manual_seed(int(entropy >> np.uint64(1)))


def arguments(network: Network) -> dict[str, Any]:
    """What the class is constructed with, by keyword."""
    return {
        "lookback": network.lookback,
        "features": network.features,
        "horizon": network.outputs // network.channels,
        "channels": network.channels,
        "hidden": network.hidden,
        "layers": network.layers,
        "dropout": network.dropout,
    }


def constructed(network: Network, source: Source, seed: int) -> torch.nn.Module:
    """The module with the start values of a seed."""
    with one_thread():
        seed_torch(seed, START)
        module: torch.nn.Module = class_of(source.name, source.files)(**arguments(network))
    return module


def flat_weights(module: torch.nn.Module) -> np.ndarray:
    """All parameters in order, (n,)."""
    parts = [parameter.detach().reshape(-1) for parameter in module.parameters()]
    return torch.cat(parts).numpy().copy()


def initial_weights(network: Network, seed: int) -> np.ndarray:
    """(n,) the module's start values: a function of its code, its arguments and the seed alone."""
    assert network.module is not None
    return flat_weights(constructed(network, network.module, seed)).astype(float)


class Built:
    """A module whose weights are set from flat vectors."""

    def __init__(self, network: Network, dtype: Any) -> None:
        assert network.module is not None
        self.network = network
        kind = torch.from_numpy(np.empty(0, dtype)).dtype
        self.module = constructed(network, network.module, 0).to(kind)
        self.parameters = list(self.module.parameters())
        self.sizes = [parameter.numel() for parameter in self.parameters]

    def set(self, weights: np.ndarray) -> None:
        """Weights (n,) become the parameters' values."""
        with torch.no_grad():
            parts = torch.from_numpy(weights).split(self.sizes)
            for parameter, part in zip(self.parameters, parts, strict=True):
                parameter.copy_(part.view(parameter.shape))

    def forward(self, x: Tensor) -> Tensor:
        """(B, H·C) of windows x (B, L, F)."""
        out: Tensor = self.module(x)
        return out.reshape(len(x), self.network.outputs)

    def gradient(self, out: Tensor, slope: Tensor) -> np.ndarray:
        """(n,) the gradient of what has `slope` (B, O) as its gradient in `out`; 0 where nothing depends."""
        grads = torch.autograd.grad(out, self.parameters, slope, allow_unused=True)
        parts = [
            torch.zeros(size, dtype=out.dtype) if part is None else part.reshape(-1)
            for part, size in zip(grads, self.sizes, strict=True)
        ]
        return torch.cat(parts).numpy()


def outputs(network: Network, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(K, N, O): what K networks of weights (K, n) say of windows x (N, L·F), both scaled and normalised."""
    windows = torch.from_numpy(x).view(len(x), network.lookback, network.features)
    result = np.empty((len(weights), len(x), network.outputs), x.dtype)
    with one_thread(), torch.no_grad():
        built = Built(network, x.dtype)
        built.module.eval()
        for member, raw in zip(weights, result, strict=True):
            built.set(np.array(member, x.dtype))
            for begin in range(0, len(x), BATCH):
                part = slice(begin, begin + BATCH)
                raw[part] = built.forward(windows[part]).numpy()
    return result

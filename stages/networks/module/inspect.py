"""A network of the user's, tried once before anything is trained: what would give wrong numbers is refused.

What is tried needs no data: windows of normal numbers, in single precision, with dropout switched off unless
said otherwise. A forecast must depend on its window and the parameters alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.parameter import UninitializedParameter

from stages.networks.module.build import TRIAL, constructed, flat_weights, one_thread, seed_torch
from stages.networks.module.load import class_of
from stages.networks.module.source import Source, read_files, refusal
from stages.networks.shape import Network

Tensor = torch.Tensor
WINDOWS = 5
CLOSE = 1e-4  # of a forecast alone and among others: rounding is far below
SEEDS = 0, 1  # of two sets of start values
WITHOUT = "write it without, or as a parameter"


def with_module(name: str, network: Network, root: Path) -> Network:
    """The network with its `Source`, read from the files below `root`.

    Raises:
        ValueError: it cannot be trained; names `train.cells`, the fault and the remedy.
    """
    files = read_files(name, root)
    try:
        kind = class_of(name, files)
    except Exception as error:  # of the user's code: any
        raise refusal(name, f"importing it fails: {_words(error)}", "correct the file") from None
    if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
        raise refusal(name, "it is not a class derived from torch.nn.Module", "derive it")
    source = Source(name, files, ())
    module = _constructed(network, source, SEEDS[0])
    parameters = _checked_parameters(name, module)
    whole = replace(
        network, module=replace(source, shapes=tuple(tuple(p.shape) for p in parameters))
    )
    _check_forecasts(replace(network, dropout=0.0), source)
    _check_start(replace(network, dropout=0.0), source)
    if network.dropout:
        _check_output(network, source, module.train())
    return whole


def _words(error: Exception) -> str:
    """An exception of the user's code on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _constructed(network: Network, source: Source, seed: int) -> torch.nn.Module:
    try:
        return constructed(network, source, seed)
    except Exception as error:
        raise refusal(
            source.name, f"constructing it fails: {_words(error)}",
            "its constructor must take the keywords lookback, features, horizon, channels, hidden, layers "
            "and dropout (**_ takes those it has no use for)",
        ) from None  # fmt: skip


def _checked_parameters(name: str, module: torch.nn.Module) -> list[torch.nn.Parameter]:
    named = list(module.named_parameters())
    if not named:
        raise refusal(
            name, "it has no parameters", "give it weights as torch.nn.Parameter or in layers"
        )
    for key, parameter in named:
        if isinstance(parameter, UninitializedParameter):
            raise refusal(name, f"parameter {key} has no size yet", "use a layer that is not lazy")
        if parameter.dtype != torch.float32:
            raise refusal(name, f"parameter {key} is {parameter.dtype}", "let it be float32")
        if not parameter.requires_grad:
            raise refusal(name, f"parameter {key} is not to be trained", "register it as a buffer")
    return [parameter for _, parameter in named]


def _check_start(network: Network, source: Source) -> None:
    """Start values come from torch's generator, and nothing but parameters is drawn at the start."""
    name, first = source.name, _constructed(network, source, SEEDS[0])
    again, other = (_constructed(network, source, seed) for seed in SEEDS)
    if not np.array_equal(flat_weights(first), flat_weights(again), equal_nan=True):
        raise refusal(
            name, "its start values differ from one construction to the next under one seed",
            "draw them with torch's functions, without a generator or seed of their own",
        )  # fmt: skip
    other.load_state_dict({**other.state_dict(), **dict(first.named_parameters())})
    x = _windows(network, 0)
    if not torch.equal(_forecast(source, first.eval(), x), _forecast(source, other.eval(), x)):
        raise refusal(name, "it draws numbers at the start that are not parameters", WITHOUT)


def _check_forecasts(network: Network, source: Source) -> None:
    """In both modes the output has its shape, draws nothing, keeps nothing and mixes no windows."""
    name, x = source.name, _windows(network, 1)
    for mode in (False, True):
        module = _constructed(network, source, SEEDS[0]).train(mode)
        where = "in training with dropout 0" if mode else "in evaluation"
        before = {key: value.clone() for key, value in module.state_dict().items()}
        _check_output(network, source, module)
        first, again = _forecast(source, module, x, 1), _forecast(source, module, x, 2)
        if not torch.equal(first, again):
            raise refusal(
                name, f"two forecasts of one window differ {where}: it draws random numbers or remembers "
                "an earlier call", "let only dropout draw, with the argument `dropout` as its share",
            )  # fmt: skip
        changed = [k for k, v in module.state_dict().items() if not torch.equal(v, before[k])]
        if changed:
            raise refusal(
                name, f"a forecast changes {changed[0]}, and only parameters are kept",
                "use LayerNorm or GroupNorm for BatchNorm",
            )  # fmt: skip
        alone = torch.cat([_forecast(source, module, row) for row in x.split(1)])
        if (alone.reshape(first.shape) - first).abs().max() > CLOSE * (1 + first.abs().max()):
            raise refusal(
                name, f"the forecast of a window depends on the others of its batch {where}",
                "use LayerNorm or GroupNorm for BatchNorm",
            )  # fmt: skip


def _check_output(network: Network, source: Source, module: torch.nn.Module) -> None:
    x, horizon = _windows(network, 1), network.outputs // network.channels
    out = _forecast(source, module, x)
    shapes = (WINDOWS, network.outputs), (WINDOWS, horizon, network.channels)
    if out.shape not in shapes:
        raise refusal(
            source.name, f"of windows {tuple(x.shape)} it gives {tuple(out.shape)}",
            f"it must be {shapes[0]} or {shapes[1]}: (batch, horizon × channels) or (batch, horizon, "
            "channels)",
        )  # fmt: skip
    if out.dtype != torch.float32 or not out.isfinite().all():
        raise refusal(
            source.name,
            "its forecast of normal numbers is not finite float32",
            "correct its forward",
        )
    if not out.requires_grad:
        raise refusal(
            source.name,
            "its forecast has no gradient by its parameters",
            "compute it from them with torch",
        )


def _forecast(source: Source, module: torch.nn.Module, x: Tensor, draws: int = 0) -> Tensor:
    try:
        with one_thread():
            seed_torch(draws, TRIAL)
            out = module(x)
    except Exception as error:
        shape = f"(batch, lookback, features) = {tuple(x.shape)}"
        raise refusal(
            source.name, f"its forward fails on windows {shape}: {_words(error)}", "correct it"
        ) from None
    if not isinstance(out, Tensor):
        raise refusal(source.name, f"its forward gives a {type(out).__name__}", "return one tensor")
    return out


def _windows(network: Network, seed: int) -> Tensor:
    """(WINDOWS, L, F) normal numbers, as scaled windows are."""
    generator = torch.Generator().manual_seed(seed)
    shape = WINDOWS, network.lookback, network.features
    return torch.randn(shape, generator=generator)

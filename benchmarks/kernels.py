"""What a training step is made of: each part of it called alone, against the machine's GEMM peak.

The parts run on the same shapes and buffers as in the step, so that their sum can be compared with the
whole; the rest is calls, loop control and cache misses between the parts. One thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from benchmarks.studies import TRAIN, call, cells, timed, train
from stages.networks.kernels import recurrence as r
from stages.networks.kernels.gather import gather
from stages.networks.kernels.gemm import panel_product
from stages.networks.shape import Network
from stages.train.engines.cpu import CompiledEngine
from stages.train.engines.engine import FoldData, Part, start_state
from stages.train.engines.penalty import terms
from stages.train.engines.update import ADAM, add_penalty, clip, step
from stages.train.planning.members import Member, Recipe

HORIZON = 12


@njit
def _products(plan, ws):  # type: ignore[no-untyped-def]
    """Forward and backward products of all steps of the first layer."""
    sizes, layer = plan.sizes, plan.layers[0]
    d, b = sizes.hidden, sizes.columns
    for t in range(sizes.steps):
        z = layer.z + t * (layer.inputs + 1 + d) * b
        gates = layer.gates + t * sizes.gates * d * b
        for p in range(plan.products.shape[1]):
            m = plan.products[0, p]
            onto = gates + m.gate * d * b
            panel_product(ws, m.panel, z + m.first * b, onto, m.rows, m.columns, b, 0)
            if m.h:
                panel_product(ws, m.onto_h, onto, sizes.dh, d, m.rows, b, 1 if p else 0)


@njit
def _pointwise(plan, ws):  # type: ignore[no-untyped-def]
    """Gate arithmetic, forward and backward, of all steps of the first layer."""
    sizes, layer = plan.sizes, plan.layers[0]
    db, h = sizes.hidden * sizes.columns, layer.z
    for t in range(sizes.steps):
        gates = layer.gates + t * sizes.gates * db
        states, kept = layer.states + t * sizes.states * db, layer.kept + t * sizes.kept * db
        after = states + sizes.states * db
        r.step_forward(ws, sizes.cell, db, (gates, h, h, states, after, kept))
        r.step_backward(ws, sizes.cell, db, (gates, h, h, states, kept, sizes.dh, sizes.dstates))


@njit
def _update(w, grad, first, second, strength):  # type: ignore[no-untyped-def]
    grad[:] = 0
    add_penalty(w, grad, strength, w[0] * 0 + 1)
    clip(grad, 0.0)
    step(ADAM, w, grad, first, second, 1, 1e-6, 0.0)


@njit
def _repeated(kernel, arguments, repeat):  # type: ignore[no-untyped-def]
    for _ in range(repeat):
        kernel(*arguments)


def seconds_of(kernel: Any, *arguments: Any) -> float:
    """Seconds of a compiled function."""
    return best(lambda repeat: _repeated(kernel, arguments, repeat))


def best(call: Callable[[int], Any], rounds: int = 15) -> float:
    """Seconds of one repetition: the quickest of `rounds` of about 20 ms each."""
    call(1)
    began = time.perf_counter()
    call(1)
    repeat = max(1, int(0.02 / max(time.perf_counter() - began, 1e-6)))
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        call(repeat)
        seconds.append((time.perf_counter() - began) / repeat)
    return min(seconds)


def gemm_peak(size: int = 1536) -> float:
    """GFLOP/s of torch's float32 matrix product on one thread, with the widest instructions it finds."""
    import torch

    torch.set_num_threads(1)
    a = torch.rand(size, size)
    seconds = best(lambda n: [a @ a for _ in range(n)], 60)
    return 2 * size**3 / seconds / 1e9


def flops(network: Network, batch: int) -> int:
    """Operations of the products of one training step of a batch (one layer and the head)."""
    d, s = network.hidden, network.steps
    layer = [matrix for matrix in network.matrices if matrix.layer == 0]
    forward = sum(matrix.size for matrix in layer)
    backward = sum(matrix.rows * d for matrix in layer if matrix.recurrent)
    head = network.outputs * (1 + d)
    return 2 * batch * (s * (2 * forward + backward) + 3 * head)


def profile(cell: str, hidden: int, lookback: int, batch: int) -> dict[str, Any]:
    """Microseconds of a training step of one member and of its parts, and GFLOP/s."""
    network = Network(cell, 1, HORIZON, lookback, 1, hidden)
    recipe = Recipe(
        network, 1, batch, "adam", 0.0, 1e-6, "constant", None, None, (1.0, 1.0, 1.0)
    )  # fmt: skip
    rng = np.random.default_rng(0)
    series = rng.normal(size=(4 * batch + lookback + HORIZON, 1)).astype(np.float32)
    rows = rng.permutation(4 * batch) + lookback - 1
    engine = CompiledEngine(recipe, FoldData(series, rows, rows, np.ones_like(series)))
    plan, ws, grad = engine.plan, engine.workspace, engine.grad
    columns = int(plan.sizes.columns)
    tiles = -(-batch // columns)
    member = Member(1.0, 0, "final", 1)
    state, penalty = start_state(recipe, [member]), terms(recipe, [member], len(rows))
    part = Part(0, 4, rows[None], np.zeros((1, 2), np.int64), penalty, np.full(4, 1e-6), 0)
    w, first, second = state.weights[0], state.first[0], state.second[0]
    strength = penalty.gradient[0]

    def four_steps(repeat: int) -> None:
        for _ in range(repeat):
            engine.train(state, part)

    seconds = best(four_steps) / 4
    parts = {
        "products": tiles * seconds_of(_products, plan, ws),
        "weight gradients": tiles * seconds_of(r.weight_gradients, plan, 0, ws, grad),
        "gates": tiles * seconds_of(_pointwise, plan, ws),
        "windows": tiles * seconds_of(gather, plan, ws, series, rows, 0, columns),
        "weights laid out": seconds_of(r.load_weights, plan, w, ws, True),
        "update": seconds_of(_update, w, grad, first, second, strength),
    }
    work = flops(network, batch)
    return {
        "cell": cell, "hidden": hidden, "lookback": lookback, "batch": batch,
        "microseconds": round(seconds * 1e6, 1), "gflops": round(work / seconds / 1e9, 1),
        "parts": {name: round(value / seconds, 3) for name, value in parts.items()},
        "gflops_of_products": round(work / (parts["products"] + parts["weight gradients"]) / 1e9, 1),
    }  # fmt: skip


def profiles(peak: float, rows: list[Any]) -> list[dict[str, Any]]:
    """The profile of each row's cell, and the share of the peak that its step reaches."""
    results = []
    for row in rows:
        result = profile(row.cell, row.hidden, row.lookback, 64)
        result["share_of_peak"] = round(result["gflops"] / peak, 3)
        results.append(result)
        parts = ", ".join(f"{name} {share:.0%}" for name, share in result["parts"].items())
        print(
            f"{row.name}: {result['microseconds']:.0f} µs a step, "
            f"{result['share_of_peak']:.0%} of the peak; {parts}",
            flush=True,
        )
    return results


def compile_seconds(folder: Path) -> float:
    """What compiling the kernels adds to a first study of one worker."""
    study = folder / "compile"
    cells(study, "lstm", 4, 8, 2, 1)
    settings = {"RIDGELINE_COMPILED": str(folder / "kernels"), "RIDGELINE_WORKERS": "1"}
    first = timed(lambda: call(study, TRAIN, **settings))
    seconds = round(first - timed(train, study), 1)
    print(f"compiling the kernels: {seconds} s", flush=True)
    return seconds

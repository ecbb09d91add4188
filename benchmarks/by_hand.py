"""What the best user does without this project: nn.RNN, nn.GRU, nn.LSTM, one member after another.

`python -m benchmarks.by_hand FOLDER` trains the members that FOLDER/params.yaml names on
FOLDER/development.safetensors and writes FOLDER/by_hand/*.npz. They are the members of `stages.train`:
the same initial weights, batches, penalty, schedule, validation passes and data. All that a careful user
gets out of torch is used: flush-to-zero, `Adam(fused=True)` with the penalty as its weight decay, all windows
laid out once, one single-threaded process for each core. `--usual` is what most people run: one process,
torch's default threads, denormal numbers kept.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stages.networks.shape import Network


def main() -> None:
    """Train every member of a folder's study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--usual", action="store_true")
    args = parser.parse_args()
    out = args.folder / "by_hand"
    out.mkdir(exist_ok=True)
    count = 1 if args.usual else os.cpu_count() or 1
    train = partial(train_members, args.folder, args.usual, count)
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(train, range(count)))


def train_members(folder: Path, usual: bool, count: int, part: int) -> None:
    """Train members number part, part + count, … of the study."""
    if usual:  # the variables that this project pins would reach torch too
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.pop(name, None)
    import torch

    from benchmarks.torch_forecaster import Forecaster
    from stages.artifacts.windows import Windows
    from stages.networks.initial import initial_weights
    from stages.params import load_section
    from stages.train.engines.engine import fold_data
    from stages.train.params import TrainParams
    from stages.train.planning.study_plan import recipe_for

    torch.set_num_threads((os.cpu_count() or 1) if usual else 1)
    torch.set_flush_denormal(not usual)
    params = load_section(folder / "params.yaml", "train", TrainParams)
    windows = Windows.load(folder / "development.safetensors")
    (cell,) = params.cells
    recipe = recipe_for(cell, params, windows)
    members = [
        (fold, lam, seed)
        for fold in windows.folds
        for seed in range(params.seeds)
        for lam in params.penalty.path()
    ][part::count]
    laid_out: dict[str, list[torch.Tensor]] = {}
    for fold, lam, seed in members:
        if fold.name not in laid_out:
            data = fold_data(windows, fold, "float32")
            laid_out[fold.name] = [
                torch.from_numpy(array)
                for rows in (data.train, data.validation)
                for array in lay_out(data.series, rows, recipe.network)
            ]
            steps = recipe.network.outputs // recipe.network.channels
            unit = np.tile(data.rescale[data.validation], steps)  # (N, O)
            laid_out[fold.name].append(torch.from_numpy(unit))
        x, y, x_val, y_val, unit_val = laid_out[fold.name]
        model = Forecaster(recipe.network, initial_weights(recipe.network, seed), torch.float32)
        one_bias(model)
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        weights = [p for name, p in named if "bias" not in name]
        biases = [p for name, p in named if "bias" in name]
        groups: list[dict[str, Any]] = [
            {"params": weights, "weight_decay": lam / len(x)},
            {"params": biases},
        ]
        optimizer = torch.optim.Adam(groups, lr=recipe.learning_rate, fused=True)
        curve = []
        batches = -(-len(x) // recipe.batch_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * batches)
        for epoch in range(recipe.epochs):
            generator = np.random.default_rng([seed, 1, epoch])
            order = torch.from_numpy(generator.permutation(len(x)))
            for begin in range(0, len(x), recipe.batch_size):
                rows = order[begin : begin + recipe.batch_size]
                optimizer.zero_grad(set_to_none=True)
                error = model(x[rows]) - y[rows]
                (0.5 * (error * error).sum() / recipe.batch_size).backward()
                optimizer.step()
                schedule.step()
            with torch.no_grad():
                if len(x_val):
                    curve.append(float((((model(x_val) - y_val) * unit_val) ** 2).mean()))
        with torch.no_grad():
            losses = np.empty(0)
            if len(x_val):
                losses = (((model(x_val) - y_val) * unit_val) ** 2).mean(1).numpy()
        file = folder / "by_hand" / f"{fold.name}-{lam!r}-{seed}.npz"
        np.savez(file, curve=curve, losses=losses)


def one_bias(model: Any) -> None:
    """torch keeps two biases where one would do, and Adam then moves their sum twice as fast: freeze one."""
    hidden = model.network.hidden
    for name, p in model.named_parameters():
        if "bias_hh" in name and model.network.cell != "gru":
            p.requires_grad_(False)
        elif "bias_hh" in name:  # the third gate's bias is not redundant
            mask = p.new_zeros(3 * hidden)
            mask[2 * hidden :] = 1
            p.register_hook(lambda gradient, mask=mask: gradient * mask)


def lay_out(
    series: np.ndarray, rows: np.ndarray, network: Network
) -> tuple[np.ndarray, np.ndarray]:
    """Windows x (N, L, F) and targets y (N, O) as copies."""
    past = rows[:, None] + np.arange(1 - network.lookback, 1)
    future = rows[:, None] + np.arange(1, network.outputs // network.channels + 1)
    y = series[future][:, :, : network.channels]
    return series[past], y.reshape(len(rows), network.outputs)


if __name__ == "__main__":
    main()

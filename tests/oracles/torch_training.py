"""The trainer's steps by torch: its modules, its autograd, its optimisers, and the state of its Adam."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from stages.artifacts.windows import Windows
from stages.networks.initial import initial_weights
from stages.train.planning.members import Member, Recipe
from tests.oracles.torch_networks import Oracle
from tests.oracles.windows import batch, known_of

LOSSES = {
    "squared": lambda y_hat, y: torch.nn.functional.mse_loss(y_hat, y, reduction="sum") / 2,
    "absolute": lambda y_hat, y: torch.nn.functional.l1_loss(y_hat, y, reduction="sum"),
}
OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def torch_schedule(
    recipe: Recipe, optimizer: torch.optim.Optimizer, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """torch's scheduler for all of the steps, to be stepped after each."""
    kinds = torch.optim.lr_scheduler
    warm = int(recipe.warmup * steps)
    later: torch.optim.lr_scheduler.LRScheduler
    if recipe.schedule == "cosine":
        later = kinds.CosineAnnealingLR(optimizer, T_max=steps - warm)
    else:
        later = kinds.ConstantLR(optimizer, factor=1.0)
    if not warm:
        return later
    rising = kinds.LinearLR(optimizer, 1 / (warm + 1), total_iters=warm)
    return kinds.SequentialLR(optimizer, [rising, later], milestones=[warm])


def torch_training(recipe: Recipe, windows: Windows, member: Member) -> np.ndarray:
    """Flat weights in this project's order after the member's epochs; all multipliers are 1."""
    fold = next(f for f in windows.folds if f.name == member.fold)
    strength = member.lam / fold.m
    network = Oracle(recipe.network, initial_weights(recipe.network, member.seed, recipe.init))
    weights = [p for name, p in network.named_parameters() if "bias" not in name]
    biases = [p for name, p in network.named_parameters() if "bias" in name]
    freeze_second_bias(network)
    kind = torch.optim.AdamW if recipe.penalty == "decoupled" else OPTIMIZERS[recipe.optimizer]
    extra = {"momentum": recipe.momentum} if recipe.optimizer == "sgd" else {}
    decay = strength if recipe.penalty == "decoupled" else 0.0
    groups = [{"params": weights, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]
    optimizer = kind(groups, lr=recipe.learning_rate, **extra)
    quadratic = {"l2": strength, "elastic_net": strength * (1 - (recipe.ratio or 0))}
    absolute = {"l1": strength, "elastic_net": strength * (recipe.ratio or 0)}
    batches = -(-fold.m // recipe.batch_size)
    schedule = torch_schedule(recipe, optimizer, recipe.epochs * batches)
    for epoch in range(member.epochs):
        entropy = np.random.SeedSequence([member.seed, 1, epoch])
        generator = np.random.Generator(np.random.PCG64(entropy))
        order = generator.permutation(fold.train) if recipe.shuffle else fold.train
        for begin in range(0, len(order), recipe.batch_size):
            rows = order[begin : begin + recipe.batch_size]
            share = len(rows) / recipe.batch_size
            if recipe.penalty in quadratic and not recipe.clip_norm:
                optimizer.param_groups[0]["weight_decay"] = share * quadratic[recipe.penalty]
            x, y, _, spread = batch(windows, rows, fold.center, fold.scale)
            known = known_of(windows, rows, fold.center, fold.scale)
            output = network(torch.tensor(x), torch.tensor(known)).view(y.shape)  # (N, H, C)
            forecast, target = (  # in scaled units, less the window's shift
                part * torch.tensor(spread)[:, None] for part in (output, torch.tensor(y))
            )
            loss = LOSSES[recipe.loss](forecast, target)
            if recipe.penalty == "predictions":
                loss = loss + 0.5 * member.lam * (forecast**2).sum()
            loss = loss / recipe.batch_size
            if recipe.penalty in quadratic and recipe.clip_norm:
                squares = sum((p**2).sum() for p in weights)
                loss = loss + share * quadratic[recipe.penalty] / 2 * squares
            optimizer.zero_grad()
            loss.backward()
            if recipe.clip_norm:  # of the gradient of all that is differentiable
                torch.nn.utils.clip_grad_norm_([*weights, *biases], recipe.clip_norm)
            optimizer.step()
            if recipe.penalty in absolute:
                rate = float(optimizer.param_groups[0]["lr"])
                soft_threshold(optimizer, weights, rate, share * absolute[recipe.penalty])
            schedule.step()
    return network.flat_weights()


@torch.no_grad()
def soft_threshold(
    optimizer: torch.optim.Optimizer, weights: Sequence[torch.Tensor], rate: float, strength: float
) -> None:
    """The proximal step of strength · |w| by the per-weight step that torch's optimiser took."""
    for w in weights:
        state = optimizer.state[w]
        if "exp_avg_sq" in state:
            beta = optimizer.param_groups[0]["betas"][1]
            corrected = state["exp_avg_sq"] / (1 - beta ** float(state["step"]))
            step = rate / (corrected.sqrt() + optimizer.param_groups[0]["eps"])
        else:
            step = torch.full_like(w, rate)
        w.copy_(torch.nn.functional.relu(w.abs() - step * strength) * w.sign())


def freeze_second_bias(network: Oracle) -> None:
    """torch's second bias is redundant except in a GRU's n gate: it stays 0 elsewhere."""
    for name, parameter in network.named_parameters():
        if "bias_hh" not in name:
            continue
        d = network.network.hidden
        mask = torch.zeros_like(parameter)
        if network.network.cell == "gru":
            mask[2 * d :] = 1
        parameter.register_hook(lambda grad, mask=mask: grad * mask)

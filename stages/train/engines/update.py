"""One step of the optimiser for one member: penalty, clipping, Adam or SGD with momentum, penalty.

    g ← (1/b) Σ_i ∂½‖y_i − ŷ_i‖²/∂w + (n_j/b)(λ/m) w        L2 in the loss: the gradient carries it

which is the gradient of L(θ) = 1/(2m) Σ‖y − ŷ‖² + λ/(2m) Σ w² on a batch of n_j rows, with weight
n_j/b. Under SGD it is torch's weight_decay = λ/m; under Adam too (Adam, not AdamW). `penalty.py` has
the other penalties: AdamW's decay comes before the optimiser's step and the proximal step of L1 after
it; neither passes through the gradient, its clipping or the moments.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

SGD, ADAM = range(2)
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Kingma & Ba (2015), as torch's defaults


@njit
def add_penalty(w: np.ndarray, grad: np.ndarray, strength: np.ndarray, weight: float) -> None:
    """grad += weight · strength · w; strength (n,) = λ/m times each weight's multiplier."""
    for e in range(w.shape[0]):
        grad[e] += weight * strength[e] * w[e]


@njit
def clip(grad: np.ndarray, limit: float) -> float:
    """Scale the gradient to norm `limit` where it is longer (limit ≤ 0: never); returns its norm."""
    total = 0.0
    for e in range(grad.shape[0]):
        total += float(grad[e]) * float(grad[e])
    norm = math.sqrt(total)
    if limit > 0 and norm > limit:
        factor = limit / (norm + 1e-6)  # as torch.nn.utils.clip_grad_norm_
        for e in range(grad.shape[0]):
            grad[e] *= factor
    return norm


@njit(error_model="numpy")
def step(
    kind: int, w: np.ndarray, grad: np.ndarray, first: np.ndarray, second: np.ndarray, count: int,
    rate: float, momentum: float,
) -> None:  # fmt: skip
    """Update w (n,) in place; `count` is the number of this step, from 1 on."""
    one = w[0] * 0 + 1
    if kind == ADAM:
        b1, b2 = one * BETA1, one * BETA2
        size = one * (rate / (1 - BETA1**count))
        root = one * math.sqrt(1 - BETA2**count)
        epsilon = one * EPSILON
        for e in range(w.shape[0]):
            g = grad[e]
            first[e] = b1 * first[e] + (one - b1) * g
            second[e] = b2 * second[e] + (one - b2) * g * g
            w[e] -= size * first[e] / (math.sqrt(second[e]) / root + epsilon)
    else:
        mu, size = one * momentum, one * rate
        for e in range(w.shape[0]):
            first[e] = grad[e] if count == 1 else mu * first[e] + grad[e]
            w[e] -= size * first[e]


@njit
def decay(w: np.ndarray, strength: np.ndarray, rate: float) -> None:
    """w ← (1 − η λ/m) w before the step, as torch.optim.AdamW; strength (n,) = λ/m by weight."""
    one = w[0] * 0 + 1
    size = one * rate
    for e in range(w.shape[0]):
        w[e] *= one - size * strength[e]


@njit(error_model="numpy")
def shrink(
    kind: int, w: np.ndarray, second: np.ndarray, strength: np.ndarray, weight: float, count: int,
    rate: float,
) -> None:  # fmt: skip
    """The proximal step of (n_j/b) Σ strength |w|: w ← sign(w) max(|w| − s · weight · strength, 0).

    s is the length of the optimiser's step for each weight: η / (√v̂ + ε) under Adam, η under SGD. With it
    w is a fixed point exactly where 0 ∈ ∂L/∂w + strength ∂|w|, whatever s is: at the lasso's minimum.
    """
    one = w[0] * 0 + 1
    size, zero = one * rate, one * 0
    root, epsilon = one * math.sqrt(1 - BETA2**count), one * EPSILON
    for e in range(w.shape[0]):
        length = size / (math.sqrt(second[e]) / root + epsilon) if kind == ADAM else size
        limit = length * weight * strength[e]
        if strength[e] > 0:
            # w · 0 + 0 and not 0: a NaN stays one, so that a diverged member is seen
            within = w[e] * zero + zero
            w[e] = w[e] - limit if w[e] > limit else w[e] + limit if w[e] < -limit else within


@njit(cache=True)
def advance(
    kind: int, w: np.ndarray, grad: np.ndarray, first: np.ndarray, second: np.ndarray,
    in_gradient: np.ndarray, in_decay: np.ndarray, in_threshold: np.ndarray, weight: float, limit: float,
    count: int, rate: float, momentum: float,
) -> float:  # fmt: skip
    """All of a step from the data's gradient (n,): w and the moments change in place.

    Args:
        in_gradient, in_decay, in_threshold (n or 0,): a member's line of `penalty.Terms`.
        weight: n_j/b. limit, count, rate, momentum: as above.

    Returns:
        The norm of the gradient with its penalty, before it is clipped.
    """
    if in_gradient.shape[0] > 0:
        add_penalty(w, grad, in_gradient, weight)
    norm = clip(grad, limit)
    if in_decay.shape[0] > 0:
        decay(w, in_decay, rate)
    step(kind, w, grad, first, second, count, rate, momentum)
    if in_threshold.shape[0] > 0:
        shrink(kind, w, second, in_threshold, weight, count, rate)
    return norm

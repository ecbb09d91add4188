"""Small matrix products in registers, on operands that lie in cache as the recurrence leaves them.

i, j, k are rows; b, the batch, is contiguous:

    product          C[i, b] (+)= Σ_k A[i, k] Z[k, b]           any strides of A, so also with A transposed
    panel_product    the same, A laid out by `pack` in the order of reading: once for all steps of a batch
    weight_gradient  C[i, j]  += Σ_t Σ_b G[t, i, b] Z[t, j, b]  whole groups of columns j through `product`
                     on the transposed step Zᵀ, the few that are left through dot products (`_dots`)

Each element is one chain of fused multiply-adds in a fixed order (in `_dots` eight chains, one for each
b mod 8, added in pairs), so its bits depend on neither the tiling nor the machine. A library's GEMM
packs both operands at every call, which at these sizes costs as much as the product.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stages.networks.kernels.tiles import (
    COLUMNS,
    DOT_COLUMNS,
    DOT_ROWS,
    LANES,
    ROWS,
    dots_tile,
    product_tile,
    transpose_block,
)


@njit
def pack(
    a: np.ndarray, a0: int, ai: int, ak: int, ws: np.ndarray, p0: int, rows: int, depth: int
) -> None:
    """ws[p0 …] = a[a0 + i ai + k ak] (rows, depth) as panels of ROWS rows, the last one lower: (k, i)."""
    at = p0
    for i in range(0, rows, ROWS):
        high = min(ROWS, rows - i)
        for k in range(depth):
            for r in range(high):
                ws[at] = a[a0 + (i + r) * ai + k * ak]
                at += 1


@njit
def panel_product(
    ws: np.ndarray, a0: int, z0: int, c0: int, rows: int, depth: int, batch: int, add: int
) -> None:
    """C[i, b] (+)= Σ_k A[i, k] · ws[z0 + k batch + b], A as `pack` left it at a0, C at c0."""
    for i in range(0, rows, ROWS):
        high = min(ROWS, rows - i)
        panel, onto = a0 + i * depth, c0 + i * batch
        if high == ROWS:  # a height known to the compiler: 2 to 5 % of a whole step
            for b in range(0, batch, COLUMNS):
                product_tile(
                    ROWS, ws, panel, 1, ROWS, ws, z0 + b, batch, ws, onto + b, batch, depth, add
                )
        else:
            product(ws, panel, 1, high, ws, z0, ws, onto, high, depth, batch, add)


@njit
def product(
    a: np.ndarray, a0: int, ai: int, ak: int, z: np.ndarray, z0: int, c: np.ndarray, c0: int,
    rows: int, depth: int, batch: int, add: int,
) -> None:  # fmt: skip
    """C[i, b] (+)= Σ_k a[a0 + i ai + k ak] · z[z0 + k batch + b]; rows of z and c are `batch` apart."""
    for b in range(0, batch, COLUMNS):
        for i in range(0, rows, ROWS):
            first, onto, high = a0 + i * ai, c0 + i * batch + b, min(ROWS, rows - i)
            product_tile(high, a, first, ai, ak, z, z0 + b, batch, c, onto, batch, depth, add)


@njit
def weight_gradient(
    ws: np.ndarray, g0: int, gt: int, z0: int, zt: int, t0: int, c: np.ndarray, c0: int, rows: int,
    columns: int, steps: int, batch: int,
) -> None:  # fmt: skip
    """c[c0 + i columns + j] += Σ_t Σ_b ws[g0 + t gt + i batch + b] · ws[z0 + t zt + j batch + b].

    From t0 on there is room for a transposed step, columns · batch elements.
    """
    left = columns % COLUMNS
    if rows * 4 < columns:  # a head of few outputs: transposing its inputs would not pay
        left = columns
    if left < columns:
        for t in range(steps):
            z, g = z0 + t * zt + left * batch, g0 + t * gt
            for panel in range((columns - left) // COLUMNS):  # (b, j) of 16 columns j each
                for half in range(0, COLUMNS, LANES):
                    line = z + (panel * COLUMNS + half) * batch
                    onto = t0 + panel * COLUMNS * batch + half
                    for b in range(0, batch, LANES):
                        transpose_block(ws, line + b, batch, ws, onto + b * COLUMNS, COLUMNS)
            for i in range(0, rows, ROWS):
                high = min(ROWS, rows - i)
                for panel in range((columns - left) // COLUMNS):  # C (high, 16) += G (high, b) Zᵀ
                    onto, line = c0 + i * columns + left + panel * COLUMNS, g + i * batch
                    right = t0 + panel * COLUMNS * batch
                    product_tile(
                        high, ws, line, batch, 1, ws, right, COLUMNS, c, onto, columns, batch, 1
                    )
    if left:
        _dots(ws, g0, gt, z0, zt, c, c0, rows, columns, left, steps, batch)


@njit
def _dots(
    ws: np.ndarray, g0: int, gt: int, z0: int, zt: int, c: np.ndarray, c0: int, rows: int,
    columns: int, count: int, steps: int, batch: int,
) -> None:  # fmt: skip
    """The first `count` columns of `weight_gradient`."""
    i = 0
    while i < rows:
        high = DOT_ROWS if i + DOT_ROWS <= rows else 1
        for j in range(0, count, DOT_COLUMNS):
            g, z, onto = g0 + i * batch, z0 + j * batch, c0 + i * columns + j
            wide = min(DOT_COLUMNS, count - j)
            dots_tile(high, wide, ws, g, gt, ws, z, zt, c, onto, columns, steps, batch)
        i += high

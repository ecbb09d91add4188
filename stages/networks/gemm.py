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

from numba import njit

from stages.networks.tiles import (
    COLUMNS,
    DOT_COLUMNS,
    DOT_ROWS,
    LANES,
    ROWS,
    d11,
    d12,
    d41,
    d42,
    p1,
    p2,
    p3,
    p4,
    p5,
    p6,
    transpose_block,
)


@njit
def pack(a, a0, ai, ak, ws, p0, rows, depth):  # type: ignore[no-untyped-def]
    """ws[p0 …] = a[a0 + i ai + k ak] (rows, depth) as panels of ROWS rows, the last one lower: (k, i)."""
    at = p0
    for i in range(0, rows, ROWS):
        high = min(ROWS, rows - i)
        for k in range(depth):
            for r in range(high):
                ws[at] = a[a0 + (i + r) * ai + k * ak]
                at += 1


@njit
def panel_product(ws, a0, z0, c0, rows, depth, batch, add):  # type: ignore[no-untyped-def]
    """C[i, b] (+)= Σ_k A[i, k] · ws[z0 + k batch + b], A as `pack` left it at a0, C at c0."""
    for i in range(0, rows, ROWS):
        high = min(ROWS, rows - i)
        panel, place = a0 + i * depth, c0 + i * batch
        if high == ROWS:
            for b in range(0, batch, COLUMNS):
                p6(ws, panel, 1, ROWS, ws, z0 + b, batch, ws, place + b, batch, depth, add)
        else:
            product(ws, panel, 1, high, ws, z0, ws, place, high, depth, batch, add)


@njit
def product(a, a0, ai, ak, z, z0, c, c0, rows, depth, batch, add):  # type: ignore[no-untyped-def]
    """C[i, b] (+)= Σ_k a[a0 + i ai + k ak] · z[z0 + k batch + b]; rows of z and c are `batch` apart."""
    for b in range(0, batch, COLUMNS):
        i = 0
        while i + ROWS <= rows:
            p6(a, a0 + i * ai, ai, ak, z, z0 + b, batch, c, c0 + i * batch + b, batch, depth, add)
            i += ROWS
        first, place, left = a0 + i * ai, c0 + i * batch + b, rows - i
        if left == 5:
            p5(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)
        elif left == 4:
            p4(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)
        elif left == 3:
            p3(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)
        elif left == 2:
            p2(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)
        elif left == 1:
            p1(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)


@njit
def weight_gradient(ws, g0, gt, z0, zt, t0, c, c0, rows, columns, steps, batch):  # type: ignore[no-untyped-def]
    """c[c0 + i columns + j] += Σ_t Σ_b ws[g0 + t gt + i batch + b] · ws[z0 + t zt + j batch + b].

    At t0 lies room for a transposed step, columns · batch elements.
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
                    place = t0 + panel * COLUMNS * batch + half
                    for b in range(0, batch, LANES):
                        transpose_block(ws, line + b, batch, ws, place + b * COLUMNS, COLUMNS)
            i = 0
            while i < rows:
                high = min(ROWS, rows - i)
                for panel in range((columns - left) // COLUMNS):
                    place = c0 + i * columns + left + panel * COLUMNS
                    _rows_onto(
                        ws,
                        g + i * batch,
                        t0 + panel * COLUMNS * batch,
                        c,
                        place,
                        high,
                        columns,
                        batch,
                    )
                i += high
    if left:
        _dots(ws, g0, gt, z0, zt, c, c0, rows, columns, left, steps, batch)


@njit
def _rows_onto(ws, g, panel, c, place, high, columns, batch):  # type: ignore[no-untyped-def]
    """`high` rows of C, 16 columns each, += G (high, batch) · panel (batch, 16)."""
    if high == 6:
        p6(ws, g, batch, 1, ws, panel, COLUMNS, c, place, columns, batch, 1)
    elif high == 5:
        p5(ws, g, batch, 1, ws, panel, COLUMNS, c, place, columns, batch, 1)
    elif high == 4:
        p4(ws, g, batch, 1, ws, panel, COLUMNS, c, place, columns, batch, 1)
    elif high == 3:
        p3(ws, g, batch, 1, ws, panel, COLUMNS, c, place, columns, batch, 1)
    elif high == 2:
        p2(ws, g, batch, 1, ws, panel, COLUMNS, c, place, columns, batch, 1)
    else:
        p1(ws, g, batch, 1, ws, panel, COLUMNS, c, place, columns, batch, 1)


@njit
def _dots(ws, g0, gt, z0, zt, c, c0, rows, columns, count, steps, batch):  # type: ignore[no-untyped-def]
    """The first `count` columns of `weight_gradient`."""
    i = 0
    while i < rows:
        four = i + DOT_ROWS <= rows
        for j in range(0, count, DOT_COLUMNS):
            g, z, place = g0 + i * batch, z0 + j * batch, c0 + i * columns + j
            if j + DOT_COLUMNS <= count:
                if four:
                    d42(ws, g, gt, ws, z, zt, c, place, columns, steps, batch)
                else:
                    d12(ws, g, gt, ws, z, zt, c, place, columns, steps, batch)
            elif four:
                d41(ws, g, gt, ws, z, zt, c, place, columns, steps, batch)
            else:
                d11(ws, g, gt, ws, z, zt, c, place, columns, steps, batch)
        i += DOT_ROWS if four else 1

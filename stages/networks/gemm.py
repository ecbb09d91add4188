"""Small matrix products in registers, on operands that lie in cache as the recurrence leaves them.

Two forms serve forward and backward passes (i, j, k rows; b the batch, contiguous):

    product     C[i, b] (+)= Σ_k A[i, k] Z[k, b]           any strides of A, so also with A transposed
    outer       C[i, j]  += Σ_t Σ_b G[t, i, b] Z[t, j, b]  a weight's gradient over all steps at once

Each element is one chain of fused multiply-adds in a fixed order (`outer`: eight chains, one for each
b mod 8, added in pairs), so its bits depend on neither the tiling nor the machine. A library's
GEMM packs its operands first, which at these sizes costs as much as the product.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from stages.networks.vector import call_outlined, data, fma, load, store

COLUMNS = 16  # columns of one product tile: two AVX2 registers, one of AVX-512
ROWS = 6  # rows of one product tile: 12 accumulators of AVX2's 16 registers
LANES = 8  # chains of an outer product
OUTER_ROWS, OUTER_COLUMNS = 4, 3


def _product_tile(rows: int) -> Any:
    def body(b: ir.IRBuilder, args: list[ir.Value]) -> None:
        pa, a0, ai, ak, pz, z0, zk, pc, c0, ci, depth, add = args
        vector = ir.VectorType(pa.type.pointee, COLUMNS)
        places = [b.add(c0, b.mul(ci, ir.Constant(ci.type, i))) for i in range(rows)]
        firsts = [b.add(a0, b.mul(ai, ir.Constant(ai.type, i))) for i in range(rows)]
        sums = [cgutils.alloca_once(b, vector) for _ in range(rows)]
        with b.if_else(b.icmp_signed("!=", add, ir.Constant(add.type, 0))) as (then, otherwise):
            with then:
                for total, place in zip(sums, places, strict=True):
                    b.store(load(b, pc, place, COLUMNS), total)
            with otherwise:
                for total in sums:
                    b.store(ir.Constant(vector, [0.0] * COLUMNS), total)
        with cgutils.for_range(b, depth) as loop:
            row = load(b, pz, b.add(z0, b.mul(loop.index, zk)), COLUMNS)
            along = b.mul(loop.index, ak)
            for total, first in zip(sums, firsts, strict=True):
                scalar = b.load(b.gep(pa, [b.add(first, along)]))
                b.store(fma(b, _broadcast(b, scalar, COLUMNS), row, b.load(total)), total)
        for total, place in zip(sums, places, strict=True):
            store(b, b.load(total), pc, place)

    @intrinsic
    def emit(typing: Any, a: Any, a0: Any, ai: Any, ak: Any, z: Any, z0: Any, zk: Any,
             c: Any, c0: Any, ci: Any, depth: Any, add: Any) -> Any:  # fmt: skip
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            pointers = {i: data(context, builder, k, args[i]) for k, i in ((a, 0), (z, 4), (c, 7))}
            arguments = [pointers.get(i, argument) for i, argument in enumerate(args)]
            call_outlined(builder, f"product{rows}", arguments, body)
            return context.get_dummy_value()

        return types.void(a, a0, ai, ak, z, z0, zk, c, c0, ci, depth, add), generate

    return emit


def _broadcast(builder: ir.IRBuilder, scalar: ir.Value, lanes: int) -> ir.Value:
    vector = ir.VectorType(scalar.type, lanes)
    first = builder.insert_element(
        ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
    )
    mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), mask)


def _outer_tile(rows: int, columns: int) -> Any:
    def body(b: ir.IRBuilder, args: list[ir.Value]) -> None:
        pg, g0, gt, pz, z0, zt, pc, c0, ci, steps, batch = args
        vector = ir.VectorType(pg.type.pointee, LANES)
        sums = [[cgutils.alloca_once(b, vector) for _ in range(columns)] for _ in range(rows)]
        for total in (total for line in sums for total in line):
            b.store(ir.Constant(vector, [0.0] * LANES), total)
        zero, step = ir.Constant(batch.type, 0), ir.Constant(batch.type, LANES)
        with cgutils.for_range(b, steps) as t:
            gs, zs = b.add(g0, b.mul(t.index, gt)), b.add(z0, b.mul(t.index, zt))
            with cgutils.for_range_slice(b, zero, batch, step) as (column, _):
                right = [load(b, pz, _at(b, zs, batch, j, column), LANES) for j in range(columns)]
                for i, line in enumerate(sums):
                    left = load(b, pg, _at(b, gs, batch, i, column), LANES)
                    for total, other in zip(line, right, strict=True):
                        b.store(fma(b, left, other, b.load(total)), total)
        for i, line in enumerate(sums):
            place = b.add(c0, b.mul(ci, ir.Constant(ci.type, i)))
            for j, total in enumerate(line):
                pointer = b.gep(pc, [b.add(place, ir.Constant(place.type, j))])
                b.store(b.fadd(b.load(pointer), _sum(b, b.load(total))), pointer)

    @intrinsic
    def emit(typing: Any, g: Any, g0: Any, gt: Any, z: Any, z0: Any, zt: Any, c: Any, c0: Any,
             ci: Any, steps: Any, batch: Any) -> Any:  # fmt: skip
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            pointers = {i: data(context, builder, k, args[i]) for k, i in ((g, 0), (z, 3), (c, 6))}
            arguments = [pointers.get(i, argument) for i, argument in enumerate(args)]
            call_outlined(builder, f"outer{rows}x{columns}", arguments, body)
            return context.get_dummy_value()

        return types.void(g, g0, gt, z, z0, zt, c, c0, ci, steps, batch), generate

    return emit


def _at(builder: ir.IRBuilder, base: ir.Value, stride: ir.Value, i: int, b: ir.Value) -> ir.Value:
    row = builder.mul(stride, ir.Constant(stride.type, i))
    return builder.add(builder.add(base, row), b)


def _sum(builder: ir.IRBuilder, vector: ir.Value) -> ir.Value:
    lanes = [builder.extract_element(vector, ir.Constant(ir.IntType(32), i)) for i in range(LANES)]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [builder.fadd(lanes[i], lanes[i + half]) for i in range(half)]
    return lanes[0]


_p1, _p2, _p3, _p4, _p5, _p6 = (_product_tile(rows) for rows in range(1, ROWS + 1))
_o43, _o42, _o41 = (_outer_tile(4, columns) for columns in (3, 2, 1))
_o13, _o12, _o11 = (_outer_tile(1, columns) for columns in (3, 2, 1))


@njit
def product(a, a0, ai, ak, z, z0, c, c0, rows, depth, batch, add):  # type: ignore[no-untyped-def]
    """C[i, b] (+)= Σ_k a[a0 + i ai + k ak] · z[z0 + k batch + b]; rows of z and c are `batch` apart."""
    for b in range(0, batch, COLUMNS):
        i = 0
        while i + ROWS <= rows:
            _p6(a, a0 + i * ai, ai, ak, z, z0 + b, batch, c, c0 + i * batch + b, batch, depth, add)
            i += ROWS
        first, place, left = a0 + i * ai, c0 + i * batch + b, rows - i
        if left == 5:
            _p5(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)
        elif left == 4:
            _p4(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)
        elif left == 3:
            _p3(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)
        elif left == 2:
            _p2(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)
        elif left == 1:
            _p1(a, first, ai, ak, z, z0 + b, batch, c, place, batch, depth, add)


@njit
def outer(g, g0, gt, z, z0, zt, c, c0, rows, columns, steps, batch):  # type: ignore[no-untyped-def]
    """c[c0 + i columns' + j] += Σ_t Σ_b g[g0 + t gt + i batch + b] · z[z0 + t zt + j batch + b]."""
    i = 0
    while i < rows:
        four = i + OUTER_ROWS <= rows
        gi, ci = g0 + i * batch, c0 + i * columns
        j = 0
        while j < columns:
            zj, cj, left = z0 + j * batch, ci + j, columns - j
            if left >= OUTER_COLUMNS:
                if four:
                    _o43(g, gi, gt, z, zj, zt, c, cj, columns, steps, batch)
                else:
                    _o13(g, gi, gt, z, zj, zt, c, cj, columns, steps, batch)
            elif left == 2:
                if four:
                    _o42(g, gi, gt, z, zj, zt, c, cj, columns, steps, batch)
                else:
                    _o12(g, gi, gt, z, zj, zt, c, cj, columns, steps, batch)
            elif four:
                _o41(g, gi, gt, z, zj, zt, c, cj, columns, steps, batch)
            else:
                _o11(g, gi, gt, z, zj, zt, c, cj, columns, steps, batch)
            j += OUTER_COLUMNS
        i += OUTER_ROWS if four else 1

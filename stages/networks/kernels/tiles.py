"""Tiles of small matrix products, emitted as vector code: each holds its sums in registers.

    product_tile      1 to 6 rows of 16 columns: C[i, b] (+)= Σ_k A[i, k] Z[k, b]
    dots_tile         4 or 1 rows of 2 or 1 columns: C[i, j] += Σ_t Σ_b G[t, i, b] Z[t, j, b]
    transpose_block   8 rows of 8 columns

An operand is a flat array, the tile's offset in it and its strides, in the order in which `gemm.py` hands
them over. `gemm.py` also says why their bits depend on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from stages.networks.kernels.vector import call_outlined, data, fma, load, store

Body = Callable[[ir.IRBuilder, list[ir.Value]], None]
COLUMNS = 16  # columns of one product tile: two AVX2 registers, one of AVX-512
ROWS = 6  # rows of one product tile: 12 accumulators of AVX2's 16 registers
LANES = 8  # chains of a dot product; rows and columns of a transposed block
DOT_ROWS, DOT_COLUMNS = 4, 2  # tile of the dot products


def _product_body(rows: int) -> Body:
    def body(b: ir.IRBuilder, args: list[ir.Value]) -> None:
        pa, a0, ai, ak, pz, z0, zk, pc, c0, ci, depth, add = args
        vector = ir.VectorType(pa.type.pointee, COLUMNS)
        offsets = [b.add(c0, b.mul(ci, ir.Constant(ci.type, i))) for i in range(rows)]
        firsts = [b.add(a0, b.mul(ai, ir.Constant(ai.type, i))) for i in range(rows)]
        sums = [cgutils.alloca_once(b, vector) for _ in range(rows)]
        with b.if_else(b.icmp_signed("!=", add, ir.Constant(add.type, 0))) as (then, otherwise):
            with then:
                for total, offset in zip(sums, offsets, strict=True):
                    b.store(load(b, pc, offset, COLUMNS), total)
            with otherwise:
                for total in sums:
                    b.store(ir.Constant(vector, [0.0] * COLUMNS), total)
        with cgutils.for_range(b, depth) as loop:
            row = load(b, pz, b.add(z0, b.mul(loop.index, zk)), COLUMNS)
            along = b.mul(loop.index, ak)
            for total, first in zip(sums, firsts, strict=True):
                scalar = b.load(b.gep(pa, [b.add(first, along)]))
                b.store(fma(b, _broadcast(b, scalar, COLUMNS), row, b.load(total)), total)
        for total, offset in zip(sums, offsets, strict=True):
            store(b, b.load(total), pc, offset)

    return body


def _broadcast(builder: ir.IRBuilder, scalar: ir.Value, lanes: int) -> ir.Value:
    vector = ir.VectorType(scalar.type, lanes)
    first = builder.insert_element(
        ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
    )
    mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), mask)


def _dots_body(rows: int, columns: int) -> Body:
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
                left = [load(b, pg, _at(b, gs, batch, i, column), LANES) for i in range(rows)]
                for j in range(columns):
                    right = load(b, pz, _at(b, zs, batch, j, column), LANES)
                    for line, factor in zip(sums, left, strict=True):
                        b.store(fma(b, factor, right, b.load(line[j])), line[j])
        for i, line in enumerate(sums):
            offset = b.add(c0, b.mul(ci, ir.Constant(ci.type, i)))
            total = _sums(b, [b.load(chains) for chains in line])
            store(b, b.fadd(load(b, pc, offset, columns), total), pc, offset)

    return body


def _at(builder: ir.IRBuilder, base: ir.Value, stride: ir.Value, i: int, b: ir.Value) -> ir.Value:
    row = builder.mul(stride, ir.Constant(stride.type, i))
    return builder.add(builder.add(base, row), b)


def _sums(b: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """The sums of one or two vectors of 8 lanes as one vector: neighbours, then their sums, then halves."""
    vector = _neighbours(b, vectors[0], vectors[-1])
    vector = _neighbours(b, vector, vector)
    halves = [_shuffle(b, vector, vector, range(at, at + len(vectors))) for at in (0, 4)]
    return b.fadd(*halves)


def _neighbours(b: ir.IRBuilder, left: ir.Value, right: ir.Value) -> ir.Value:
    """Sums of neighbouring lanes within each half, as AVX's horizontal addition orders them."""
    even = _shuffle(b, left, right, (0, 2, 8, 10, 4, 6, 12, 14))
    odd = _shuffle(b, left, right, (1, 3, 9, 11, 5, 7, 13, 15))
    return b.fadd(even, odd)


def _shuffle(b: ir.IRBuilder, left: ir.Value, right: ir.Value, lanes: Iterable[int]) -> ir.Value:
    order = list(lanes)
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
    return b.shuffle_vector(left, right, mask)


_PRODUCTS = [(rows, _product_body(rows)) for rows in range(1, ROWS + 1)]
_DOTS = [((i, j), _dots_body(i, j)) for i in (DOT_ROWS, 1) for j in (DOT_COLUMNS, 1)]


@intrinsic
def product_tile(
    typing: Any, rows: Any, a: Any, a0: Any, ai: Any, ak: Any, z: Any, z0: Any, zk: Any, c: Any,
    c0: Any, ci: Any, depth: Any, add: Any,
) -> Any:  # pragma: no cover (compiled)  # fmt: skip
    """`rows` rows (1 … ROWS) of 16 columns: C[i, b] (+)= Σ_k A[i, k] Z[k, b]."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        high, *rest = args
        pointers = {i: data(context, builder, k, rest[i]) for k, i in ((a, 0), (z, 4), (c, 7))}
        arguments = [pointers.get(i, argument) for i, argument in enumerate(rest)]
        for count, body in _PRODUCTS:
            with builder.if_then(_equal(builder, high, count)):
                call_outlined(builder, f"product{count}", arguments, body)
        return context.get_dummy_value()

    return types.void(rows, a, a0, ai, ak, z, z0, zk, c, c0, ci, depth, add), generate


@intrinsic
def dots_tile(
    typing: Any, rows: Any, columns: Any, g: Any, g0: Any, gt: Any, z: Any, z0: Any, zt: Any,
    c: Any, c0: Any, ci: Any, steps: Any, batch: Any,
) -> Any:  # pragma: no cover (compiled)  # fmt: skip
    """4 or 1 rows of 2 or 1 columns: C[i, j] += Σ_t Σ_b G[t, i, b] Z[t, j, b]."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        high, wide, *rest = args
        pointers = {i: data(context, builder, k, rest[i]) for k, i in ((g, 0), (z, 3), (c, 6))}
        arguments = [pointers.get(i, argument) for i, argument in enumerate(rest)]
        for (i, j), body in _DOTS:
            with builder.if_then(builder.and_(_equal(builder, high, i), _equal(builder, wide, j))):
                call_outlined(builder, f"dots{i}x{j}", arguments, body)
        return context.get_dummy_value()

    return types.void(rows, columns, g, g0, gt, z, z0, zt, c, c0, ci, steps, batch), generate


def _equal(builder: ir.IRBuilder, value: ir.Value, number: int) -> ir.Value:
    return builder.icmp_signed("==", value, ir.Constant(value.type, number))


@intrinsic
def transpose_block(
    typing: Any, z: Any, z0: Any, zi: Any, c: Any, c0: Any, ci: Any
) -> Any:  # pragma: no cover (compiled)
    """c[c0 + j ci + i] = z[z0 + i zi + j], i, j < LANES: unpack pairs, then fours, then halves."""
    low = ((0, 8, 1, 9, 4, 12, 5, 13), (0, 1, 8, 9, 4, 5, 12, 13), (0, 1, 2, 3, 8, 9, 10, 11))
    high = (
        (2, 10, 3, 11, 6, 14, 7, 15),
        (2, 3, 10, 11, 6, 7, 14, 15),
        (4, 5, 6, 7, 12, 13, 14, 15),
    )

    def body(b: ir.IRBuilder, args: list[ir.Value]) -> None:
        pz, first, zstep, pc, onto, cstep = args
        lines = [
            load(b, pz, b.add(first, b.mul(zstep, ir.Constant(zstep.type, i))), LANES)
            for i in range(LANES)
        ]
        # After a level, line e of a group of 2, 4, 8 lines holds the columns that differ in that bit.
        a = [_shuffle(b, lines[i], lines[i + 1], m[0]) for i in (0, 2, 4, 6) for m in (low, high)]
        q = [
            _shuffle(b, a[i + e], a[i + 2 + e], m[1])
            for i in (0, 4) for e in (0, 1) for m in (low, high)
        ]  # fmt: skip
        r = [_shuffle(b, q[e], q[4 + e], m[2]) for m in (low, high) for e in range(4)]
        for j, line in enumerate(r):
            store(b, line, pc, b.add(onto, b.mul(cstep, ir.Constant(cstep.type, j))))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        pointers = {i: data(context, builder, k, args[i]) for k, i in ((z, 0), (c, 3))}
        arguments = [pointers.get(i, argument) for i, argument in enumerate(args)]
        call_outlined(builder, "transpose", arguments, body)
        return context.get_dummy_value()

    return types.void(z, z0, zi, c, c0, ci), generate

"""Vector code for the CPU, emitted through numba: no compiler is needed on the user's machine.

A `Vec` is a value of the code that is being emitted; its operators emit instructions. Nothing is
contracted or reordered, and every function here consists of correctly rounded instructions (+, −, ×, ÷,
fused multiply-add), so the bits of a result depend neither on the width of the machine's registers nor
on an element's position in its array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16  # elements of one pointwise step; buffers are padded to a multiple of it
Read = Callable[[int, int], "Vec"]
Write = Callable[[int, int, "Vec"], None]
Equation = Callable[[Read, Write], None]  # see `pointwise`


def fma(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """a · b + c of vectors, rounded once."""
    kind = a.type
    name = f"llvm.fma.v{kind.count}f{32 if kind.element == ir.FloatType() else 64}"
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind] * 3), name
    )
    return builder.call(function, (a, b, c))


class Vec:
    """A vector value; `+ - * /` with vectors and numbers emit one instruction each."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def lift(self, other: Vec | float) -> Vec:
        """`other` as a vector of this type."""
        if isinstance(other, Vec):
            return other
        kind = self.value.type
        return Vec(self.builder, ir.Constant(kind, [other] * kind.count))

    def __add__(self, other: Vec | float) -> Vec:
        return Vec(self.builder, self.builder.fadd(self.value, self.lift(other).value))

    def __sub__(self, other: Vec | float) -> Vec:
        return Vec(self.builder, self.builder.fsub(self.value, self.lift(other).value))

    def __mul__(self, other: Vec | float) -> Vec:
        return Vec(self.builder, self.builder.fmul(self.value, self.lift(other).value))

    def __truediv__(self, other: Vec | float) -> Vec:
        return Vec(self.builder, self.builder.fdiv(self.value, self.lift(other).value))

    def __rsub__(self, other: float) -> Vec:
        return self.lift(other) - self

    def __rtruediv__(self, other: float) -> Vec:
        return self.lift(other) / self

    def fma(self, factor: Vec, addend: Vec | float) -> Vec:
        """self · factor + addend, rounded once."""
        args = (self.value, factor.value, self.lift(addend).value)
        return Vec(self.builder, fma(self.builder, *args))

    def clamp(self, low: float, high: float) -> Vec:
        """min(max(self, low), high); a NaN stays NaN, so that a diverged member is seen."""
        b, value = self.builder, self.value
        for comparison, bound in (("<", low), (">", high)):
            limit = self.lift(bound).value
            value = b.select(b.fcmp_ordered(comparison, value, limit), limit, value)
        return Vec(b, value)


def _horner(x: Vec, coefficients: tuple[float, ...]) -> Vec:
    result = x.lift(coefficients[0])
    for coefficient in coefficients[1:]:
        result = result.fma(x, coefficient)
    return result


# tanh(x) ≈ x P(x²) / Q(x²) on |x| ≤ 7.9, the minimax fit of Eigen (`generic_fast_tanh_float`).
_P32 = (
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-08,
    1.48572235717979e-05,
    6.37261928875436e-04,
    4.89352455891786e-03,
)
_Q32 = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)


def _tanh32(x: Vec) -> Vec:
    x = x.clamp(-7.90531110763549805, 7.90531110763549805)
    square = x * x
    return x * _horner(square, _P32) / _horner(square, _Q32)


def _tanh64(x: Vec) -> Vec:
    """1 − 2 / (e^{2x} + 1), with e^y = 2^k e^r, |r| ≤ ln2/2, a Taylor polynomial of degree 13."""
    b = x.builder
    y = (x * 2.0).clamp(-44.0, 44.0)
    magic = 6755399441055744.0  # 1.5 · 2^52: adding it rounds to the nearest integer
    k = y.fma(x.lift(1 / math.log(2)), magic) - magic
    r = k.fma(x.lift(-6.93147180369123816490e-01), y)
    r = k.fma(x.lift(-1.90821492927058770002e-10), r)
    series = _horner(r, tuple(1 / math.factorial(i) for i in range(13, -1, -1)))
    integers = ir.VectorType(ir.IntType(64), y.value.type.count)
    shift = ir.Constant(integers, [52] * integers.count)
    bias = ir.Constant(integers, [1023] * integers.count)
    exponent = b.shl(b.add(b.fptosi(k.value, integers), bias), shift)
    power = Vec(b, b.bitcast(exponent, y.value.type))
    return 1.0 - 2.0 / (series * power + 1.0)


def tanh(x: Vec) -> Vec:
    """tanh to 4e-7 relative in float32, 1e-15 absolute in float64; NaN stays NaN."""
    return _tanh32(x) if x.value.type.element == ir.FloatType() else _tanh64(x)


def data(context: Any, builder: ir.IRBuilder, kind: types.Array, value: ir.Value) -> ir.Value:
    """The pointer to an array's first element."""
    return context.make_array(kind)(context, builder, value).data


def load(builder: ir.IRBuilder, pointer: ir.Value, offset: ir.Value, lanes: int) -> ir.Value:
    """`lanes` neighbouring elements from `offset` on, as a vector."""
    kind = ir.VectorType(pointer.type.pointee, lanes)
    address = builder.bitcast(builder.gep(pointer, [offset]), kind.as_pointer())
    return builder.load(address, align=4)


def store(builder: ir.IRBuilder, value: ir.Value, pointer: ir.Value, offset: ir.Value) -> None:
    """Write a vector to the elements from `offset` on."""
    address = builder.bitcast(builder.gep(pointer, [offset]), value.type.as_pointer())
    builder.store(value, address, align=4)


def call_outlined(
    builder: ir.IRBuilder,
    name: str,
    arguments: list[ir.Value],
    body: Callable[[ir.IRBuilder, list[ir.Value]], None],
) -> None:
    """Call a void function of the module, emitting it at its first use.

    It is never inlined: a kernel with dozens of call sites would take minutes to compile.
    """
    kinds = [argument.type for argument in arguments]
    full = f"{name}.{'.'.join(str(kind).strip('*') for kind in kinds)}"
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), kinds), full
    )
    if function.is_declaration:
        function.linkage = "internal"
        function.attributes.add("noinline")
        inner = ir.IRBuilder(function.append_basic_block("entry"))
        body(inner, list(function.args))
        inner.ret_void()
    builder.call(function, arguments)


def pointwise(name: str, equations: Sequence[Equation], buffers: int) -> Any:
    """Compile equations into `f(buffer, kind, n, offsets)`, which evaluates equations[kind].

    For e = 0 … n−1 the equation's `read(i, j)` is the element at offsets[i] + j n + e of the flat buffer, and
    `write(i, j, value)` sets it, i < buffers. n is a multiple of LANES. All reads of an element come
    before its writes, so a result may overwrite what was read.
    """

    @intrinsic
    def emit(typing: Any, buffer: Any, kind: Any, n: Any, offsets: Any) -> Any:  # pragma: no cover
        def outlined(equation: Equation) -> Callable[[ir.IRBuilder, list[ir.Value]], None]:
            def body(b: ir.IRBuilder, args: list[ir.Value]) -> None:
                base, count, *starts = args
                zero, step = ir.Constant(count.type, 0), ir.Constant(count.type, LANES)
                with cgutils.for_range_slice(b, zero, count, step) as (e, _):

                    def at(i: int, j: int) -> ir.Value:
                        return b.add(b.add(starts[i], b.mul(count, ir.Constant(count.type, j))), e)

                    def read(i: int, j: int) -> Vec:
                        return Vec(b, load(b, base, at(i, j), LANES))

                    def write(i: int, j: int, value: Vec) -> None:
                        store(b, value.value, base, at(i, j))

                    equation(read, write)

            return body

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            starts = [builder.extract_value(args[3], i) for i in range(buffers)]
            arguments = [data(context, builder, buffer, args[0]), args[2], *starts]
            for index, equation in enumerate(equations):
                wanted = ir.Constant(args[1].type, index)
                with builder.if_then(builder.icmp_signed("==", args[1], wanted)):
                    call_outlined(builder, f"{name}{index}", arguments, outlined(equation))
            return context.get_dummy_value()

        return types.void(buffer, kind, n, offsets), generate

    @njit(error_model="numpy")
    def run(buffer: np.ndarray, kind: int, n: int, offsets: tuple[int, ...]) -> None:
        emit(buffer, kind, n, offsets)

    run.__name__ = run.__qualname__ = name
    return run


def by_index(functions: Sequence[Callable[[Any], Any]]) -> Any:
    """A function f(index, x) = functions[index](x) for compiled code."""
    first = njit(functions[0])
    if len(functions) == 1:
        return njit(lambda index, x: first(x))
    others = by_index(functions[1:])

    @njit
    def chosen(index: int, x: float) -> float:
        return first(x) if index == 0 else others(index - 1, x)

    return chosen

"""Flush-to-zero for the length of a kernel call.

Gradients that vanish over hundreds of steps become denormal numbers, on which x86 processors are up
to a hundred times slower. Each kernel sets the flags on its own thread and puts them back.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_X86 = platform.machine() in ("x86_64", "AMD64")
FLUSH = 0x8040  # MXCSR: flush results to zero, take denormal operands for zero


def _access(builder: ir.IRBuilder, name: str, slot: ir.Value) -> None:
    pointer = ir.IntType(8).as_pointer()
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [pointer]), f"llvm.x86.sse.{name}"
    )
    builder.call(function, [builder.bitcast(slot, pointer)])


@intrinsic
def flush_denormals(typing: Any) -> Any:  # pragma: no cover (compiled)
    """Switch flushing on; returns the former flags, for `restore_denormals`."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        slot = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(32), 0))
        if _X86:
            _access(builder, "stmxcsr", slot)
            before = builder.load(slot)
            builder.store(builder.or_(before, ir.Constant(ir.IntType(32), FLUSH)), slot)
            _access(builder, "ldmxcsr", slot)
            return before
        return builder.load(slot)

    return types.uint32(), generate


@intrinsic
def restore_denormals(typing: Any, flags: Any) -> Any:  # pragma: no cover (compiled)
    """Restore the flags that `flush_denormals` returned."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        if _X86:
            slot = cgutils.alloca_once_value(builder, args[0])
            _access(builder, "ldmxcsr", slot)
        return context.get_dummy_value()

    return types.void(types.uint32), generate

"""The cells: all that is known of each, as one class and one row of `CELLS`.

The CPU kernels, the torch engine, initial weights, diagnostics, the page, MLflow's views and the values of
`train.cells` follow this table. Equations are written with + − × and tanh over values that have them, so the
same lines are evaluated by torch on tensors (`stacked/`) and emitted as vector instructions of the CPU
kernels (`vector.py`).

A step reads z = [x | 1 | h]: the layer's inputs, a one for the bias, and the hidden state before the step.
Its pre-activations are products of weight matrices with columns of z, D rows for each gate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

Value = Any  # a torch tensor or a vector of the code that is being emitted
Values = Sequence[Value]
Tanh = Callable[[Value], Value]


class Product(NamedTuple):
    """One weight matrix of a layer: its gates, and whether it reads x and h; all read the 1, their bias."""

    gates: tuple[str, ...]
    x: bool = True
    h: bool = True


class Forward(NamedTuple):
    """What a step computes: the next h, what it keeps of each gate, the next states, other values to keep."""

    h: Value
    gates: Values
    states: Values = ()
    kept: Values = ()


class Step(NamedTuple):
    """What `backward` knows of a step: h and the states before it, and what `forward` gave."""

    gates: Values
    states: Values
    kept: Values
    h: Value
    h_next: Value


class Backward(NamedTuple):
    """Gradients of the pre-activations and of the states before the step.

    h: the part of ∂loss/∂h before the step that does not pass through a product; None: there is no such part.
    """

    gates: Values
    states: Values = ()
    h: Value | None = None


class Cell:
    """A recurrent cell; without products, a network that reads its whole window at once.

    Attributes:
        products: the weight matrices of a layer. Gates of all of them follow one another in `forward` and
            `backward`; a gate with two products (one on x, one on h) has two pre-activations of one name.
        states: how many values of D units a step hands to the next besides h.
        kept: how many values of D units a step keeps for `backward`, besides gates and states.
        skips: whether `Backward.h` is given.
        biases: gate → the start value of its bias, where that is not 0.
    """

    products: ClassVar[tuple[Product, ...]] = ()
    states: ClassVar[int] = 0
    kept: ClassVar[int] = 0
    skips: ClassVar[bool] = False
    biases: ClassVar[Mapping[str, float]] = {}

    @classmethod
    def gates(cls) -> int:
        """Pre-activations of a step, in units of D rows."""
        return sum(len(product.gates) for product in cls.products)

    @classmethod
    def recurrences(cls) -> tuple[str, ...]:
        """The gates that have a recurrent matrix (D, D), in order."""
        return tuple(gate for product in cls.products if product.h for gate in product.gates)

    @staticmethod
    def forward(tanh: Tanh, a: Values, h: Value, states: Values) -> Forward:
        """One step from the pre-activations a, the hidden state h and the states before it."""
        raise NotImplementedError

    @staticmethod
    def backward(step: Step, dh: Value, dstates: Values) -> Backward:
        """Gradients of the loss, from those of the next h and the next states."""
        raise NotImplementedError


def sigmoid(tanh: Tanh, a: Value) -> Value:
    """σ(a) = (1 + tanh(a/2)) / 2: one transcendental function serves every gate."""
    return tanh(a * 0.5) * 0.5 + 0.5


class Linear(Cell):
    """No recurrence: the head reads the whole window. With L2 it is ridge regression."""


class RNN(Cell):
    """h' = tanh(a) (Elman 1990), as torch's nn.RNN."""

    products = (Product(("recurrence",)),)

    @staticmethod
    def forward(tanh: Tanh, a: Values, h: Value, states: Values) -> Forward:
        return Forward(tanh(a[0]), gates=a)

    @staticmethod
    def backward(step: Step, dh: Value, dstates: Values) -> Backward:
        return Backward((dh * (1.0 - step.h_next * step.h_next),))


class GRU(Cell):
    """h' = (1 − z) n + z h,  n = tanh(a_n + r · recurrent)  (Cho et al. 2014).

    In the variant of torch's nn.GRU and cuDNN: the reset gate r comes after the recurrent product
    `recurrent` = W_hn h + b_hn (Keras's `reset_after`); a_n = W_in x + b_in.
    """

    products = (
        Product(("reset gate r", "update gate z")),
        Product(("candidate n",), x=False),
        Product(("candidate n",), h=False),
    )
    skips = True

    @staticmethod
    def forward(tanh: Tanh, a: Values, h: Value, states: Values) -> Forward:
        a_r, a_z, recurrent, a_n = a
        r, z = sigmoid(tanh, a_r), sigmoid(tanh, a_z)
        n = tanh(a_n + r * recurrent)
        return Forward(n + z * (h - n), gates=(r, z, recurrent, n))

    @staticmethod
    def backward(step: Step, dh: Value, dstates: Values) -> Backward:
        r, z, recurrent, n = step.gates
        da_n = dh * (1.0 - z) * (1.0 - n * n)
        da_r = da_n * recurrent * r * (1.0 - r)
        da_z = dh * (step.h - n) * z * (1.0 - z)
        return Backward((da_r, da_z, da_n * r, da_n), h=dh * z)


class LSTM(Cell):
    """c' = f c + i g,  h' = o tanh(c')  (Hochreiter & Schmidhuber 1997), as torch's nn.LSTM.

    With the forget gate of Gers et al. (2000), whose bias starts at 1 (Jozefowicz et al. 2015).
    """

    products = (Product(("input gate i", "forget gate f", "candidate g", "output gate o")),)
    states = 1  # c
    kept = 1  # tanh(c')
    biases: ClassVar[Mapping[str, float]] = {"forget gate f": 1.0}

    @staticmethod
    def forward(tanh: Tanh, a: Values, h: Value, states: Values) -> Forward:
        i, f, g, o = sigmoid(tanh, a[0]), sigmoid(tanh, a[1]), tanh(a[2]), sigmoid(tanh, a[3])
        c = f * states[0] + i * g
        squashed = tanh(c)
        return Forward(o * squashed, gates=(i, f, g, o), states=(c,), kept=(squashed,))

    @staticmethod
    def backward(step: Step, dh: Value, dstates: Values) -> Backward:
        (i, f, g, o), (squashed,), (c,) = step.gates, step.kept, step.states
        dc = dstates[0] + dh * o * (1.0 - squashed * squashed)
        da_i = dc * g * i * (1.0 - i)
        da_f = dc * c * f * (1.0 - f)
        da_g = dc * i * (1.0 - g * g)
        da_o = dh * squashed * o * (1.0 - o)
        return Backward((da_i, da_f, da_g, da_o), states=(dc * f,))


CELLS: dict[str, type[Cell]] = {
    "linear": Linear,
    "rnn": RNN,
    "gru": GRU,
    "lstm": LSTM,
}

"""The pointwise equations of each cell: the one place where they stand.

Written with +, − and × over values that know them, so that the same lines are evaluated by torch on
tensors (`stacked.py`; float64 and CUDA) and emitted as vector instructions for the fused CPU kernels
(`vector.py`). `a_*` are pre-activations, `d*` gradients of the loss.

Sources: Elman (1990) for rnn; Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al.
(2000) for lstm; Cho et al. (2014) in the variant of torch and cuDNN (the reset gate after the
recurrent product, Keras's `reset_after`) for gru. All agree with torch's nn.RNN, nn.LSTM, nn.GRU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Value = Any  # a torch tensor or a vector of the code that is being emitted
Tanh = Callable[[Value], Value]


def sigmoid(tanh: Tanh, a: Value) -> Value:
    """σ(a) = (1 + tanh(a/2)) / 2: one transcendental function serves every gate."""
    return tanh(a * 0.5) * 0.5 + 0.5


def rnn_forward(tanh: Tanh, a: Value) -> tuple[Value]:
    """h = tanh(a)."""
    return (tanh(a),)


def rnn_backward(tanh: Tanh, h: Value, dh: Value) -> tuple[Value]:
    """da = dh (1 − h²)."""
    return (dh * (1.0 - h * h),)


def lstm_forward(
    tanh: Tanh, a_i: Value, a_f: Value, a_g: Value, a_o: Value, c: Value
) -> tuple[Value, Value, Value, Value, Value, Value, Value]:
    """c' = f c + i g,  h = o tanh(c'); gives i, f, g, o, c', tanh(c'), h."""
    i, f, g, o = sigmoid(tanh, a_i), sigmoid(tanh, a_f), tanh(a_g), sigmoid(tanh, a_o)
    c_next = f * c + i * g
    squashed = tanh(c_next)
    return i, f, g, o, c_next, squashed, o * squashed


def lstm_backward(
    tanh: Tanh,
    i: Value,
    f: Value,
    g: Value,
    o: Value,
    c: Value,
    squashed: Value,
    dh: Value,
    dc: Value,
) -> tuple[Value, Value, Value, Value, Value]:
    """Gradients of the four pre-activations and of the previous cell state."""
    dc = dc + dh * o * (1.0 - squashed * squashed)
    da_i = dc * g * i * (1.0 - i)
    da_f = dc * c * f * (1.0 - f)
    da_g = dc * i * (1.0 - g * g)
    da_o = dh * squashed * o * (1.0 - o)
    return da_i, da_f, da_g, da_o, dc * f


def gru_forward(
    tanh: Tanh, a_r: Value, a_z: Value, recurrent: Value, a_n: Value, h: Value
) -> tuple[Value, Value, Value, Value]:
    """h' = (1 − z) n + z h,  n = tanh(a_n + r · recurrent); gives r, z, n, h'.

    `recurrent` = W_hn h + b_hn is what the reset gate multiplies; a_n = W_in x + b_in.
    """
    r, z = sigmoid(tanh, a_r), sigmoid(tanh, a_z)
    n = tanh(a_n + r * recurrent)
    return r, z, n, n + z * (h - n)


def gru_backward(
    tanh: Tanh, r: Value, z: Value, recurrent: Value, n: Value, h: Value, dh: Value
) -> tuple[Value, Value, Value, Value, Value]:
    """Gradients of a_r, a_z, recurrent and a_n, and the part of dh that skips the gates."""
    da_n = dh * (1.0 - z) * (1.0 - n * n)
    da_r = da_n * recurrent * r * (1.0 - r)
    da_z = dh * (h - n) * z * (1.0 - z)
    return da_r, da_z, da_n * r, da_n, dh * z

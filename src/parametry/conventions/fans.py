"""How many inputs an output sums over, and how many outputs an input reaches.

Glorot's and He's formulas are about these two numbers. They depend on what the kernel's axes mean,
which its shape alone does not tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

__all__ = ["fans"]

# How many gates lie side by side in the last axis of a recurrent layer's kernels.
_GATES: Final = {"LSTM": 4, "ConvLSTM1D": 4, "ConvLSTM2D": 4, "ConvLSTM3D": 4, "GRU": 3}
_GATED: Final = ("kernel", "recurrent_kernel")


def fans(
    layer_class: str,
    name: str,
    shape: Sequence[int],
    groups: int = 1,
    equation: str | None = None,
) -> tuple[float, float]:
    """The fans of one parameter.

    ============================  =====================  ====================  ====================
    kernel                        shape                  fan_in                fan_out
    ============================  =====================  ====================  ====================
    dense                         in, out                in                    out
    convolution                   r…, in/groups, out     r in/groups           r out/groups
    its transpose                 r…, out, in            r in                  r out
    depthwise                     r…, in, m              r                     r m
    pointwise                     1…, in, out            in                    out
    embedding                     words, dim             1                     dim
    einsum, attention             by its equation        axes summed over      axes added
    recurrent                     in, gates units        in                    units
    recurrent, convolution        r…, in, gates filters  r in                  r filters
    bias, vector                  n                      n                     n
    scalar                                               1                     1
    ============================  =====================  ====================  ====================

    ``r`` is the product of the axes in space; strides are not looked at.

    Keras's own ``compute_fans`` sees the shape alone and takes the last two axes for inputs and
    outputs. It differs, and this function is right by the definition of the two words, for:

    * grouped convolutions: an input reaches the outputs of its group only (Keras: of all groups);
    * transposed convolutions: the kernel's last axis is the inputs (Keras: the outputs);
    * depthwise convolutions: each output sums over one channel (Keras: over all);
    * embeddings: each output is one row, of one word (Keras: sums over the vocabulary);
    * attention and einsum kernels of three axes: heads are inputs or outputs, as the equation says
      (Keras: taken for space, so that the fans of ``in, heads, dim`` are ``in heads`` and
      ``in dim``);
    * recurrent kernels: each gate is a layer of its own, so an input reaches ``units`` outputs of
      each (Keras: all gates' together).

    For vectors and scalars, of which the formulas do not tell, it is Keras's rule.

    Args:
        layer_class: The class of the layer that holds the parameter, as ``Conv2D``.
        name: What the layer calls it, as ``depthwise_kernel``.
        shape: Its shape.
        groups: The convolution's groups.
        equation: The equation of an EinsumDense layer, as ``abc,cde->abde``; without it all its
            axes but the last count as inputs.

    Example:
        >>> fans("Dense", "kernel", (3, 4))
        (3.0, 4.0)
        >>> fans("Conv2D", "kernel", (3, 3, 4, 32), groups=2)
        (36.0, 144.0)
        >>> fans("EinsumDense", "kernel", (64, 8, 16), equation="abc,cde->abde")
        (64.0, 128.0)

    Sources: Glorot and Bengio 2010; He et al. 2015, section 2.2, for convolutions.
    """
    if len(shape) < 2 or "bias" in name:
        only = float(shape[-1]) if shape else 1.0
        return only, only
    if equation is not None:
        by_equation = _einsum(equation, shape)
        if by_equation is not None:
            return by_equation
    space = math.prod(shape[:-2])
    before_last, last = shape[-2:]
    kind = layer_class.removesuffix("Cell")
    if kind == "EinsumDense":
        return float(space * before_last), float(last)
    if name == "depthwise_kernel" or kind.startswith("Depthwise"):
        return float(space), float(space * last)
    if name == "embeddings":
        return 1.0, float(last)
    if "Conv" in kind and kind.endswith("Transpose"):
        return float(space * last), float(space * before_last)
    if name in _GATED:
        last //= _GATES.get(kind, 1)
    return float(space * before_last), float(space * (last // groups))


def _einsum(equation: str, shape: Sequence[int]) -> tuple[float, float] | None:
    """The fans of an einsum's second operand; None where the equation is not about this shape."""
    operands, _, output = equation.replace(" ", "").partition("->")
    given, _, kernel = operands.replace("...", "").partition(",")
    if len(kernel) != len(shape):
        return None
    sizes = dict(zip(kernel, shape, strict=True))
    summed = math.prod(size for label, size in sizes.items() if label not in output)
    added = math.prod(size for label, size in sizes.items() if label not in given)
    return float(summed), float(added)

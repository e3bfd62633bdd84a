"""How kernels lie in memory: which order of axes one framework has where another has its own.

==============================  ================  ================
kernel                          Keras, NNX        torch
==============================  ================  ================
dense                           in, out           out, in
convolution                     space…, in, out   out, in, space…
transposed convolution          space…, out, in   in, out, space…
depthwise convolution           space…, in, 1     in, 1, space…
embedding                       words, dim        words, dim
==============================  ================  ================

Sources: ``keras.layers`` and ``torch.nn``, what each class says of its weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["Laid", "Order", "order_between"]

Axes: TypeAlias = tuple[int, ...]
_Family: TypeAlias = Literal["outputs last", "outputs first", ""]

_FAMILIES: Final[dict[str, _Family]] = {
    "keras": "outputs last",
    "tf_keras": "outputs last",
    "flax": "outputs last",
    "nnx": "outputs last",
    "tensorflow": "outputs last",
    "torch": "outputs first",
    "pytorch": "outputs first",
}
_KERNELS: Final = frozenset({"kernel", "recurrent_kernel", "pointwise_kernel"})
_DEPTHWISE: Final = "depthwise_kernel"
# Laid out alike everywhere, whatever their shapes.
_ALIKE: Final = frozenset({"embeddings", "embedding"})


@dataclass(frozen=True, slots=True)
class Laid:
    """What is known of how one array lies.

    Attributes:
        shape: Its shape.
        name: What its layer calls it, as ``kernel``.
        layer_class: That layer's class; empty where it is not known.
        framework: What wrote it, as ``keras (jax)``; empty where nothing tells.
    """

    shape: tuple[int, ...]
    name: str
    layer_class: str = ""
    framework: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """In which order the second's axes are those of the first.

    Attributes:
        axes: What ``second.transpose(axes)`` takes; None where it is compared as it is.
        ambiguous: Whether another order is as likely: the shapes fit it too, as those of a square
            kernel do, and nothing else tells.
    """

    axes: Axes | None = None
    ambiguous: bool = False


_AS_IT_IS: Final = Order()


def order_between(first: Laid, second: Laid) -> Order:
    """The order of axes in which a second array is to be compared with a first.

    Of one framework both lie alike. Of two that lay kernels out differently the kernel's name
    tells, whatever its shape. Else the shapes do, where they leave one order; it is not guessed.

    Args:
        first: What is known of the one.
        second: What is known of the other.

    Example:
        >>> dense = Laid((64, 64), "kernel", "Dense", "keras (jax)")
        >>> order_between(dense, Laid((64, 64), "weight", framework="torch"))
        Order(axes=(1, 0), ambiguous=False)
        >>> order_between(dense, Laid((64, 64), "weight"))
        Order(axes=None, ambiguous=True)
        >>> order_between(Laid((8, 4), "a"), Laid((4, 8), "a")).axes
        (1, 0)
    """
    rank = len(first.shape)
    one, two = _family(first.framework), _family(second.framework)
    if rank < 2 or rank != len(second.shape) or (one and one == two):
        return _AS_IT_IS
    outputs_last = first if one == "outputs last" or two == "outputs first" else second
    if one and two:
        told = _told(outputs_last, second is outputs_last)
        if told is not None and _fits(first, second, told):
            return _AS_IT_IS if told == tuple(range(rank)) else Order(told)
    fitting = {
        _that_count(second, axes): axes for axes in _orders(rank) if _fits(first, second, axes)
    }
    if first.shape == second.shape:
        fitting.pop(_that_count(second, tuple(range(rank))), None)
        maybe = bool(fitting) and bool(one or two) and outputs_last.name not in _ALIKE
        return Order(None, ambiguous=maybe)
    if len(fitting) == 1:
        return Order(next(iter(fitting.values())))
    return Order(None, ambiguous=bool(fitting))


def _family(framework: str) -> _Family:
    return _FAMILIES.get(framework.partition(" ")[0], "")


def _told(outputs_last: Laid, is_second: bool) -> Axes | None:
    """The order that the kernel's name tells; None where it tells none."""
    rank = len(outputs_last.shape)
    if outputs_last.name in _ALIKE:
        return tuple(range(rank))
    if rank > 2 and "Einsum" in outputs_last.layer_class:
        return None  # its axes are heads and the like, not space
    to_first, to_last, depthwise_to_first, depthwise_to_last = _orders(rank)
    if outputs_last.name in _KERNELS:
        return to_first if is_second else to_last
    if outputs_last.name == _DEPTHWISE:
        return depthwise_to_first if is_second else depthwise_to_last
    return None


def _orders(rank: int) -> tuple[Axes, Axes, Axes, Axes]:
    """From outputs last to outputs first, and back; the same of depthwise kernels."""
    space = tuple(range(rank - 2))
    behind = tuple(range(2, rank))
    return (
        (rank - 1, rank - 2, *space),
        (*behind, 1, 0),
        (rank - 2, rank - 1, *space) if space else (1, 0),
        (*behind, 0, 1) if space else (1, 0),
    )


def _fits(first: Laid, second: Laid, axes: Axes) -> bool:
    return first.shape == tuple(second.shape[axis] for axis in axes)


def _that_count(second: Laid, axes: Axes) -> Axes:
    """The order of the axes longer than one: where the others stand makes no difference."""
    return tuple(axis for axis in axes if second.shape[axis] > 1)

"""Keras's initializers as ours: equal distributions, and equal bytes on every backend.

Keras's own classes are translated by name, with their arguments, and with Keras's own count of a
kernel's inputs and outputs, which differs from ours where Keras sees the shape alone (a depthwise
or grouped kernel, an embedding): ``GlorotUniform()`` draws from what Keras documents,
`parametry.glorot_uniform` from what the paper says. The seed that an initializer object holds
counts for nothing: the seed given to `parametry.initialize` and the address decide.

What is not Keras's own is called, see `CustomInitializer`.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import cast
from parametry.core.initializer import Initializer, Site
from parametry.core.value import Plain, class_name
from parametry.frameworks.keras.randomness import seeded
from parametry.frameworks.keras.store import to_numpy
from parametry.initializers.constants import constant, identity, ones, zeros
from parametry.initializers.distributions import normal, truncated_normal, uniform
from parametry.initializers.orthogonal import orthogonal
from parametry.initializers.scaling import variance_scaling

__all__ = ["CustomInitializer", "KerasFans", "initializer", "keras_fans", "translate"]

_PACKAGES = frozenset({"keras", "tf_keras", "tensorflow"})


@dataclass(frozen=True, slots=True)
class KerasFans:
    """An initializer that scales by the fans as Keras counts them.

    Attributes:
        inner: What draws the values.
        input_axes: The kernel's axes that are inputs; None for Keras's convention.
        output_axes: Those that are outputs, likewise.
    """

    inner: Initializer
    input_axes: tuple[int, ...] | None = None
    output_axes: tuple[int, ...] | None = None

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """See `Initializer.values`."""
        fan_in, fan_out = keras_fans(site.shape, self.input_axes, self.output_axes)
        return self.inner.values(replace(site, fan_in=fan_in, fan_out=fan_out), seed)

    def to_plain(self) -> dict[str, Plain]:
        """The initializer as plain data, with ``fans`` saying whose they are."""
        return {**self.inner.to_plain(), "fans": "keras"}


def keras_fans(
    shape: tuple[int, ...],
    input_axes: tuple[int, ...] | None = None,
    output_axes: tuple[int, ...] | None = None,
) -> tuple[int, int]:
    """Fan-in and fan-out as ``keras.initializers.compute_fans`` counts them.

    Example:
        >>> keras_fans((3, 3, 16, 32)), keras_fans((7,)), keras_fans((4, 2, 8), (0,), (1, 2))
        ((144, 288), (7, 7), (4, 16))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[i] for i in input_axes), math.prod(shape[i] for i in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


@dataclass(frozen=True, slots=True)
class CustomInitializer:
    """A user's initializer ``(shape, dtype) -> tensor``: a class with ``__call__``, or a function.

    Its bits are its own. What it draws from global states (Python's, NumPy's, Keras's, the
    backend's) starts from the seed and the address and is put back afterwards; what it draws from a
    state of its own is as that makes it.

    Attributes:
        function: What is called.
        plain: What is told of it.
    """

    function: Callable[..., Any]
    plain: Mapping[str, Plain]

    note: ClassVar[str] = "its random bits are its own"

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """What the initializer gives for the shape and dtype, as a NumPy array."""
        digest = blake2b(f"{seed}:{site.address}".encode("utf-8", "surrogatepass"), digest_size=8)
        key = int.from_bytes(digest.digest(), "little")
        with seeded(key):
            made = _reseeded(self.function, key)(site.shape, dtype=site.dtype)
            array = to_numpy(made)
        return cast(array, site.dtype, address=site.address)

    def to_plain(self) -> dict[str, Plain]:
        """Its class and arguments, as far as they are known."""
        return dict(self.plain)


def _reseeded(function: Callable[..., Any], key: int) -> Callable[..., Any]:
    """A user's subclass of Keras's random initializers with the key as its seed."""
    if not any(cls.__name__ == "RandomInitializer" for cls in type(function).__mro__):
        return function
    twin: Any = copy.copy(function)
    twin.seed = key % 2**31
    return twin  # type: ignore[no-any-return]


def initializer(value: Any) -> Initializer | None:
    """An initializer of Keras's, or one written for Keras, as one of ours.

    Args:
        value: An object of Keras's or TensorFlow's initializers, a name that Keras knows
            (``he_normal``), or a callable ``(shape, dtype)``.

    Returns:
        None for what is no such thing.
    """
    if isinstance(value, str):
        keras = sys.modules.get("keras") or sys.modules["tf_keras"]
        try:
            value = keras.initializers.get(value)
        except ValueError:
            return None
    if isinstance(value, type) and any(cls.__name__ == "Initializer" for cls in value.__mro__):
        value = value()
    return translate(value) if callable(value) and not isinstance(value, type) else None


def translate(value: Any) -> Initializer:
    """An initializer object, or a callable ``(shape, dtype)``, as one of ours."""
    cls = type(value)
    if cls.__module__.partition(".")[0] in _PACKAGES:
        made = _OF_KERAS.get(cls.__name__)
        found = None if made is None else made(value)
        if found is not None:
            return found
    from parametry.frameworks.keras.describe import summary

    plain = summary(value)
    if not isinstance(plain, dict):
        plain = {"class": str(plain) if isinstance(plain, str) else class_name(cls)}
    return CustomInitializer(value, {str(name): told for name, told in plain.items()})


def _constant(value: Any) -> Initializer | None:
    number = value.value.item() if isinstance(value.value, np.generic) else value.value
    return constant(number) if isinstance(number, (int, float)) else None


def _variance_scaling(value: Any) -> Initializer:
    distribution = str(value.distribution)
    if distribution == "normal":  # as older versions call it
        distribution = "truncated_normal"
    inner = variance_scaling(value.scale, value.mode, distribution)  # type: ignore[arg-type]
    axes = (getattr(value, name, None) for name in ("input_axes", "output_axes"))
    first, second = (None if found is None else tuple(found) for found in axes)
    return KerasFans(inner, first, second)


_OF_KERAS: dict[str, Callable[[Any], Initializer | None]] = {
    "Zeros": lambda value: zeros(),
    "Ones": lambda value: ones(),
    "Constant": _constant,
    "Identity": lambda value: identity(value.gain),
    "RandomUniform": lambda value: uniform(value.minval, value.maxval),
    "RandomNormal": lambda value: normal(value.mean, value.stddev),
    "TruncatedNormal": lambda value: truncated_normal(value.mean, value.stddev),
    "Orthogonal": lambda value: orthogonal(value.gain),
    **dict.fromkeys(
        (
            "VarianceScaling",
            "GlorotUniform",
            "GlorotNormal",
            "HeUniform",
            "HeNormal",
            "LecunUniform",
            "LecunNormal",
        ),
        _variance_scaling,
    ),
}

"""The initializer that a layer declares for each of its variables, as one of ours.

Keras's own layers keep what they were given under ``…_initializer``, and their few exceptions stand
in tables here. A user's layer that names an initializer in ``add_weight`` alone keeps it nowhere;
see `parametry.frameworks.keras.copies`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.conventions.arguments import declared_names
from parametry.core.initializer import Initializer, Site
from parametry.core.parameter import Parameter
from parametry.core.value import Plain
from parametry.frameworks.keras.copies import given_to_add_weight
from parametry.frameworks.keras.dialect import dialect_of, is_of_keras
from parametry.frameworks.keras.initializer import KerasFans, translate
from parametry.frameworks.keras.quantized import Quantized, holds_quantized
from parametry.frameworks.keras.store import VariableStore
from parametry.initializers.constants import ones, zeros
from parametry.initializers.distributions import truncated_normal
from parametry.initializers.scaling import glorot_uniform, he_uniform

__all__ = ["declared"]


def declared(thing: Any, parameter: Parameter) -> Initializer | None:
    """The initializer that the parameter's own layer declares for it.

    Args:
        thing: The model; not changed.
        parameter: One of its parameters, as `parametry.inspect` gave it.

    Returns:
        None where nothing is declared: the state of a random generator, statistics that were
        adapted to data, weights calibrated on data, and what a user's class does not tell.
    """
    store = parameter.store
    if not isinstance(store, VariableStore) or not hasattr(store.layer, "_flatten_layers"):
        return None
    name = dialect_of(store.layer).variable_name(store.native)
    for layer in (store.layer, *store.others):
        found = _of(layer, name, store.native)
        if found is not None:
            return found
    return None


def _of(layer: Any, name: str, variable: Any) -> Initializer | None:
    if holds_quantized(layer, name):
        base = _of_attributes(layer, Quantized.of(name))
        return None if base is None else Quantized(layer, name, base)
    for cls in type(layer).__mro__:
        special = _SPECIAL.get((cls.__name__, name)) if is_of_keras(cls) else None
        if special is not None:
            return special(layer)
    if getattr(layer, "quantization_mode", None) == "float8" and name in _FLOAT8:
        return _FLOAT8[name]
    found = _of_attributes(layer, name)
    if found is None and not is_of_keras(type(layer)):
        given = given_to_add_weight(layer, variable)
        return None if given is None else translate(given)
    return found


def _of_attributes(layer: Any, name: str) -> Initializer | None:
    """What the layer keeps under a name like ``kernel_initializer``."""
    for attribute in declared_names(name, "initializer"):
        found = layer.__dict__.get(attribute)
        if callable(found):
            return translate(found)
    return None


@dataclass(frozen=True, slots=True)
class _ForgetBias:
    """An LSTM's bias, of which the forget gate's quarter, the second, starts at 1.

    Source: Jozefowicz, Zaremba, Sutskever, "An Empirical Exploration of Recurrent Network
    Architectures", ICML 2015.
    """

    inner: Initializer

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """See `Initializer.values`."""
        out = self.inner.values(site, seed)
        units = site.shape[0] // 4
        out[units : 2 * units] = 1
        return out

    def to_plain(self) -> dict[str, Plain]:
        """The inner initializer, and that the forget gate is another."""
        return {**self.inner.to_plain(), "unit_forget_bias": True}


@dataclass(frozen=True, slots=True)
class _SquareRoot:
    """The square root of what an initializer gives: a moving deviation from that of a variance."""

    inner: Initializer

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """See `Initializer.values`."""
        roots: NDArray[Any] = np.sqrt(self.inner.values(site, seed))
        return roots

    def to_plain(self) -> dict[str, Plain]:
        """The inner initializer, and what is done to its values."""
        return {**self.inner.to_plain(), "square_root": True}


def _lstm_bias(layer: Any) -> Initializer | None:
    inner = _of_attributes(layer, "bias")
    return inner if inner is None or not layer.unit_forget_bias else _ForgetBias(inner)


def _moving_deviation(layer: Any) -> Initializer | None:
    return _SquareRoot(translate(layer.moving_variance_initializer))


def _einsum_kernel(layer: Any) -> Initializer | None:
    """As declared; Keras's variance scaling counts the axes that the equation contracts."""
    found = _of_attributes(layer, "kernel")
    if not isinstance(found, KerasFans) or found.input_axes is not None:
        return found
    inputs, _, output = layer.equation.replace(" ", "").partition("->")
    first, _, kernel = inputs.partition(",")
    contracted = tuple(i for i, axis in enumerate(kernel) if axis in first and axis not in output)
    produced = tuple(i for i, axis in enumerate(kernel) if axis not in first)
    return KerasFans(found.inner, contracted, produced)


def _fft(side: str) -> Callable[[Any], Initializer | None]:
    def made(layer: Any) -> Initializer:
        from keras.initializers import STFT

        return translate(STFT(side, layer.window, layer.scaling, layer.periodic))

    return made


def _fixed(initializer: Initializer) -> Callable[[Any], Initializer | None]:
    return lambda layer: initializer


_ONES = _fixed(ones())

# (class, variable): what Keras's own code gives to `add_weight` and keeps nowhere, or changes.
_SPECIAL: dict[tuple[str, str], Callable[[Any], Initializer | None]] = {
    ("AdditiveAttention", "scale"): _fixed(KerasFans(glorot_uniform())),
    ("Attention", "concat_score_weight"): _ONES,
    ("Attention", "scale"): _ONES,
    ("BatchNormalization", "moving_stddev"): _moving_deviation,
    ("BatchNormalization", "renorm_mean"): lambda layer: translate(layer.moving_mean_initializer),
    ("BatchNormalization", "renorm_stddev"): _moving_deviation,
    ("ConvLSTMCell", "bias"): _lstm_bias,
    ("EinsumDense", "kernel"): _einsum_kernel,
    ("LSTMCell", "bias"): _lstm_bias,
    ("RMSNormalization", "scale"): _ONES,
    ("ReversibleEmbedding", "reverse_embeddings"): lambda layer: translate(
        layer.embeddings_initializer
    ),
    ("SpectralNormalization", "vector_u"): _fixed(truncated_normal(0.0, 0.02)),
    ("STFTSpectrogram", "imag_kernel"): _fft("imag"),
    ("STFTSpectrogram", "real_kernel"): _fft("real"),
}
for _layer in ("Dense", "EinsumDense", "Embedding", "BaseConv", "ReversibleEmbedding"):
    # `enable_lora` keeps neither of its initializers; these are its defaults, and `lora_kernel_b`
    # must be zero for the layer to start as it was without.
    _kind = "embeddings" if "Embedding" in _layer else "kernel"
    _SPECIAL[_layer, f"lora_{_kind}_a"] = _fixed(KerasFans(he_uniform()))
    _SPECIAL[_layer, f"lora_{_kind}_b"] = _fixed(zeros())

_FLOAT8: dict[str, Initializer] = {
    **{f"{what}_scale": ones() for what in ("inputs", "kernel", "outputs_grad")},
    **{f"{what}_amax_history": zeros() for what in ("inputs", "kernel", "outputs_grad")},
}

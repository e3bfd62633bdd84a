"""Fresh values of a quantized layer: those its initializer gives, quantized as Keras quantizes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from parametry.core.address import join, parent
from parametry.core.initializer import Initializer, Site
from parametry.core.value import Plain
from parametry.frameworks.keras.randomness import seeded
from parametry.frameworks.keras.store import to_numpy

__all__ = ["Quantized", "holds_quantized"]

# Modes that need no data; gptq and awq are calibrated on some.
_MODES = ("int8", "int4")
_STEMS = ("reverse_embeddings", "embeddings", "kernel")
_BESIDE = ("_scale", "_zero")


def holds_quantized(layer: Any, name: str) -> bool:
    """Whether a layer's variable holds quantized values, or what scales them."""
    if getattr(layer, "quantization_mode", None) not in _MODES:
        return False
    return any(name in (stem, *(stem + end for end in _BESIDE)) for stem in _STEMS)


@dataclass(frozen=True, slots=True)
class Quantized:
    """One variable of a quantized layer, from values that are quantized together.

    A copy of the layer in floating point is given the values and quantized by Keras's own code.

    Attributes:
        layer: The layer; not changed.
        name: The variable's name, as ``kernel_scale``.
        inner: What its weights are initialized with.
    """

    layer: Any = field(repr=False)
    name: str
    inner: Initializer

    @staticmethod
    def of(name: str) -> str:
        """The weight that a variable belongs to.

        Example:
            >>> Quantized.of("kernel_scale"), Quantized.of("embeddings")
            ('kernel', 'embeddings')
        """
        return next(stem for stem in _STEMS if name.startswith(stem))

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """See `Initializer.values`."""
        with seeded(0):
            twin = self._in_floating_point()
            for stem in _STEMS:
                variable = _variable(twin, stem)
                if variable is not None:
                    shape = tuple(variable.shape)
                    at = replace(
                        site,
                        address=join(parent(site.address), stem),
                        shape=shape,
                        dtype=str(variable.dtype),
                        name=stem,
                    )
                    variable.assign(self.inner.values(at, seed))
            twin.quantize(self.layer.quantization_mode, **self._settings())
            return to_numpy(_variable(twin, self.name)._value)

    def _settings(self) -> dict[str, Any]:
        config = getattr(self.layer, "quantization_config", None)
        return {} if config is None else {"config": config}

    def _in_floating_point(self) -> Any:
        config = self.layer.get_config()
        policy = self.layer.dtype_policy
        config["dtype"] = getattr(policy, "_source_name", None) or policy.variable_dtype
        for key in ("quantization_config", "lora_rank", "lora_alpha"):
            config.pop(key, None)
        twin = type(self.layer).from_config(config)
        shapes = self.layer.__dict__.get("_build_shapes_dict") or {}
        twin.build(*shapes.values())
        return twin

    def to_plain(self) -> dict[str, Plain]:
        """The initializer of the weights, and how they are quantized."""
        return {**self.inner.to_plain(), "quantized": str(self.layer.quantization_mode)}


def _variable(layer: Any, name: str) -> Any:
    return next((each for each in layer.variables if each.name == name), None)

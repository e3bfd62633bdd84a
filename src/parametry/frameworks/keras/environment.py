"""What a Keras program runs in: versions, backend, device, strategy, seeds, dtype policy."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from parametry.core.hyperparameter import Hyperparameter, Origin
from parametry.core.place import Place
from parametry.core.seeds import SEEDS
from parametry.core.value import UNSET, Plain, Unset, class_name, to_plain

__all__ = ["backend_name", "environment"]

_VERSIONED = ("keras", "tf_keras", "tensorflow", "jax", "jaxlib", "torch", "numpy")


def environment(thing: Any, variables: Sequence[Any], package: str) -> dict[str, Hyperparameter]:
    """The hyperparameters under ``environment/``; imports nothing, starts no device.

    Args:
        thing: A model.
        variables: Its variables, whose first tells the device.
        package: ``keras`` or ``tf_keras``.
    """
    out: dict[str, Hyperparameter] = {}
    for name, value in _values(thing, variables, package):
        _put(out, name, value, "derived")
    for name, seed in SEEDS.items():
        _put(out, f"seed/{name}", seed.value, seed.origin, seed.where)
    return out


def _put(
    out: dict[str, Hyperparameter],
    name: str,
    value: Plain | Unset,
    origin: Origin,
    where: Place | None = None,
) -> None:
    if not isinstance(value, Unset):
        address = f"environment/{name}"
        out[address] = Hyperparameter(address, value, UNSET, origin, where)


def _values(
    thing: Any, variables: Sequence[Any], package: str
) -> Iterator[tuple[str, Plain | Unset]]:
    yield "python", platform.python_version()
    yield "platform", sys.platform
    for name in _VERSIONED:
        module = sys.modules.get(name)
        version = getattr(module, "__version__", None)
        if isinstance(version, str):  # or a class of the package's own, as torch's
            yield f"versions/{name}", to_plain(version)
    yield "backend", backend_name(package)
    yield "device", _device(variables)
    yield "strategy", _strategy(thing)
    if package == "keras":
        yield from _keras3_settings()
    for name in ("PYTHONHASHSEED", "TF_DETERMINISTIC_OPS", "KERAS_BACKEND"):
        value = os.environ.get(name)
        if value is not None:
            yield f"variables/{name}", value


def _keras3_settings() -> Iterator[tuple[str, Plain | Unset]]:
    keras = sys.modules["keras"]
    config = keras.config
    yield "floatx", config.floatx()
    yield "epsilon", config.epsilon()
    yield "image_data_format", config.image_data_format()
    yield "dtype_policy", config.dtype_policy().name
    state = sys.modules.get("keras.src.backend.common.global_state")
    if state is not None:
        seed = state.get_global_attribute("global_random_seed")
        if seed is not None and "keras" not in SEEDS:
            yield "seed/keras", to_plain(seed)
    distribution = keras.distribution.distribution()
    if distribution is not None:
        yield "distribution", class_name(type(distribution))
        mesh = getattr(distribution, "device_mesh", None)
        if mesh is not None:
            yield "distribution/mesh_shape", to_plain(mesh.shape)
            yield "distribution/axis_names", to_plain(mesh.axis_names)


def backend_name(package: str) -> str:
    """The backend that Keras runs on, as ``jax``."""
    if package == "tf_keras":
        return "tensorflow"
    return str(sys.modules["keras"].config.backend())


def _device(variables: Sequence[Any]) -> Plain | Unset:
    """Where the first variable's values are; nothing is started to find out."""
    for variable in variables:
        value = getattr(variable, "_value", variable)
        try:
            device = getattr(value, "device", None)
            device = device() if callable(device) else device
        except RuntimeError:  # an interrupted JAX fit leaves arrays that were given away
            return UNSET
        return UNSET if device is None else str(device)
    return UNSET


def _strategy(thing: Any) -> Plain | Unset:
    strategy = getattr(thing, "__dict__", {}).get("_distribute_strategy")
    if strategy is None:
        return UNSET
    return class_name(type(strategy))

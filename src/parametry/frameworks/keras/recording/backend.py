"""What differs between the backends for whoever watches a step: reading numbers without waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from parametry.frameworks.keras.dialect import dialect_of
from parametry.frameworks.keras.environment import backend_name

__all__ = ["Backend"]


class Backend:
    """How numbers of a model that trains are read.

    Attributes:
        name: ``tensorflow``, ``jax`` or ``torch``.
        is_keras_2: Whether the model is one of Keras 2, where assignments are not seen.
        eager: Whether a step runs operation by operation, so that what it reads has a value.
        jit_compile: Whether XLA compiles the step.
    """

    def __init__(self, model: Any) -> None:
        package = dialect_of(model).package
        self.name = backend_name(package)
        self.is_keras_2 = package == "tf_keras"
        stored = model.__dict__
        run_eagerly = bool(stored.get("_run_eagerly", stored.get("run_eagerly", False)))
        self.jit_compile = bool(getattr(model, "jit_compile", False)) and not run_eagerly
        # Without XLA TensorFlow still makes a graph of a step; the others run it as it stands.
        self.eager = run_eagerly or (self.name != "tensorflow" and not self.jit_compile)

        self._logged: tuple[str, ...] = ()
        self._keys: tuple[str, ...] = ()
        self._row: Callable[[Any], tuple[Any, ...]] | None = None
        self._on_host: tuple[str, ...] = ()

    def number(self, value: Any) -> float:
        """The number in a variable or an array of one element, to the last bit."""
        held = _array(value)
        if self.name == "torch":
            return float(held.item())
        if hasattr(held, "numpy"):
            held = held.numpy()
        return float(np.asarray(held))

    def is_read_each_step(self, variable: Any) -> bool:
        """Whether to read a variable before each step: if nobody tells of assignments to it.

        So it is, too, where reading costs next to nothing and waits for nobody.
        """
        if self.is_keras_2:
            return True
        return self.name == "torch" and not self.is_remote(variable._value)

    def held(self, value: Any) -> Any:
        """A scalar as it is now, without waiting for a device; None if it is no single number."""
        if type(value) is float:
            return value
        value = value if hasattr(value, "detach") else _array(value)
        if self.name == "torch" and hasattr(value, "detach"):
            if value.numel() != 1:
                return None
            if not value.is_cpu:
                return value.detach().clone()
            return float(value.item())
        if isinstance(value, (bool, int, float, np.generic)):
            return float(value)
        return value if getattr(value, "shape", None) == () else None

    def metrics(self, logs: Any) -> dict[str, Any]:
        """The scalars among a step's logs, nested ones too, as they are now."""
        out: dict[str, Any] = {}
        for key, value in logs.items():
            if isinstance(value, Mapping):
                out.update(self.metrics(value))
            elif (held := self.held(value)) is not None:
                out[str(key)] = held
        return out

    def kept(self, logs: Any) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Keys and values of `metrics`, in few operations where a compiled step gives the same.

        All else that it gives is not held: it may be large.
        """
        if (row := self._row_of(logs)) is not None:
            return self._keys, row
        found = self.metrics(logs)
        keys = tuple(found)
        if keys and not self.eager and all(_never_changes(logs.get(key)) for key in keys):
            self._logged, self._keys = tuple(logs), keys
            self._row = _getter(keys)
        elif self.name == "torch" and keys == tuple(logs) and all(map(_is_on_host, logs.values())):
            self._on_host = self._keys = keys
        return keys, tuple(found.values())

    @property
    def reads_each_step(self) -> bool:
        """Whether what `kept` had may change with the next step, and is to be read before."""
        return bool(self._on_host)

    def read_now(self, logs: Any) -> dict[str, float] | None:
        """The numbers in logs like those that `kept` had of a step before; None if they differ."""
        if tuple(logs) != self._on_host:
            return None
        numbers = {}
        for key, value in logs.items():
            if not _is_on_host(value) or value.numel() != 1:
                return None
            numbers[key] = float(value.item())
        return numbers

    def _row_of(self, logs: Any) -> tuple[Any, ...] | None:
        """The values alone, where the keys are those that `kept` had of a compiled step before."""
        if self._row is not None and tuple(logs) == self._logged:
            return self._row(logs)
        return None

    def columns_of(self, many: Sequence[Any], keys: tuple[str, ...]) -> list[list[Any]] | None:
        """What several steps gave, key by key; None if some of them gave other keys."""
        if not keys or self._keys != keys or set(map(len, many)) != {len(keys)}:
            return None
        try:
            return [list(map(itemgetter(key), many)) for key in keys]
        except KeyError:
            return None

    @property
    def logs_are_small(self) -> bool:
        """Whether the logs that `kept` had of a step hold nothing but what it keeps."""
        return bool(self._on_host) or (self._row is not None and self._logged == self._keys)

    def numbers(self, held: Sequence[Any]) -> list[float | None]:
        """The floats of what `held` gave at several steps, in few operations for all of them."""
        kinds = set(map(type, held))
        if kinds <= {float, type(None)}:
            return list(held)
        if float not in kinds and type(None) not in kinds:
            return self._read(list(held))
        waiting = [value for value in held if value is not None and type(value) is not float]
        read = iter(self._read(waiting))
        return [value if value is None or type(value) is float else next(read) for value in held]

    def _read(self, scalars: list[Any]) -> list[float | None]:
        try:
            if self.name == "torch":
                import torch

                return [float(v) for v in torch.stack(scalars).double().cpu().numpy()]
            if self.is_remote(scalars[0]):
                if self.name == "tensorflow":
                    import tensorflow as tf

                    return [float(v) for v in tf.stack(scalars).numpy()]
                import jax

                scalars = jax.device_get(scalars)
            # Each on its own: on the host an operation on all of them takes several times as long.
            arrays = map(np.asarray, scalars)
            return [None if array.ndim else float(array) for array in arrays]
        except Exception:  # of several dtypes or devices, or one of them is gone
            return [_alone(value) for value in scalars]

    def is_remote(self, value: Any) -> bool:
        """Whether an array lies on an accelerator, out of reach of the processor's own loops."""
        if self.name == "jax":
            return str(next(iter(value.devices())).platform) != "cpu"
        if self.name == "torch":
            return str(value.device.type) != "cpu"
        return "CPU" not in str(value.device)

    def copy(self, value: Any) -> Any:
        """A copy of an array where it lies."""
        if self.name == "jax":
            return value.copy()
        if self.name == "torch":
            return value.detach().clone()
        import tensorflow as tf

        return tf.identity(value)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of arrays as one pass: compiled where the backend compiles."""
        if self.name == "jax":
            import jax

            made: Callable[..., Any] = jax.jit(function)
            return made
        if self.name == "tensorflow":
            import tensorflow as tf

            made = tf.function(function, autograph=False)
            return made
        import torch

        made = torch.no_grad()(function)
        return made

    def constant(self, value: Any) -> float | None:
        """The rate that a function gave while a step was traced; None if it is symbolic."""
        value = _array(value)
        try:
            return float(np.float32(np.asarray(value)))
        except Exception:  # tracers and symbolic tensors each raise an error of their own
            return None


def _getter(keys: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(keys) > 1:
        return itemgetter(*keys)
    (key,) = keys
    return lambda logs: (logs[key],)


def _array(value: Any) -> Any:
    """What a variable holds, or the array itself, whose ``_value`` on JAX would wait for it."""
    return getattr(value, "_value", value) if hasattr(value, "assign") else value


def _never_changes(value: Any) -> bool:
    """Whether it is an array of a package whose arrays never change."""
    root = type(value).__module__.partition(".")[0]
    return root in ("jaxlib", "jax", "tensorflow") and not hasattr(value, "assign")


def _is_on_host(value: Any) -> bool:
    """Whether it is one of torch's tensors that are read without waiting."""
    return getattr(value, "is_cpu", False) is True


def _alone(value: Any) -> float | None:
    try:
        array = np.asarray(value)
        return None if array.ndim else float(array)
    except Exception:  # a buffer that was given to the next step: nothing is told of it
        return None

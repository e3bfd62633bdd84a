"""The norms of gradients at the steps at which they are wanted.

A compiled step does not show its gradients. So those steps are taken by a function of their own:
the same step, made by the trainer in the same way, that returns a few numbers about the gradients
besides. All other steps are taken by Keras's own function, which is not touched. On torch nothing
is compiled, and the gradients are looked at as they pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from parametry.core.facts import Measured
from parametry.core.parameter import Parameter
from parametry.core.statistics import ArrayStatistics
from parametry.frameworks.keras.inspection import inspect
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.device import moments_from, moments_on_device

__all__ = ["GradientSteps", "cannot_be_seen"]

_COUNTS: Final = "parametry/gradient_counts"
_SUMS: Final = "parametry/gradient_sums"


def cannot_be_seen(model: Any, backend: Backend) -> str | None:
    """Why gradients cannot be told of a training; None if they can."""
    if getattr(model, "optimizer", None) is None:
        return "the model was compiled without an optimizer"
    if backend.is_keras_2:
        return "in Keras 2 the norms of gradients are not told"
    if backend.name == "tensorflow":
        strategy = model.distribute_strategy
        if strategy.num_replicas_in_sync > 1:
            return "with several replicas each has gradients of its own: their norms are not told"
    if backend.name == "jax":
        import sys

        nnx = sys.modules.get("keras.src.backend.common.global_state")
        if nnx is not None and nnx.get_global_attribute("nnx_enabled", False):
            return "with NNX layers a step cannot be made once more: norms are not told"
    return None


class GradientSteps:
    """The steps of a model that tell of their gradients.

    Args:
        model: The model that trains, compiled.
        backend: Its backend.
        select: Patterns of the addresses of the parameters; all unless given.
    """

    def __init__(self, model: Any, backend: Backend, select: Sequence[str]) -> None:
        self._model = model
        self._backend = backend
        self._select = select
        self._made: tuple[Any, Callable[..., Any]] | None = None
        self._order: list[int] = []
        self._logs: Any = None

    def prepare(self) -> None:
        """Make the function for the model's own one of now, while its variables hold their values.

        Within an epoch they do not on JAX, where a distribution of Keras's asks them for theirs.
        """
        if self._backend.name != "torch" and self._model.train_function is not None:
            self._made = self._model.train_function, self._make()

    def in_place_of(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """A function that takes a step as another does, and keeps what it saw."""
        if self._backend.name == "torch":
            return self._looking(step)
        if self._made is None or self._made[0] is not step:
            self._made = step, self._make()
        return self._made[1]

    def measured(self, step: int, epoch: int | None) -> list[Measured]:
        """What was seen of the gradients in the step that was taken last."""
        from keras import ops

        seen, self._logs = self._logs, None
        if seen is None:
            return []
        counts, sums = (ops.convert_to_numpy(each) for each in seen)
        entries = self._entries()
        now = time.time()
        out = []
        for number, key in enumerate(self._order):
            entry = entries.get(key)
            if entry is not None:
                moments = moments_from(entry.size, counts[number], sums[number])
                told = ArrayStatistics(entry.address, entry.shape, entry.dtype, moments, None)
                out.append(Measured("gradient", step, epoch, now, told))
        return out

    def _entries(self) -> dict[int, Parameter]:
        parameters = inspect(self._model).parameters
        chosen = parameters.select(*self._select) if self._select else parameters
        return {id(entry.native): entry for entry in chosen.values()}

    def _make(self) -> Callable[..., Any]:
        """Let the trainer make its train function around a step that tells of its gradients."""
        model, stored = self._model, self._model.__dict__
        own, former = model.train_step, model.train_function

        def train_step(*arguments: Any) -> Any:
            with self._tapped() as seen:
                result = own(*arguments)
            if self._backend.name == "jax":
                logs, state = result
                return {**logs, **seen}, state
            return {**result, **seen}

        held = stored.get("train_step")
        stored["train_step"] = train_step
        try:
            model.make_train_function(force=True)
            made = model.train_function
        finally:
            if held is None:
                del stored["train_step"]
            else:
                stored["train_step"] = held
            model.train_function = former

        def taken(*arguments: Any) -> Any:
            result = made(*arguments)
            logs = result[0] if self._backend.name == "jax" else result
            self._logs = logs.pop(_COUNTS, None), logs.pop(_SUMS, None)
            if self._logs[0] is None:
                self._logs = None
            return result

        return taken

    def _looking(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def taken(*arguments: Any) -> Any:
            with self._tapped() as seen:
                result = step(*arguments)
            self._logs = (seen[_COUNTS], seen[_SUMS]) if seen else None
            return result

        return taken

    @contextmanager
    def _tapped(self) -> Iterator[dict[str, Any]]:
        """Look at what the optimizer is given, for as long as one step is taken or traced."""
        optimizer = self._model.optimizer
        seen: dict[str, Any] = {}
        name = "stateless_apply" if self._backend.name == "jax" else "apply"
        original = getattr(optimizer, name)

        def apply(*arguments: Any, **named: Any) -> Any:
            if not seen:
                given = named.get("grads", arguments[1 if name == "stateless_apply" else 0])
                variables = None
                if name == "apply":
                    variables = named.get("trainable_variables", (*arguments, None)[1])
                    variables = None if variables is None else list(variables)
                    if variables is not None and "trainable_variables" not in named:
                        arguments = (arguments[0], variables)
                if variables is None:
                    variables = optimizer._trainable_variables
                seen.update(self._look(list(given), list(variables), self._scale(arguments)))
            return original(*arguments, **named)

        stored = optimizer.__dict__
        stored[name] = apply
        try:
            yield seen
        finally:
            stored.pop(name, None)

    def _scale(self, arguments: tuple[Any, ...]) -> Any:
        """What the loss, and so each gradient, was multiplied with."""
        optimizer = self._model.optimizer
        dynamic = optimizer.__dict__.get("dynamic_scale")
        if dynamic is None:
            return optimizer.__dict__.get("loss_scale_factor")
        if self._backend.name == "jax":
            for variable, value in zip(optimizer.variables, arguments[0], strict=True):
                if variable is dynamic:
                    return value
        return dynamic.value

    def _look(self, gradients: list[Any], variables: list[Any], scale: Any) -> dict[str, Any]:
        from keras import ops

        pairs = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        self._order = [id(variable) for _, variable in pairs]
        found = []
        for gradient, _ in pairs:
            dense = ops.cast(ops.convert_to_tensor(gradient, sparse=False), "float32")
            found.append(moments_on_device(dense if scale is None else dense / scale))
        if not found:
            return {}
        return {
            _COUNTS: ops.stack([counts for counts, _ in found]),
            _SUMS: ops.stack([sums for _, sums in found]),
        }

"""The model that an action works on: its view, its framework, and the places of its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parametry.conventions.fans import fans
from parametry.core.initializer import Site
from parametry.core.model import Model
from parametry.core.parameter import Parameter
from parametry.core.value import class_name
from parametry.errors import NotAModel, NotBuilt
from parametry.frameworks.registry import Framework, find, registered

__all__ = ["Subject", "subject_of"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A live model with what an action needs to know of it.

    Attributes:
        model: The model itself.
        view: The view that `inspect` gives.
        framework: Its framework.
        action: What is done to it, for messages.
    """

    model: Any
    view: Model
    framework: Framework
    action: str

    def site(self, parameter: Parameter) -> Site:
        """The place that a parameter's values are made for."""
        layer = self.view.layers.get(parameter.layer) if parameter.layer else None
        native = self.model if layer is None else layer.native
        groups, equation = (getattr(native, name, None) for name in ("groups", "equation"))
        name = parameter.native_name.rpartition("/")[2].partition(":")[0]
        fan_in, fan_out = fans(
            parameter.layer_class,
            name,
            parameter.shape,
            groups if isinstance(groups, int) else 1,
            equation if isinstance(equation, str) else None,
        )
        return Site(
            parameter.address,
            parameter.shape,
            parameter.dtype,
            parameter.layer_class,
            name,
            fan_in,
            fan_out,
        )

    def not_built(self, cause: Exception | None = None) -> NotBuilt | None:
        """The error that parts of the model are not built yet; None if all are."""
        unbuilt = [address for address, layer in self.view.layers.items() if not layer.built]
        if not getattr(self.model, "built", True) and not self.view.parameters:
            unbuilt = unbuilt or [self.view.name]
        if not unbuilt:
            return None
        reason = "" if cause is None else f" ({getattr(cause, 'message', cause)})"
        return NotBuilt(
            f"{self.view.name} is not built: {', '.join(unbuilt[:3])} "
            f"{'has' if len(unbuilt) == 1 else 'have'} no parameters yet{reason}",
            hint=f"build it on the way: {self.action}(model, …, input_shape=(None, 4)), or "
            "sample=x[:1]",
        )


def subject_of(model: Any, action: str, *, sample: Any = None, input_shape: Any = None) -> Subject:
    """Look at the model that an action is to work on.

    Args:
        model: A live model or layer.
        action: What is done to it, for messages.
        sample: A batch of input, to build an unbuilt model with.
        input_shape: Its input's shape, likewise.

    Raises:
        NotAModel: It is none.
        NotBuilt: It has no parameters, and something in it is not built.
    """
    framework = find(model)
    if framework is None or not framework.is_model(model):
        raise NotAModel(
            f"{action} works on a live model, not on {class_name(type(model))}",
            hint=f"a layer or model of {', '.join(sorted(registered()))} is expected",
        )
    view = framework.inspect(model, sample=sample, input_shape=input_shape)
    subject = Subject(model, view, framework, action)
    if not view.parameters and (error := subject.not_built()) is not None:
        raise error
    return subject

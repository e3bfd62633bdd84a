"""`parametry.inspect`: a live model, a file, or a run? Hands it to the room that knows."""

from __future__ import annotations

from typing import Any

from parametry.actions.viewing import view_of
from parametry.core.model import Model
from parametry.core.value import class_name
from parametry.errors import NotAModel
from parametry.sources.resolving import run_of

__all__ = ["inspect"]


def inspect(source: Any, *, sample: Any = None, input_shape: Any = None) -> Model:
    """Everything that was chosen and learned in a model, by address.

    A live model is read, not run, and stays as it is: weights, train mode, random state and the
    framework's global state. Of a file the headers are read, no framework is imported for it, and
    nothing that it says is executed. Structure and hyperparameters are as at this moment; parameter
    values are read when asked for.

    Args:
        source: A live Keras model or layer (Keras 3 on any backend, or ``tf_keras``), the path of
            a model's file, or a recorded run: a `Run`, its name, its file. A string is a path if
            something is there, else a run's name; ``run:NAME`` is a run always. A `Model` is given
            back as it is.
        sample: A batch of input: builds a model that is not built yet, which makes its parameters.
        input_shape: The same from the input's shape with the batch axis, as ``(None, 28, 28, 1)``.

    Raises:
        NotAModel: No registered framework knows the object.
        SourceMissing: There is no such file, and no run of that name.
        RunMissing: There is no run ``run:NAME``.
        FormatError: The file is of no known format, or cut short, damaged or hostile.
        NotBuilt: The model could not be built from what was given.

    Example:
        >>> import keras, parametry as pm                                  # doctest: +SKIP
        >>> net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])  # doctest: +SKIP
        >>> pm.inspect(net).parameters["dense/kernel"].shape               # doctest: +SKIP
        (4, 2)
    """
    run = run_of(source)
    if run is not None:
        return run.model
    view = view_of(source, sample=sample, input_shape=input_shape)
    if view is not None:
        return view
    if isinstance(source, type):
        raise NotAModel(
            f"{class_name(source)} is a class, not a model",
            hint=f"make one first: inspect({source.__name__}(...))",
        )
    from parametry.frameworks.registry import find, registered

    known = ", ".join(sorted(registered()))
    hint = f"a layer or model of {known} is expected"
    if find(source) is not None:
        hint = f"{hint}; an optimizer or a loss is shown with the model that uses it"
    raise NotAModel(f"an object of class {class_name(type(source))} is no model", hint=hint)

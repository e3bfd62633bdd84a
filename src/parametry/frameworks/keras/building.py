"""Building an unbuilt model on request: from a sample, or from the shape of its input."""

from __future__ import annotations

from typing import Any

from parametry.errors import NotBuilt
from parametry.frameworks.keras.dialect import dialect_of

__all__ = ["build"]


def build(model: Any, *, sample: Any = None, input_shape: Any = None) -> None:
    """Make the parameters of a model that has none yet. Of all of inspection only this writes.

    Args:
        model: A Keras model or layer; one that is built already is left alone.
        sample: A batch of input; a list, tuple or dict of arrays for several inputs.
        input_shape: The input's shape with the batch axis: ``(None, 28, 28, 1)``.

    Raises:
        NotBuilt: The model cannot be built that way; the message ends in Keras's own.
    """
    if model.built and not any(not layer.built for layer in _layers(model)):
        return
    before = _own_layers(model)
    try:
        if sample is not None:
            model(sample)
        else:
            _build_from_shape(model, input_shape)
    except Exception as error:
        _take_back(model, before)
        raise _not_built(
            model, sample, input_shape, f": {type(error).__name__}: {error}"
        ) from error
    if not model.built or (not model.variables and not all(x.built for x in _layers(model))):
        raise _not_built(model, sample, input_shape, "")


def _own_layers(model: Any) -> list[Any] | None:
    """The layers of an unbuilt Sequential, which building puts an input before."""
    if model.built or not any(cls.__name__ == "Sequential" for cls in type(model).__mro__):
        return None
    return list(model.__dict__.get("_layers") or ())


def _take_back(model: Any, layers: list[Any] | None) -> None:
    """Take out the input of a wrong shape: with it, no other shape would ever build the model."""
    held = model.__dict__.get("_layers")
    if layers is not None and isinstance(held, list) and not model.built:
        held[:] = layers


def _build_from_shape(model: Any, input_shape: Any) -> None:
    if dialect_of(model).package == "keras" and getattr(model.build, "_is_default", False):
        # Keras 3 does not build a model whose class has no `build` of its own, it only says so. A
        # call on a symbolic input builds everything that the call reaches.
        model(_symbolic(input_shape))
    else:
        model.build(input_shape)


def _symbolic(shape: Any) -> Any:
    """A symbolic input of a shape; of several, in their own list, tuple or dict."""
    import keras

    if isinstance(shape, dict):
        return {name: _symbolic(inner) for name, inner in shape.items()}
    if isinstance(shape, (list, tuple)) and any(isinstance(s, (list, tuple)) for s in shape):
        return type(shape)(_symbolic(inner) for inner in shape)
    return keras.Input(batch_shape=shape)


def _not_built(model: Any, sample: Any, input_shape: Any, reason: str) -> NotBuilt:
    way = "the sample" if sample is not None else f"input_shape={input_shape!r}"
    hint = "pass a sample batch as the model's call takes it: inspect(model, sample=x[:1])"
    if sample is None and _has_no_batch_axis(input_shape):
        hint = (
            "the shape's first axis is that of the batch: "
            f"input_shape={(None, *input_shape)!r}; {hint}"
        )
    return NotBuilt(f"{model.name} could not be built from {way}{reason}", hint=hint)


def _has_no_batch_axis(shape: Any) -> bool:
    return isinstance(shape, (list, tuple)) and bool(shape) and isinstance(shape[0], int)


def _layers(model: Any) -> list[Any]:
    return list(model._flatten_layers())

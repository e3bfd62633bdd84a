"""Building an unbuilt model on request: from a sample, or from the shape of its input."""

from __future__ import annotations

from typing import Any

from parametry.errors import NotBuilt

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
    try:
        if sample is not None:
            model(sample)
        else:
            model.build(input_shape)
    except Exception as error:
        way = "the sample" if sample is not None else f"input_shape={input_shape!r}"
        raise NotBuilt(
            f"{model.name} could not be built from {way}: {type(error).__name__}: {error}",
            hint="pass a sample batch as the model's call takes it: inspect(model, sample=x[:1])",
        ) from error


def _layers(model: Any) -> list[Any]:
    return list(model._flatten_layers())

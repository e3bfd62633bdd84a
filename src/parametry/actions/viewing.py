"""The view over whatever stands for a model: a view, the path of a file, a live model."""

from __future__ import annotations

from typing import Any

from parametry.core.model import Model

__all__ = ["is_path", "view_of"]


def view_of(source: Any, *, sample: Any = None, input_shape: Any = None) -> Model | None:
    """The read view over a source; None where it stands for no model.

    Args:
        source: A `Model`, which is given back; a path; a live model or layer.
        sample: A batch of input, to build an unbuilt live model with.
        input_shape: Its input's shape, likewise.

    Raises:
        SourceMissing: There is no file at the path.
        FormatError: The file is of no known format, or damaged.
        NotBuilt: The live model cannot be built that way.
    """
    if isinstance(source, Model):
        return source
    if is_path(source):
        from parametry.formats.registry import open_file

        return open_file(source).model
    from parametry.frameworks.registry import find

    framework = find(source)
    if framework is None or not framework.is_model(source):
        return None
    return framework.inspect(source, sample=sample, input_shape=input_shape)


def is_path(source: Any) -> bool:
    """Whether it is a path; its class is not asked, which a user's metaclass may forbid."""
    if isinstance(source, str):
        return True
    return any("__fspath__" in vars(ancestor) for ancestor in type(source).__mro__)

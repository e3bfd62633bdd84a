"""TensorFlow: loops without an optimizer, and AutoGraph, which looks through wrappers.

AutoGraph rewrites the functions that a ``tf.function`` calls, those of Keras too, and takes a
wrapper's ``__wrapped__`` in its place. A wrapper is seen by it only if it is marked as rewritten
already; it must then hand the original to AutoGraph itself, or user code below (a custom
optimizer's ``if`` over a tensor) would no longer be rewritten.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from parametry.core.watch import watch
from parametry.frameworks.keras.loops import gradient_taken

__all__ = ["install", "seen_by_autograph", "through_autograph"]

_installed: set[str] = set()


def seen_by_autograph(wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a wrapper so that AutoGraph calls it, instead of what it wraps."""
    wrapper.autograph_info__ = {}  # type: ignore[attr-defined]
    return wrapper


def through_autograph(original: Any) -> Any:
    """The original as AutoGraph would have called it here: rewritten inside a ``tf.function``."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return original
    autograph = tensorflow.__internal__.autograph
    context = autograph.control_status_ctx()
    if context.status.name != "ENABLED":
        return original
    return autograph.tf_convert(original, context)


def install(package: str) -> None:
    """See ``tf.GradientTape.gradient``, from now on."""
    if package in _installed:
        return
    _installed.add(package)
    tape = sys.modules[package].GradientTape
    original = tape.gradient

    @functools.wraps(original)
    def gradient(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if watch.on and not watch.depth:
            with watch.guard("reading a training loop"):
                sources = kwargs.get("sources", args[1] if len(args) > 1 else None)
                gradient_taken(sources, sys._getframe(1))
        return result

    tape.gradient = gradient

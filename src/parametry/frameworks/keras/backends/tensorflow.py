"""TensorFlow: a hand-written loop that has no optimizer begins with its first gradient."""

from __future__ import annotations

import functools
import sys
from typing import Any

from parametry.core.watch import watch
from parametry.frameworks.keras.observe import gradient_taken

__all__ = ["install"]

_installed: set[str] = set()


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

"""PyTorch: a Keras model on the torch backend that an optimizer of torch's own trains."""

from __future__ import annotations

import sys
from typing import Any

from parametry.core.watch import watch
from parametry.frameworks.keras.loops import torch_optimizer_applied

__all__ = ["install"]

_installed: set[str] = set()


def install(package: str) -> None:
    """See the steps of torch's optimizers, from now on."""
    if package in _installed:
        return
    _installed.add(package)

    def stepped(optimizer: Any, *_: Any) -> None:
        if watch.on and not watch.depth:
            with watch.guard("reading a training loop"):
                torch_optimizer_applied(optimizer, sys._getframe(1))

    optimizer = sys.modules[f"{package}.optim.optimizer"]
    optimizer.register_optimizer_step_post_hook(stepped)

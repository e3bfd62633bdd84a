"""Turning capture on and off, before or after the frameworks are imported, in any order."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from typing import Any

from parametry.core.watch import watch

__all__ = ["disable", "enable", "hold", "is_enabled", "release"]

# Root package to the modules whose ``install(package)`` patches it; nothing is imported before.
_SEEDS = "parametry.capture.seeds"
_HOOKS = {
    "keras": ("parametry.frameworks.keras.hooks", _SEEDS),
    "tf_keras": ("parametry.frameworks.keras.hooks", _SEEDS),
    "tensorflow": ("parametry.frameworks.keras.backends.tensorflow", _SEEDS),
    "numpy": (_SEEDS,),
    "random": (_SEEDS,),
    "torch": ("parametry.frameworks.keras.backends.torch", _SEEDS),
}
_waiting: set[str] = set()


def enable() -> bool:
    """Turn capture on in this process. Calling it again does no harm.

    Returns:
        Whether capture is on; False where ``PARAMETRY=0`` forbids it.
    """
    if os.environ.get("PARAMETRY", "").strip().lower() in ("0", "off", "false", "no"):
        return False
    from parametry.capture.constants import constants_above

    watch.constants = constants_above
    watch.start()
    for package in _HOOKS:
        if package in sys.modules and _finished(sys.modules[package]):
            _install(package)
        elif package not in _waiting:
            _waiting.add(package)
            _when_imported(package)
    return True


def disable() -> None:
    """Turn capture off: whatever was patched passes straight through from now on."""
    watch.stop()


_lock = threading.Lock()
_holders = 0
_was_off = False


def hold() -> bool:
    """Turn capture on for as long as somebody needs it: until each has called `release`.

    Returns:
        Whether capture is on; where it is not, there is nothing to release.
    """
    global _holders, _was_off  # noqa: PLW0603 - the switch is the process's own
    with _lock:
        was_off = not is_enabled()
        if not enable():
            return False
        if not _holders:
            _was_off = was_off
        _holders += 1
        return True


def release() -> None:
    """Say that capture is no longer needed: it goes off with the last, if `hold` turned it on."""
    global _holders  # noqa: PLW0603
    with _lock:
        _holders -= 1
        if not _holders and _was_off:
            disable()


def is_enabled() -> bool:
    """Whether capture is on."""
    return watch.on


def _finished(module: Any) -> bool:
    """Whether a module's import is over, rather than under way further up the stack."""
    spec = getattr(module, "__spec__", None)
    return not getattr(spec, "_initializing", False)


def _when_imported(package: str) -> None:
    import wrapt

    wrapt.register_post_import_hook(lambda module: _install(package), package)


def _install(package: str) -> None:
    for module in _HOOKS[package]:
        with watch.guard(f"watching {package}"):
            importlib.import_module(module).install(package)

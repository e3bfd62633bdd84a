"""Global seeds: the functions that set them are seen being called."""

from __future__ import annotations

import functools
import sys
from typing import Any

from parametry.core.caller import owner_of, place_of, user_frames
from parametry.core.seeds import SEEDS, Seed
from parametry.core.value import to_plain
from parametry.core.watch import watch

__all__ = ["install"]

_SETTERS = {
    "random": [("random", "seed")],
    "numpy": [("numpy.random", "seed")],
    "torch": [("torch", "manual_seed"), ("torch.random", "manual_seed")],
    "tensorflow": [("tensorflow.random", "set_seed")],
    "keras": [("keras.utils", "set_random_seed")],
    "tf_keras": [("tf_keras.utils", "set_random_seed")],
}
_installed: set[str] = set()


def install(package: str) -> None:
    """See the package's seed being set, from now on.

    Args:
        package: ``random``, ``numpy``, ``torch``, ``tensorflow``, ``keras`` or ``tf_keras``.
    """
    if package in _installed:
        return
    _installed.add(package)
    for module_name, function in _SETTERS.get(package, ()):
        module = sys.modules.get(module_name)
        if module is None:
            holder = sys.modules.get(module_name.partition(".")[0])
            module = getattr(holder, module_name.partition(".")[2], None)
        if module is not None and hasattr(module, function):
            setattr(module, function, _seeing(getattr(module, function), package))


def _seeing(original: Any, package: str) -> Any:
    @functools.wraps(original)
    def seed(*args: Any, **kwargs: Any) -> Any:
        if watch.on and watch.own_process:
            with watch.guard("reading a seed"):
                _note(package, args, kwargs)
        return original(*args, **kwargs)

    return seed


def _note(package: str, args: Any, kwargs: Any) -> None:
    caller = sys._getframe(2)
    user = next(user_frames(caller), None)
    if user is None:
        return
    given = to_plain(args[0] if args else next(iter(kwargs.values()), None))
    # Libraries seed too: Keras's set_random_seed seeds Python, NumPy and its backend.
    direct = owner_of(caller.f_code.co_filename) == "user"
    known = SEEDS.get(package)
    if known is not None and known.origin == "explicit" and not direct and known.value == given:
        return
    SEEDS[package] = Seed(given, "explicit" if direct else "derived", place_of(user))

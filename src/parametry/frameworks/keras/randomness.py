"""Other people's random numbers, from a seed of ours: every global state is put back afterwards.

A custom initializer takes its bits from where it likes: Python's ``random``, NumPy's global state,
Keras's global seed generator, the backend's own. Within `seeded` all of these start from one
number, and after it they are as they were. States are set, seeding functions are never called, so
nobody who watches for seeds hears of it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

__all__ = ["seeded"]


@contextmanager
def seeded(key: int) -> Iterator[None]:
    """Start every global source of random numbers that is loaded from a key; restore them after.

    Args:
        key: A whole number from 0, of any size; sources that take less use its low bits.
    """
    with ExitStack() as stack:
        stack.enter_context(_python(key))
        stack.enter_context(_numpy(key))
        if "tensorflow" in sys.modules:
            stack.enter_context(_tensorflow(key))
        if "torch" in sys.modules:
            stack.enter_context(_torch(key))
        if "keras.src.backend.common.global_state" in sys.modules:
            stack.enter_context(_keras(key))
        yield


@contextmanager
def _python(key: int) -> Iterator[None]:
    before = random.getstate()
    random.setstate(random.Random(key).getstate())
    try:
        yield
    finally:
        random.setstate(before)


@contextmanager
def _numpy(key: int) -> Iterator[None]:
    before = np.random.get_state()
    np.random.set_state(np.random.RandomState(key % 2**32).get_state())
    try:
        yield
    finally:
        np.random.set_state(before)


@contextmanager
def _keras(key: int) -> Iterator[None]:
    state: Any = sys.modules["keras.src.backend.common.global_state"]
    from keras.random import SeedGenerator

    name = "global_seed_generator"
    names = state.get_global_attribute("object_name_uids")
    counted = None if names is None else dict(names)
    before = state.get_global_attribute(name)
    # Named, so that Keras's numbering of names does not go on.
    state.set_global_attribute(name, SeedGenerator(key % 2**31, name="initialization"))
    try:
        yield
    finally:
        state.set_global_attribute(name, before)
        if names is not None and counted is not None:
            names.clear()
            names.update(counted)


@contextmanager
def _torch(key: int) -> Iterator[None]:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(torch.Generator().manual_seed(key % 2**63).get_state())
        yield


@contextmanager
def _tensorflow(key: int) -> Iterator[None]:
    # TensorFlow has no way to read its eager seed; these are where it keeps it.
    context: Any = sys.modules["tensorflow.python.eager.context"].context()
    before = context._seed, getattr(context, "_rng", None)
    # It also clears the cache of kernels, which hold the position in a stream of their own.
    context._set_global_seed(key % 2**31)
    try:
        yield
    finally:
        context._seed, context._rng = before

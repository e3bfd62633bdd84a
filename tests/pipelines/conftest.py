"""What the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def no_global_seed() -> Iterator[None]:
    """TensorFlow without a global seed, whatever other tests of this process have set."""
    import tensorflow as tf
    from tensorflow.python.eager import context

    before = context.global_seed()
    tf.random.set_seed(None)
    yield
    tf.random.set_seed(before)


@pytest.fixture
def global_seed(no_global_seed: None) -> Iterator[int]:
    """TensorFlow with a global seed."""
    import tensorflow as tf

    tf.random.set_seed(7)
    yield 7
    tf.random.set_seed(None)

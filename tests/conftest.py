"""The order of all tests: what takes longest begins first, so that no worker waits for the last."""

from __future__ import annotations

import pytest

# Each of these is one file, which one worker runs, and takes minutes.
LONGEST = (
    "tests/frameworks/test_keras_on_tensorflow.py",
    "tests/frameworks/test_keras_on_jax.py",
    "tests/frameworks/test_keras_on_torch.py",
    "tests/test_docs.py",
    "tests/frameworks/test_keras_2.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; all else stays in order."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(LONGEST)))

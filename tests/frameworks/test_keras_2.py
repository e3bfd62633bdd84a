"""Keras 2 (tf_keras), in a process of its own (see conftest)."""

from __future__ import annotations

from collections.abc import Callable


def test_keras_2(passes_with: Callable[[str], None]) -> None:
    passes_with("tf_keras")

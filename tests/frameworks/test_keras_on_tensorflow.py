"""Keras 3 on tensorflow, in a process of its own (see conftest)."""

from __future__ import annotations

from collections.abc import Callable


def test_keras_on_tensorflow(passes_with: Callable[[str], None]) -> None:
    passes_with("tensorflow")

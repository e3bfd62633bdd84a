"""Keras 3 on TensorFlow, JAX and PyTorch, and Keras 2 (``tf_keras``) as its objects allow."""

from __future__ import annotations

from parametry.frameworks.keras.inspection import inspect, is_model
from parametry.frameworks.keras.trainability import set_trainable
from parametry.frameworks.keras.tying import tie, untie

__all__ = ["inspect", "is_model", "set_trainable", "tie", "untie"]

"""Keras 3 on TensorFlow, JAX and PyTorch, and Keras 2 (``tf_keras``) as its objects allow."""

from __future__ import annotations

from parametry.frameworks.keras.archive import names_in_file, structure, write
from parametry.frameworks.keras.declared import declared
from parametry.frameworks.keras.initial_slots import initial_slots
from parametry.frameworks.keras.initializer import initializer
from parametry.frameworks.keras.inspection import inspect, is_model
from parametry.frameworks.keras.outputs import outputs
from parametry.frameworks.keras.reconstruction import compile_model, load_model
from parametry.frameworks.keras.recording.loop import loop_rates
from parametry.frameworks.keras.recording.loop_measuring import loop_measurer
from parametry.frameworks.keras.trainability import set_trainable
from parametry.frameworks.keras.tying import tie, untie

__all__ = [
    "compile_model",
    "declared",
    "initial_slots",
    "initializer",
    "inspect",
    "is_model",
    "load_model",
    "loop_measurer",
    "loop_rates",
    "names_in_file",
    "outputs",
    "set_trainable",
    "structure",
    "tie",
    "untie",
    "write",
]

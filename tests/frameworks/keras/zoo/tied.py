"""Models whose layers a tie makes one, each with the model that Keras itself would build so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from parametry import inspect

__all__ = ["TIED", "Tied", "copy_state", "words"]

_WORDS, _WIDTH, _LENGTH = 7, 4, 5


@dataclass(frozen=True)
class Tied:
    """A model, what to tie in it, and a reference that has one variable from the start.

    Attributes:
        make: Makes the model, built.
        reference: Makes the reference, built.
        ends: The addresses to tie, each list one array.
        same: A parameter of the model to the one of the reference.
        transpose: Whether the ends see one another transposed.
        data: Input and targets.
        loss: The loss to train with.
    """

    make: Callable[[], Any]
    reference: Callable[[], Any]
    ends: tuple[tuple[str, ...], ...]
    same: dict[str, str]
    data: tuple[Any, Any]
    transpose: bool = False
    loss: Any = "mse"


def numbers(*shape: int) -> Any:
    """Numbers that are always the same."""
    return np.random.default_rng(5).normal(size=shape).astype("float32")


def words() -> Any:
    """Sentences of words by number."""
    return np.random.default_rng(5).integers(0, _WORDS, (12, _LENGTH))


def copy_state(source: Any, target: Any, same: dict[str, str]) -> None:
    """Give one model all values of another, and its optimizer's, where both have been compiled.

    Args:
        source: The model whose values are taken.
        target: The one that gets them.
        same: A parameter of the source to the one of the target, by address.
    """
    given, taken = inspect(source), inspect(target)
    for address, other in same.items():
        taken.parameters[other].assign(given.parameters[address].numpy())
    if not source.optimizer.built:
        return
    target.optimizer.build(target.trainable_variables)
    slots = inspect(target).optimizer_parameters
    for address, slot in given.optimizer_parameters.items():
        parameter, _, name = address.removeprefix("optimizer/").rpartition("/")
        other = f"optimizer/{same[parameter]}/{name}" if parameter in same else address
        slots[other].assign(slot.numpy())


def _two_dense() -> Any:
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(4, activation="tanh", name="one"),
            layers.Dense(4, activation="tanh", name="two"),
            layers.Dense(1, name="out"),
        ]
    )


def _one_dense_twice() -> Any:
    """The example of a shared layer that textbooks have."""
    shared = layers.Dense(4, activation="tanh", name="one")
    last = layers.Dense(1, name="out")
    return keras.Sequential([keras.Input((4,)), layers.Flatten(), shared, shared, last])


def _encoder(name: str) -> Any:
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="dense"), layers.Dense(3, name="top")], name=name
    )


def _siamese_of_two() -> Any:
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    ends = [_encoder("first")(left), _encoder("second")(right)]
    return keras.Model([left, right], layers.Dot(1)(ends))


def _siamese_of_one() -> Any:
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    encoder = _encoder("first")
    return keras.Model([left, right], layers.Dot(1)([encoder(left), encoder(right)]))


def _language_model() -> Any:
    return keras.Sequential(
        [
            keras.Input((_LENGTH,), dtype="int32"),
            layers.Embedding(_WORDS, _WIDTH, name="embedding"),
            layers.Dense(_WIDTH, activation="tanh", name="between"),
            layers.Dense(_WORDS, use_bias=False, name="head"),
        ]
    )


def _reversible_language_model() -> Any:
    inputs = keras.Input((_LENGTH,), dtype="int32")
    embedding = layers.ReversibleEmbedding(_WORDS, _WIDTH, name="embedding")
    between = layers.Dense(_WIDTH, activation="tanh", name="between")
    return keras.Model(inputs, embedding(between(embedding(inputs)), reverse=True))


class Recurrent(keras.Model):
    """Two recurrent layers, or one that is used twice."""

    def __init__(self, once: bool) -> None:
        super().__init__()
        self.first = layers.LSTM(3, return_sequences=True, name="first")
        self.second = self.first if once else layers.LSTM(3, return_sequences=True, name="second")
        self.out = layers.Dense(1, name="out")

    def call(self, inputs: Any) -> Any:
        return self.out(self.second(self.first(inputs)))


def _recurrent(once: bool) -> Any:
    model = Recurrent(once)
    model(np.zeros((2, 5, 3), "float32"))
    return model


class Attending(keras.Model):
    """Two attention layers, or one that is used twice."""

    def __init__(self, once: bool) -> None:
        super().__init__()
        self.first = layers.MultiHeadAttention(2, 2, name="first")
        self.second = self.first if once else layers.MultiHeadAttention(2, 2, name="second")

    def call(self, inputs: Any) -> Any:
        return self.second(*[self.first(inputs, inputs)] * 2)


def _attending(once: bool) -> Any:
    model = Attending(once)
    model(np.zeros((2, 5, 3), "float32"))
    return model


_CELL = ("lstm_cell/kernel", "lstm_cell/recurrent_kernel", "lstm_cell/bias")
_PROJECTIONS = tuple(
    f"{part}/{name}"
    for part in ("query", "key", "value", "attention_output")
    for name in ("kernel", "bias")
)


def _pairs(parts: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple((f"first/{part}", f"second/{part}") for part in parts)


def _same(*addresses: str) -> dict[str, str]:
    return {address: address for address in addresses}


TIED = {
    "dense": Tied(
        _two_dense,
        _one_dense_twice,
        (("one/kernel", "two/kernel"), ("one/bias", "two/bias")),
        _same("one/kernel", "one/bias", "out/kernel", "out/bias"),
        (numbers(12, 4), numbers(12, 1)),
    ),
    "siamese": Tied(
        _siamese_of_two,
        _siamese_of_one,
        _pairs(("dense/kernel", "dense/bias", "top/kernel", "top/bias")),
        _same("first/dense/kernel", "first/dense/bias", "first/top/kernel", "first/top/bias"),
        ([numbers(12, 4), numbers(12, 4)[::-1]], numbers(12, 1)),
    ),
    "transposed": Tied(
        _language_model,
        _reversible_language_model,
        (("embedding/embeddings", "head/kernel"),),
        _same("embedding/embeddings", "between/kernel", "between/bias"),
        (words(), words()[::-1]),
        transpose=True,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ),
    "recurrent": Tied(
        lambda: _recurrent(once=False),
        lambda: _recurrent(once=True),
        _pairs(_CELL),
        _same(*(f"first/{part}" for part in _CELL), "out/kernel", "out/bias"),
        (numbers(6, 5, 3), numbers(6, 5, 1)),
    ),
    "attention": Tied(
        lambda: _attending(once=False),
        lambda: _attending(once=True),
        _pairs(_PROJECTIONS),
        _same(*(f"first/{part}" for part in _PROJECTIONS)),
        (numbers(6, 5, 3), numbers(6, 5, 3)),
    ),
}

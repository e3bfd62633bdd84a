"""The tables of Keras's arguments agree with the installed Keras."""

from __future__ import annotations

from typing import Any

import pytest

from parametry.conventions.arguments import INTERNAL_ARGUMENTS, KEPT_AS, NOT_KEPT, declared_names


@pytest.mark.parametrize(
    ("variable", "what", "names"),
    [
        ("kernel", "initializer", ("kernel_initializer", "depthwise_initializer",
                                   "embeddings_initializer")),
        ("bias", "initializer", ("bias_initializer",)),
        ("recurrent_kernel", "regularizer", ("recurrent_regularizer",
                                             "recurrent_kernel_regularizer")),
        ("embeddings", "constraint", ("embeddings_constraint",)),
        ("moving_mean", "initializer", ("moving_mean_initializer",)),
        ("lora_kernel_a", "initializer", ("lora_a_initializer", "lora_kernel_a_initializer")),
        ("scale", "initializer", ("scale_initializer",)),
        ("", "initializer", ("_initializer",)),
    ],
)  # fmt: skip
def test_what_may_declare_something_of_a_variable(
    variable: str, what: str, names: tuple[str, ...]
) -> None:
    assert declared_names(variable, what) == names


def test_no_name_is_given_twice() -> None:
    for variable in ("kernel", "gamma", "recurrent_bias", "anything"):
        names = declared_names(variable, "initializer")
        assert len(set(names)) == len(names)


def test_the_tables_do_not_contradict_each_other() -> None:
    assert not NOT_KEPT & KEPT_AS.keys()
    assert all(name and "." not in name for _, name in KEPT_AS)
    assert all(INTERNAL_ARGUMENTS)


def _class(name: str) -> Any:
    import keras

    for home in (keras.layers, keras.optimizers, keras.regularizers, keras):
        found = getattr(home, name, None)
        if found is not None:
            return found
    return keras.src.models.functional.Functional if name == "Functional" else None


@pytest.mark.parametrize("entry", sorted([*KEPT_AS, *NOT_KEPT]))
def test_every_entry_is_an_argument_of_keras(entry: tuple[str, str]) -> None:
    import inspect

    class_name, argument = entry
    cls = _class(class_name)
    assert cls is not None, f"keras has no {class_name}"
    parameters = inspect.signature(cls.__init__).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    assert argument in parameters or inspect.Parameter.VAR_KEYWORD in kinds

"""What may declare something of a variable, and tables that do not contradict each other."""

from __future__ import annotations

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

"""Hyperparameters from configurations in files; tests with Keras compare them with live ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.conventions.configuration import hyperparameters_of


def layer(class_name: str, module: str = "keras.layers", **arguments: Any) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": arguments}


def values(config: Any, **more: Any) -> dict[str, Any]:
    return {at: entry.value for at, entry in hyperparameters_of(config, **more).items()}


def test_a_layers_arguments() -> None:
    regularizer = {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.01}}
    found = values(layer("Dense", units=3, activation="relu", kernel_regularizer=regularizer))
    assert found == {
        "model/class": "keras.layers.Dense",
        "model/units": 3,
        "model/activation": "relu",
        "model/kernel_regularizer": "l2",
        "model/kernel_regularizer/class": "keras.regularizers.L2",
        "model/kernel_regularizer/l2": 0.01,
    }


def test_automatic_names_are_renumbered_and_others_stay() -> None:
    layers = [layer("Dense", name=name, units=1) for name in ("dense_7", "head", "dense_9")]
    found = values(layer("Sequential", "keras", name="sequential_3", layers=layers))
    units = [address for address in found if address.endswith("/units")]
    assert units == ["model/dense/units", "model/head/units", "model/dense_1/units"]
    assert found["model/dense_1/name"] == "dense_9"


def test_models_within_models() -> None:
    inner = layer("Sequential", "keras", name="inner", layers=[layer("Dense", name="dense_4")])
    found = values(layer("Functional", "keras", name="net", layers=[inner]))
    assert found["model/inner/dense/class"] == "keras.layers.Dense"
    assert found["model/class"] == "keras.Model"


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ({"class_name": "function", "module": "builtins", "config": "gelu"}, "gelu"),
        ({"class_name": "DTypePolicy", "config": {"name": "bfloat16"}}, "bfloat16"),
        ({"class_name": "__tuple__", "items": [1, 2]}, [1, 2]),
        ([1, [2, None]], [1, [2, None]]),
        ("text", "text"),
    ],
)
def test_what_stands_for_plain_data(given: Any, plain: Any) -> None:
    assert values(layer("Mine", "my.module", value=given))["model/value"] == plain


def test_a_class_of_the_users_own_is_named_and_never_imported() -> None:
    found = values(layer("Evil", "os.path", command="rm"))
    assert found == {"model/class": "os.path.Evil", "model/command": "rm"}


def test_what_a_model_was_compiled_with() -> None:
    schedule = layer("CosineDecay", "keras.optimizers.schedules", initial_learning_rate=0.1)
    compiled = {
        "optimizer": layer("SGD", "keras.optimizers", learning_rate=schedule, momentum=0.9),
        "loss": "mse",
        "metrics": ["accuracy"],
    }
    found = values(layer("Dense"), training=compiled)
    assert found["optimizer"] == "sgd"
    assert found["optimizer/learning_rate/initial_learning_rate"] == 0.1
    assert found["optimizer/momentum"] == 0.9
    assert found["compile/optimizer"] == "sgd"
    assert found["compile/loss"] == "mse"
    assert found["compile/metrics"] == ["accuracy"]


def test_a_rate_is_the_decimal_that_was_passed() -> None:
    compiled = {"optimizer": layer("SGD", "keras.optimizers", learning_rate=0.009999999776482582)}
    assert values(layer("Dense"), training=compiled)["optimizer/learning_rate"] == 0.01


def test_no_file_knows_who_chose_a_value() -> None:
    found = hyperparameters_of(layer("Dense", units=3))
    assert {entry.origin for entry in found.values()} == {None}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["class_name", "config", "module", "layers", "name", "layer", "trainable"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(["class_name", "config", "compile_config"]), anything))
def test_any_configuration_gives_plain_data(config: dict[str, Any]) -> None:
    for address, entry in hyperparameters_of(config).items():
        assert entry.address == address
        entry.to_dict()


def test_a_deep_configuration_ends() -> None:
    config: Any = layer("Dense", units=1)
    for _ in range(2_000):
        config = layer("Wrapper", "mine", inner=[config])
    assert values(config)["model/class"] == "mine.Wrapper"

"""`pm.diff` of live Keras models, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from zoo import CASES, made

import parametry as pm

X, Y = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4), np.ones((8, 2), "float32")


def classifier(
    *,
    units: int = 5,
    rate: float = 0.25,
    learning_rate: float = 0.01,
    name: str | None = None,
    dtype: str | None = None,
    seed: int = 7,
) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(units, activation="relu", name=name, dtype=dtype),
            layers.BatchNormalization(name="norm", dtype=dtype),
            layers.Dropout(rate, seed=1),
            layers.Dense(2, name="head", dtype=dtype),
        ]
    )
    model.compile(keras.optimizers.SGD(learning_rate, momentum=0.9), "mse")
    return model


def changed(found: pm.Difference) -> dict[str, tuple[Any, Any]]:
    return {
        at: (each.first.value, each.second.value)
        for at, each in found.hyperparameters.items()
        if each.first is not None and each.second is not None
    }


@pytest.mark.parametrize("name", CASES)
def test_a_model_is_equal_to_itself(name: str) -> None:
    model = made(name)
    found = pm.diff(model, model, optimizer=True)
    assert not found
    view = pm.inspect(model)
    assert found.compared.parameters == len(view.parameters)
    assert found.compared.hyperparameters == len(view.hyperparameters)
    assert not pm.diff(model, view)


def test_the_same_program_run_twice_makes_equal_models() -> None:
    # The second one's layers are called dense_1, batch_normalization_1, …: Keras counts on.
    found = pm.diff(classifier(), classifier())
    assert not found, found
    assert found.to_dict()["equal"] is True


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"rate": 0.5}, {"model/dropout/rate": (0.25, 0.5)}),
        ({"learning_rate": 0.1}, {"optimizer/learning_rate": (0.01, 0.1)}),
    ],
)
def test_one_hyperparameter(other: dict[str, Any], expected: dict[str, Any]) -> None:
    found = pm.diff(classifier(), classifier(**other))
    assert changed(found) == expected
    assert len(found.hyperparameters) == 1
    assert not found.parameters
    assert found


def test_another_width_is_told_once_as_chosen_and_by_the_shapes() -> None:
    found = pm.diff(classifier(), classifier(units=6), values=False)
    assert changed(found) == {"model/dense/units": (5, 6)}
    assert {at: (each.first.shape, each.second.shape) for at, each in found.parameters.items()} == {
        "dense/kernel": ((4, 5), (4, 6)),
        "dense/bias": ((5,), (6,)),
        "norm/gamma": ((5,), (6,)),
        "norm/beta": ((5,), (6,)),
        "norm/moving_mean": ((5,), (6,)),
        "norm/moving_variance": ((5,), (6,)),
        "head/kernel": ((5, 2), (6, 2)),
    }
    assert all(each.differs == ("shape",) for each in found.parameters.values())


def test_one_weight() -> None:
    first, second = classifier(), classifier()
    kernel = second.get_layer("head").kernel
    before = keras.ops.convert_to_numpy(kernel)
    after = before.copy()
    after[3, 1] += 0.5
    kernel.assign(after)
    found = pm.diff(first, second)
    assert list(found.parameters) == ["head/kernel"]
    values = found.parameters["head/kernel"].values
    assert (values.size, values.changed, values.share) == (10, 1, 0.1)
    a, b = before.astype("f8"), after.astype("f8")
    assert values.max_abs == np.abs(b - a).max()
    assert values.mean_abs == pytest.approx(np.abs(b - a).mean())
    assert values.relative == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a))
    cosine = (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    assert values.cosine == pytest.approx(cosine)
    assert not pm.diff(first, second, tolerance=0.6)
    assert not found.hyperparameters


def test_a_layer_that_was_renamed_has_its_old_name_beside_it() -> None:
    found = pm.diff(classifier(name="hidden"), classifier(name="wide"))
    assert {at: (each.kind, each.nearest) for at, each in found.parameters.items()} == {
        "hidden/kernel": ("removed", "wide/kernel"),
        "hidden/bias": ("removed", "wide/bias"),
        "wide/kernel": ("added", "hidden/kernel"),
        "wide/bias": ("added", "hidden/bias"),
    }
    kinds = {at.split("/")[1]: each.kind for at, each in found.hyperparameters.items()}
    assert kinds == {"hidden": "removed", "wide": "added"}


def test_before_and_after_fit() -> None:
    model, before = classifier(), classifier()
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    found = pm.diff(before, model, optimizer=True)
    trained = {at for at, each in found.parameters.items() if "values" in each.differs}
    assert {"head/kernel", "head/bias", "norm/moving_mean"} <= trained
    slots = found.optimizer_parameters
    assert slots["optimizer/iteration"].values.max_abs == 4
    assert "optimizer/head/kernel/momentum" in slots
    assert not pm.diff(before, model, select="head/*", values=False)
    again = classifier()
    again.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    assert not pm.diff(model, again, select="**/kernel", tolerance=1e-5)


def test_a_frozen_layer() -> None:
    first, second = classifier(), classifier()
    second.get_layer("head").trainable = False
    found = pm.diff(first, second)
    assert {at: each.differs for at, each in found.parameters.items()} == {
        "head/kernel": ("role",), "head/bias": ("role",),
    }  # fmt: skip
    assert changed(found) == {"model/head/trainable": (True, False)}


def test_float32_and_bfloat16() -> None:
    first, second = classifier(), classifier(dtype="bfloat16")
    for one, other in zip(first.weights, second.weights, strict=True):
        other.assign(keras.ops.cast(one, other.dtype))
    found = pm.diff(first, second)
    kernel = found.parameters["dense/kernel"]
    assert kernel.differs == ("dtype", "values")
    assert 0 < kernel.values.relative < 2**-8
    # Ones and zeros are exact in either.
    assert found.parameters["norm/gamma"].differs == ("dtype",)
    assert changed(found)["model/dense/dtype"] == ("float32", "bfloat16")
    bound = float(np.abs(keras.ops.convert_to_numpy(first.layers[0].kernel)).max()) * 2**-8
    close = pm.diff(first, second, select="**/kernel", tolerance=bound)
    assert {each.differs for each in close.parameters.values()} == {("dtype",)}


def test_a_sequential_and_a_functional_model_of_the_same_layers() -> None:
    keras.utils.set_random_seed(1)
    first = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)])
    inputs = keras.Input((4,))
    second = keras.Model(inputs, layers.Dense(2)(layers.Dense(3, name="dense")(inputs)))
    second.set_weights(first.get_weights())
    found = pm.diff(first, second)
    # Whichever names Keras counted: the addresses are the same, and so are the values.
    assert list(found.parameters) == []
    assert changed(found) == {"model/class": ("keras.Sequential", "keras.Model")}


class Siamese(keras.Model):
    """Two branches that hold one layer, or a layer each."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__()
        self.left = layers.Dense(3, name="left")
        self.right = Branch(self.left if shared else layers.Dense(3, name="left"))

    def call(self, inputs: Any) -> Any:
        return self.left(inputs) - self.right(inputs)


class Branch(layers.Layer):
    def __init__(self, inner: Any) -> None:
        super().__init__(name="right")
        self.inner = inner

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


def test_a_shared_layer_and_its_copy() -> None:
    tied, untied = Siamese(shared=True), Siamese(shared=False)
    for model in (tied, untied):
        model(X)
    untied.left.set_weights(tied.left.get_weights())
    untied.right.inner.set_weights(tied.left.get_weights())
    found = pm.diff(tied, untied)
    assert [(each.kind, str(each.tie)) for each in found.ties] == [
        ("removed", "left/kernel = right/left/kernel"),
        ("removed", "left/bias = right/left/bias"),
    ]
    assert not found.parameters
    assert found
    assert [each.kind for each in pm.diff(untied, tied).ties] == ["added", "added"]
    untied.right.inner.bias.assign(np.ones(3))
    found = pm.diff(tied, untied)
    assert list(found.parameters) == ["right/left/bias"]
    assert found.parameters["right/left/bias"].first.address == "left/bias"


def test_a_transposed_tie_made_afterwards() -> None:
    def language() -> Any:
        keras.utils.set_random_seed(3)
        return keras.Sequential(
            [
                keras.Input((3,), dtype="int32"),
                layers.Embedding(6, 4, name="embedding"),
                layers.Dense(6, use_bias=False, name="head"),
            ]
        )

    before, tied = language(), language()
    pm.tie(tied, "embedding/embeddings", "head/kernel", transpose=True)
    found = pm.diff(before, tied)
    assert [(each.kind, str(each.tie)) for each in found.ties] == [
        ("added", "embedding/embeddings = head/kernelᵀ")
    ]
    assert list(found.parameters) == ["head/kernel"]
    head = found.parameters["head/kernel"]
    assert (head.transposed, head.differs) == (True, ("values",))
    a, b = (keras.ops.convert_to_numpy(m.get_layer("head").kernel).astype("f8")
            for m in (before, tied))  # fmt: skip
    assert a.shape == b.shape == (4, 6)
    assert head.values.max_abs == np.abs(b - a).max()
    pm.untie(tied, "head/kernel")
    assert list(pm.diff(before, tied).parameters) == ["head/kernel"]
    tied.get_layer("head").kernel.assign(a)
    assert not pm.diff(before, tied)


def test_clones_of_models_that_share_keep_sharing() -> None:
    inputs = keras.Input((4,))
    shared = layers.Dense(4)
    model = keras.Model(inputs, shared(shared(inputs)))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    found = pm.diff(model, clone)
    assert not found.ties
    assert not found.parameters


def test_looking_at_differences_changes_nothing() -> None:
    model = classifier()
    before = [keras.ops.convert_to_numpy(w).copy() for w in model.weights]
    names = [(w.path, w.trainable) for w in model.weights]
    found = pm.diff(model, classifier(units=6))
    assert repr(found) and found._repr_html_() and found.to_json()
    assert names == [(w.path, w.trainable) for w in model.weights]
    for one, other in zip(before, model.weights, strict=True):
        assert one.tobytes() == keras.ops.convert_to_numpy(other).tobytes()


@pytest.mark.parametrize("thing", [keras.optimizers.SGD, lambda: X, lambda: keras.Sequential])
def test_what_is_no_model(thing: Callable[[], Any]) -> None:
    with pytest.raises(pm.NotAModel, match=r"(?s)the second .*hint: "):
        pm.diff(classifier(), thing())


def test_a_model_that_is_not_built_has_no_parameters_to_compare() -> None:
    unbuilt = keras.Sequential([layers.Dense(5)])
    built = keras.Sequential([keras.Input((4,)), layers.Dense(5)])
    found = pm.diff(unbuilt, built)
    assert {each.kind for each in found.parameters.values()} == {"added"}

"""Parameters give the values that Keras gives, as copies, and take others, on every backend."""

from __future__ import annotations

from typing import Any

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import layers
from zoo import CASES, made
from zoo.nesting import X

import parametry as pm
from parametry.core.dtype import numpy_dtype
from parametry.frameworks.keras.store import borrowed, to_numpy

DTYPES = [
    "float16",
    "float32",
    "float64",
    "bfloat16",
    "uint8",
    "uint16",
    "uint32",
    "int8",
    "int16",
    "int32",
    "int64",
    "bool",
    "float8_e4m3fn",
    "float8_e5m2",
]


def dense(**kwargs: Any) -> Any:
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, **kwargs)])


def one(dtype: str) -> pm.Parameter:
    """The parameter of a layer with a single variable of a dtype, which holds 0, 1, 0, 1, …"""
    layer = layers.Layer()
    values = (np.arange(6).reshape(2, 3) % 2).astype(numpy_dtype(dtype))
    tensor: Any = values
    if keras.backend.backend() == "torch" and dtype.startswith("float8"):
        import torch

        tensor = torch.from_numpy(values.view("int8")).view(getattr(torch, dtype))
    layer.held = keras.Variable(tensor, dtype=dtype, trainable=False, name="held")
    layer.built = True
    return pm.inspect(layer).parameters["held"]


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_that_keras_gives(name: str) -> None:
    for entry in pm.inspect(made(name)).parameters.values():
        expected = keras.ops.convert_to_numpy(entry.native)
        value = entry.numpy()
        assert value.shape == entry.shape == tuple(entry.native.shape)
        assert value.dtype == expected.dtype
        assert value.dtype.name == entry.dtype
        assert value.tobytes() == expected.tobytes()
        assert entry.nbytes == value.nbytes


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_read_and_written(dtype: str) -> None:
    entry = one(dtype)
    value = entry.numpy()
    # JAX and torch may hold another dtype than was asked for: what they hold is what counts.
    assert value.dtype.name == entry.dtype
    assert entry.nbytes == value.nbytes
    np.testing.assert_array_equal(value.astype("float32"), np.arange(6).reshape(2, 3) % 2)
    other = (np.arange(6).reshape(2, 3) % 3 > 0).astype(value.dtype)
    entry.assign(other)
    assert entry.numpy().tobytes() == other.tobytes()


def test_the_dtypes_of_the_backend_are_told_as_they_are_held(backend: str) -> None:
    held = {dtype: one(dtype).dtype for dtype in ("float64", "int64", "uint32", "bfloat16")}
    substituted = {
        "tensorflow": {},
        "jax": {"float64": "float32", "int64": "int32"},
        "torch": {"uint32": "int64"},
    }
    assert held == {dtype: dtype for dtype in held} | substituted[backend]


@pytest.mark.parametrize(
    ("policy", "dtype"),
    [("mixed_float16", "float32"), ("mixed_bfloat16", "float32"), ("bfloat16", "bfloat16")],
)
def test_dtype_policies_tell_the_variables_dtype(policy: str, dtype: str) -> None:
    view = pm.inspect(dense(dtype=policy))
    assert {entry.dtype for entry in view.parameters.values()} == {dtype}
    assert view.parameters["dense/kernel"].numpy().dtype == numpy_dtype(dtype)
    assert view.totals.nbytes == 15 * numpy_dtype(dtype).itemsize


def test_what_is_read_is_a_copy() -> None:
    entry = pm.inspect(dense()).parameters["dense/kernel"]
    before = keras.ops.convert_to_numpy(entry.native).copy()
    for copy in (entry.numpy(), np.asarray(entry), np.array(entry, copy=True)):
        assert copy.flags.writeable
        copy[:] = 7
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(entry.native), before)
    with pytest.raises(ValueError, match="without a copy"):
        np.array(entry, copy=False)


def test_numpy_takes_a_parameter_for_an_array() -> None:
    entry = pm.inspect(dense()).parameters["dense/kernel"]
    assert np.asarray(entry).dtype == "float32"
    assert np.asarray(entry, dtype="float64").dtype == "float64"
    assert np.mean(entry) == np.mean(entry.numpy())
    np.testing.assert_array_equal(X @ np.asarray(entry), X @ entry.numpy())


def test_values_follow_training() -> None:
    model = dense()
    entry = pm.inspect(model).parameters["dense/kernel"]
    before = entry.numpy()
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 3)), verbose=0)
    after = keras.ops.convert_to_numpy(entry.native)
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(entry.numpy(), after)


# ---------------------------------------------------------------- assigning


def test_assigned_values_land_where_they_belong() -> None:
    model = CASES["nested"].make()
    parameters = pm.inspect(model).parameters
    wanted = {
        address: np.arange(entry.size, dtype="float32").reshape(entry.shape) + index
        for index, (address, entry) in enumerate(parameters.items())
    }
    for address, values in wanted.items():
        parameters[address].assign(values)
    for address, values in wanted.items():
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(parameters[address].native), values
        )
    encoder = model.get_layer("encoder")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(encoder.layers[0].kernel), wanted["encoder/dense/kernel"]
    )


@pytest.mark.parametrize(
    "values",
    [
        [[1.0, 2.0, 3.0]] * 4,
        np.full((4, 3), 1.5, "float64"),
        np.full((4, 3), 1.5, "float16"),
        np.full((4, 3), 1.5, ml_dtypes.bfloat16),
        np.asfortranarray(np.arange(12.0).reshape(4, 3)),
        np.arange(24.0).reshape(4, 6)[:, ::2],
    ],
    ids=["list", "float64", "float16", "bfloat16", "fortran order", "strided"],
)
def test_values_are_cast_within_their_kind(values: Any) -> None:
    entry = pm.inspect(dense()).parameters["dense/kernel"]
    entry.assign(values)
    assert entry.numpy().dtype == "float32"
    np.testing.assert_array_equal(entry.numpy(), np.asarray(values).astype("float32"))


@pytest.mark.parametrize(
    ("values", "error", "hint"),
    [
        (np.zeros((3, 4), "float32"), pm.ShapeMismatch, "array.T"),
        (np.zeros(12, "float32"), pm.ShapeMismatch, "reshape"),
        (np.zeros((1, 3), "float32"), pm.ShapeMismatch, "broadcast"),
        (1.0, pm.ShapeMismatch, "numpy.full"),
        (np.zeros((4, 3), "int32"), pm.DtypeMismatch, "astype"),
        (np.zeros((4, 3), "bool"), pm.DtypeMismatch, "astype"),
        (np.full((4, 3), 1e300), pm.DtypeMismatch, "clip"),
        ([["a"] * 3] * 4, pm.DtypeMismatch, "astype"),
    ],
    ids=["transposed", "flat", "broadcast", "scalar", "integers", "bools", "overflow", "text"],
)
def test_what_does_not_fit_is_an_error_and_changes_nothing(
    values: Any, error: type[Exception], hint: str
) -> None:
    model = dense()
    before = [array.copy() for array in model.get_weights()]
    with pytest.raises(error, match="dense/kernel") as caught:
        pm.inspect(model).parameters["dense/kernel"].assign(values)
    assert hint in str(caught.value)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_array_that_was_assigned_is_not_kept() -> None:
    parameters = pm.inspect(dense()).parameters
    values = np.ones((4, 3), "float32")
    parameters["dense/kernel"].assign(values)
    values[:] = 9
    np.testing.assert_array_equal(parameters["dense/kernel"].numpy(), np.ones((4, 3)))


def test_what_one_variable_gives_another_shares_nothing_with_it() -> None:
    """On JAX, training fails with "donate the same buffer twice" where two share a buffer."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)])
    parameters = pm.inspect(model).parameters
    parameters["dense_1/kernel"].assign(parameters["dense/kernel"])
    parameters["dense_1/bias"].assign(parameters["dense/bias"].numpy())
    model.compile("adam", "mse")
    model.fit(X, np.ones((2, 4)), verbose=0)
    one, two = parameters["dense/kernel"].numpy(), parameters["dense_1/kernel"].numpy()
    assert not np.array_equal(one, two)


def test_training_goes_on_from_what_was_assigned() -> None:
    model = dense(use_bias=False)
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.fit(X, np.zeros((2, 3)), verbose=0)
    start = np.arange(12, dtype="float32").reshape(4, 3)
    pm.inspect(model).parameters["dense/kernel"].assign(start)
    np.testing.assert_allclose(model.predict(X, verbose=0), X @ start)
    model.fit(X, np.zeros((2, 3)), verbose=0)
    # The mean over two equal rows and three columns: d/dK (X K)² / 3 = 2/3 Xᵀ (X K).
    expected = start - 0.5 * 2 / 3 * np.ones((4, 1)) @ X[:1] @ start
    np.testing.assert_allclose(
        pm.inspect(model).parameters["dense/kernel"].numpy(), expected, rtol=1e-5
    )


def test_assigning_to_an_alias_assigns_to_the_one_array() -> None:
    model = CASES["shared_between_submodels"].make()
    parameters = pm.inspect(model).parameters
    parameters["b/dense/bias"].assign(np.full(4, 3, "float32"))
    np.testing.assert_array_equal(parameters["a/dense/bias"].numpy(), np.full(4, 3))


# ---------------------------------------------------------------- values that are not there


class Looks(keras.callbacks.Callback):
    """Looks at the model in the middle of training, and writes to it."""

    def __init__(self, model: Any = None) -> None:
        super().__init__()
        self.mine = model
        self.views: list[Any] = []
        self.seen: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # On JAX, to ask a callback for its model brings the values back into it.
        view = pm.inspect(self.mine or self.model)
        view.to_dict()
        repr(view)
        self.views.append(list(view.parameters))
        kernel = view.parameters["dense/kernel"]
        for look in (kernel.numpy, lambda: kernel.assign(np.zeros(kernel.shape, "float32"))):
            try:
                look()
                self.seen.append("done")
            except pm.ValueUnavailable as error:
                self.seen.append(error.message)


def test_looking_while_fit_runs_does_not_disturb_it(backend: str) -> None:
    model = dense()
    model.compile(keras.optimizers.SGD(0.5), "mse")
    callback = Looks(model)
    model.fit(X, np.ones((2, 3)), batch_size=1, verbose=0, callbacks=[callback])
    assert callback.views == [["dense/kernel", "dense/bias"]] * 2
    assert len(callback.seen) == 4
    for seen in callback.seen:
        if backend == "jax":
            assert "dense/kernel has no value at this moment" in seen
        else:
            assert seen == "done"
    # The step after an assignment that was refused was one from the values before it.
    kernel = pm.inspect(model).parameters["dense/kernel"].numpy()
    assert np.all(kernel == 0) == (backend != "jax")


def test_a_callbacks_model_can_be_read_and_written_while_fit_runs() -> None:
    model = dense()
    model.compile(keras.optimizers.SGD(0.5), "mse")
    callback = Looks()
    model.fit(X, np.ones((2, 3)), batch_size=1, verbose=0, callbacks=[callback])
    assert callback.seen == ["done"] * 4
    assert np.all(pm.inspect(model).parameters["dense/kernel"].numpy() == 0)


def test_a_value_inside_a_compiled_function_is_unavailable(backend: str) -> None:
    entry = pm.inspect(dense()).parameters["dense/kernel"]
    seen = []

    def step(values: Any) -> Any:
        try:
            seen.append(entry.numpy())
        except pm.ValueUnavailable as error:
            seen.append(str(error))
        return values

    if backend == "tensorflow":
        import tensorflow as tf

        tf.function(step)(X)
    elif backend == "jax":
        import jax

        def stateless(value: Any) -> Any:
            with keras.StatelessScope(state_mapping=[(entry.native, value)]):
                return step(value)

        jax.jit(stateless)(entry.numpy())
    else:
        meta = keras.Variable(np.ones((4, 3), "float32"))
        meta._value = meta._value.to("meta")
        layer = layers.Layer()
        layer.held = meta
        entry = pm.inspect(layer).parameters["variable"]
        step(X)
    assert len(seen) == 1
    assert "cannot be read at this moment" in seen[0]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int32", "bool"])
def test_what_is_borrowed_is_neither_copied_nor_another(dtype: str) -> None:
    start = keras.ops.cast(np.array([[0, 1, 2], [3, 0, 5]]), dtype)
    made = keras.Variable(start, dtype=dtype, trainable="float" in dtype)
    native = made._value
    seen, copied = borrowed(native), to_numpy(native)
    assert seen.dtype == copied.dtype and seen.dtype.name == dtype
    assert seen.tobytes() == copied.tobytes() == to_numpy(made).tobytes()
    assert seen.astype("f8").tolist() == np.array([[0, 1, 2], [3, 0, 5]]).astype(dtype).tolist()
    assert np.shares_memory(seen, borrowed(native))
    assert not np.shares_memory(seen, copied) and copied.flags.writeable

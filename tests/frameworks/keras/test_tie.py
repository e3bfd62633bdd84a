"""What a tie and its undoing change, and what they leave alone."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from keras import layers
from zoo.tied import TIED, numbers, words

import parametry as pm
from parametry import errors


def language_model() -> Any:
    return TIED["transposed"].make()


def squares(count: int = 4) -> Any:
    """Dense layers that each hold a square kernel: d0, d1, …"""
    stack = [layers.Dense(3, name=f"d{number}") for number in range(count)]
    return keras.Sequential([keras.Input((3,)), *stack])


def kernel(model: Any, number: int) -> Any:
    """What a layer computes with."""
    return np.asarray(keras.ops.convert_to_numpy(model.get_layer(f"d{number}").kernel))


def state_of(model: Any) -> Any:
    """All that an action may not have changed, if it failed."""
    view = pm.inspect(model)
    optimizer = model.optimizer
    return (
        {a: (p.numpy().tobytes(), p.role, p.aliases) for a, p in view.parameters.items()},
        {a: p.numpy().tobytes() for a, p in view.optimizer_parameters.items()},
        [id(variable) for variable in model.variables],
        [] if optimizer is None else [id(variable) for variable in optimizer.variables],
        [id(vars(layer).get("_kernel")) for layer in model.layers],
    )


# What is one array counts as one.


def test_a_tie_counts_once() -> None:
    model = language_model()
    tie = pm.tie(model, "embedding/embeddings", "head/kernel", transpose=True)
    assert str(tie) == "embedding/embeddings = head/kernelᵀ"
    view = pm.inspect(model)
    assert view.ties == (tie,)
    assert list(view.parameters) == ["embedding/embeddings", "between/kernel", "between/bias"]
    assert view.totals.parameters == model.count_params() == 7 * 4 + 4 * 4 + 4
    assert view.totals.nbytes == 4 * view.totals.parameters
    assert view.layers["head"].parameters == model.get_layer("head").count_params() == 28
    assert len(model.weights) == len(model.trainable_variables) == 3
    assert view.parameters["head/kernel"] is view.parameters["embedding/embeddings"]
    printed: list[str] = []
    model.summary(print_fn=lambda line, **_: printed.append(line))
    assert any("Total params: 48" in line for line in printed)


def test_a_tie_is_shown() -> None:
    model = language_model()
    pm.tie(model, "embedding/embeddings", "head/kernel", transpose=True)
    assert "embedding/embeddings = head/kernelᵀ" in repr(pm.inspect(model))
    told = pm.inspect(model).to_dict()["ties"]
    assert told == [
        {
            "address": "embedding/embeddings",
            "aliases": ["head/kernel"],
            "transposed": ["head/kernel"],
        }
    ]


def test_the_first_gives_the_values_and_both_uses_see_what_is_assigned() -> None:
    model = language_model()
    before = pm.inspect(model).parameters["embedding/embeddings"].numpy()
    pm.tie(model, "embedding/embeddings", "head/kernel", transpose=True)
    head = model.get_layer("head")
    assert np.array_equal(np.asarray(keras.ops.convert_to_numpy(head.kernel)), before.T)
    head.kernel.assign(numbers(4, 7))
    embedding = model.get_layer("embedding").embeddings
    assert np.array_equal(keras.ops.convert_to_numpy(embedding), numbers(4, 7).T)
    pm.inspect(model).parameters["head/kernel"].assign(before)
    assert np.array_equal(keras.ops.convert_to_numpy(head.kernel), before.T)
    with pytest.raises(ValueError, match=r"\(4, 7\)"):
        head.kernel.assign(numbers(7, 4))


def test_a_view_may_come_before_the_array_it_views() -> None:
    model = language_model()
    values = pm.inspect(model).parameters["head/kernel"].numpy()
    pm.tie(model, "head/kernel", "embedding/embeddings", transpose=True)
    view = pm.inspect(model)
    assert str(view.ties[0]) == "head/kernel = embedding/embeddingsᵀ"
    assert np.array_equal(
        keras.ops.convert_to_numpy(model.get_layer("embedding").embeddings), values.T
    )
    outputs = model.predict(words(), verbose=0)
    pm.untie(model, "embedding/embeddings")
    assert view.ties and not pm.inspect(model).ties
    np.testing.assert_allclose(model.predict(words(), verbose=0), outputs, atol=1e-6)


def test_a_part_of_a_tied_model_shows_what_it_sees() -> None:
    model = language_model()
    pm.tie(model, "embedding/embeddings", "head/kernel", transpose=True)
    head = model.get_layer("head")
    (entry,) = pm.inspect(head).parameters.values()
    assert (entry.address, entry.shape, entry.aliases) == ("kernel", (4, 7), ())
    assert np.array_equal(entry.numpy(), keras.ops.convert_to_numpy(head.kernel))
    entry.assign(numbers(4, 7))
    whole = pm.inspect(model).parameters["embedding/embeddings"]
    assert np.array_equal(whole.numpy(), numbers(4, 7).T)


def test_look_ups_by_attribute_find_a_tied_array() -> None:
    model = squares()
    model.last = model.layers[-1]
    pm.tie(model, "d0/kernel", "d3/kernel")
    view = pm.inspect(model)
    assert view.parameters["d3.kernel"].address == "d0/kernel"
    assert view.layers["d3"].native is model.layers[-1]
    with pytest.raises(errors.UnknownAddress, match="several addresses"):
        pm.untie(model, "last/kernel")


def test_addresses_names_and_hyperparameters_stay() -> None:
    model = language_model()
    before = set(pm.inspect(model).hyperparameters)
    pm.tie(model, "embedding/embeddings", "head/kernel", transpose=True)
    assert set(pm.inspect(model).hyperparameters) == before
    assert model.get_layer("head").kernel.name == "kernel"


# The layers stay what they are.


def test_the_class_and_configuration_stay(tmp_path: Any) -> None:
    model = language_model()
    before = model.get_config()
    pm.tie(model, "embedding/embeddings", "head/kernel", transpose=True)
    assert type(model.get_layer("head")) is layers.Dense
    assert model.get_config() == before
    clone = keras.models.clone_model(model)
    assert len(pm.inspect(clone).parameters) == 4 and not pm.inspect(clone).ties


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_what_keras_saves_it_loads_untied_with_equal_outputs(tmp_path: Any, suffix: str) -> None:
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(7, 4, name="embedding"),
            layers.LSTM(4, return_sequences=True, name="lstm"),
            Projection(7, name="head"),
        ]
    )
    pm.tie(model, "embedding/embeddings", "head/kernel", transpose=True)
    outputs = model.predict(words(), verbose=0)
    path = str(tmp_path / f"model{suffix}")
    if suffix == ".keras":
        model.save(path)
        loaded = keras.models.load_model(path, custom_objects={"Projection": Projection})
    else:
        model.save_weights(path)
        loaded = keras.models.clone_model(model)
        loaded.load_weights(path)
    assert not pm.inspect(loaded).ties
    np.testing.assert_allclose(loaded.predict(words(), verbose=0), outputs, atol=1e-6)
    model.load_weights(path)  # a tied model takes it back
    np.testing.assert_allclose(model.predict(words(), verbose=0), outputs, atol=1e-6)


class Projection(layers.Layer):
    """A layer of the user's, which saves its list of variables as Keras does by default."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.all = [self.kernel]

    def call(self, inputs: Any) -> Any:
        return keras.ops.matmul(inputs, self.all[0])

    def get_config(self) -> Any:
        return {**super().get_config(), "units": self.units}


def test_regularizer_and_constraint_are_the_firsts_and_come_back() -> None:
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(3, kernel_regularizer="l2", name="d0"),
            layers.Dense(3, kernel_regularizer="l1", kernel_constraint="non_neg", name="d1"),
        ]
    )
    pm.tie(model, "d0/kernel", "d1/kernel")
    assert len(model.losses) == 1
    pm.untie(model, "d1/kernel")
    assert isinstance(model.get_layer("d1").kernel.regularizer, keras.regularizers.L1)
    assert isinstance(model.get_layer("d1").kernel.constraint, keras.constraints.NonNeg)
    assert len(model.losses) == 2
    # What stands before is the model's, and where it was made.
    paths = [variable.path for variable in model.weights if "d1" in variable.path]
    assert paths[1].endswith(f"{model.name}/d1/bias")
    assert paths == [paths[1].removesuffix("bias") + "kernel", paths[1]]


# Groups.


def test_a_pattern_ties_all_that_it_matches() -> None:
    model = squares()
    tie = pm.tie(model, "d1/kernel", "d*/kernel")
    assert tuple(tie) == ("d0/kernel", "d1/kernel", "d2/kernel", "d3/kernel")
    assert pm.tie(model, "d0/kernel", "d1/kernel") == tie  # what is tied stays tied


def test_who_leaves_a_group_of_three() -> None:
    model = squares(3)
    pm.tie(model, "d0/kernel", "d1/kernel", "d2/kernel")
    old = model.get_layer("d0").kernel
    pm.untie(model, "d0/kernel")  # the canonical keeps its array, the others leave together
    assert [str(tie) for tie in pm.inspect(model).ties] == ["d1/kernel = d2/kernel"]
    assert model.get_layer("d0").kernel is old
    pm.untie(model, "d2/kernel")
    assert not pm.inspect(model).ties


class TwoKernels(layers.Layer):
    """Two weights of one shape in one layer."""

    def build(self, input_shape: Any) -> None:
        self.first = self.add_weight(shape=(3, 3), name="first")
        self.second = self.add_weight(shape=(3, 3), name="second")

    def call(self, inputs: Any) -> Any:
        return keras.ops.matmul(keras.ops.matmul(inputs, self.first), self.second)


@pytest.mark.parametrize("transpose", [False, True])
def test_two_weights_of_one_layer(transpose: bool) -> None:
    model = keras.Sequential([keras.Input((3,)), TwoKernels(name="two")])
    model.compile("sgd", "mse", jit_compile=False)
    pm.tie(model, "two/first", "two/second", transpose=transpose)
    assert str(pm.inspect(model).ties[0]) == f"two/first = two/second{'ᵀ' * transpose}"
    model.fit(numbers(4, 3), numbers(4, 3), verbose=0)
    outputs = model.predict(numbers(4, 3), verbose=0)
    first = pm.inspect(model).parameters["two/first"].numpy()
    expected = numbers(4, 3) @ first @ (first.T if transpose else first)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    pm.untie(model, "two/second")
    np.testing.assert_allclose(model.predict(numbers(4, 3), verbose=0), outputs, atol=1e-5)
    assert model.get_layer("two").first is not model.get_layer("two").second


def test_a_variable_that_two_layers_hold_can_be_untied() -> None:
    from zoo.sharing import variable_in_two_layers

    model = variable_in_two_layers()
    pm.untie(model, "borrows/kernel")
    assert not pm.inspect(model).ties


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tie", "transpose", "untie"]),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=20, deadline=None)
@given(_STEPS)
def test_any_sequence_of_ties_does_what_numpy_says(steps: list[tuple[str, int, int]]) -> None:
    model = squares()
    expected = [kernel(model, number) for number in range(4)]
    # Each layer's group, and whether it sees the group's array transposed.
    group, flipped = [0, 1, 2, 3], [False] * 4
    for what, one, other in steps:
        names = [f"d{one}/kernel", f"d{other}/kernel"]
        if what == "untie":
            canonical = next(n for n in range(4) if f"d{n}/kernel" in _canonical(model, names[0]))
            if group.count(group[one]) == 1:
                with pytest.raises(errors.TieError):
                    pm.untie(model, names[0])
                continue
            pm.untie(model, names[0])
            fresh = max(group) + 1
            for member in range(4):
                leaves = member != canonical if one == canonical else member == one
                if group[member] == group[one] and leaves and member != one:
                    group[member] = fresh
            if one != canonical:
                group[one] = fresh
            continue
        transpose = what == "transpose"
        together = group[one] == group[other]
        if one == other or (together and (flipped[one] ^ flipped[other]) != transpose):
            with pytest.raises(errors.TieError):
                pm.tie(model, names[0], names[1], transpose=transpose)
            continue
        pm.tie(model, names[0], names[1], transpose=transpose)
        if together:
            continue
        joined, turn = group[other], transpose ^ flipped[one] ^ flipped[other]
        for member in range(4):
            if group[member] == joined:
                flipped[member] ^= turn
                group[member] = group[one]
                same = flipped[member] == flipped[one]
                expected[member] = expected[one] if same else expected[one].T
    for number in range(4):
        assert np.array_equal(kernel(model, number), expected[number])
    found = {frozenset(tie) for tie in pm.inspect(model).ties}
    wanted = {
        frozenset(f"d{n}/kernel" for n in range(4) if group[n] == each) for each in set(group)
    }
    assert found == {each for each in wanted if len(each) > 1}
    for tie in pm.inspect(model).ties:
        for alias in tie.aliases:
            turned = flipped[int(alias[1])] != flipped[int(tie.address[1])]
            assert (alias in tie.transposed) == turned
    assert len(model.weights) == 4 + len(set(group))


def _canonical(model: Any, address: str) -> str:
    return pm.inspect(model).parameters[address].address


# What cannot be.


def _refused() -> dict[str, tuple[tuple[str, ...], bool, type[Exception], str]]:
    tie, embedding = errors.TieError, "embedding/embeddings"
    return {
        "shapes": (("d0/kernel", "wide/kernel"), False, tie, "has the shape"),
        "transposed would fit": ((embedding, "head/kernel"), False, tie, "with transpose=True"),
        "not transposed would fit": (("d0/bias", "d1/bias"), True, tie, "leave out transpose"),
        "square transposed": (("wide/kernel", "wide_1/kernel"), True, tie, "without transpose"),
        "dtypes": (("d0/kernel", "half/kernel"), False, tie, "dtype"),
        "itself": (("d0/kernel", "d0/kernel"), False, tie, "itself"),
        "itself by pattern": (("d0/kernel", "d0/k*"), False, tie, "itself"),
        "alone": (("d0/kernel",), False, tie, "both ends"),
        "several for one": (("d*/kernel", "d1/kernel"), False, tie, "matches 2 parameters"),
        "frozen": (("d0/kernel", "frozen/kernel"), False, tie, "unfreeze"),
        "state": (("norm/moving_mean", "norm_1/moving_mean"), False, tie, "state"),
        "the second of two": (("d0/bias", "d1/bias", "wide/bias"), False, tie, "has the shape"),
        "no address": (("d0/kernel", "d9/kernel"), False, errors.UnknownAddress, "nearest"),
        "no match": (("d0/kernel", "x*/kernel"), False, errors.NothingMatched, "no parameter"),
    }


@pytest.fixture(scope="module")
def hard() -> Any:
    """A model in which much cannot be tied, with an optimizer that is in use."""
    words_in, numbers_in = keras.Input((5,), dtype="int32"), keras.Input((3,))
    embedded = layers.Embedding(7, 3, name="embedding")(words_in)
    outputs = layers.Dense(7, use_bias=False, name="head")(embedded)
    column = numbers_in
    for name in ("d0", "d1"):
        column = layers.Dense(3, name=name)(column)
    for name in ("norm", "norm_1"):
        column = layers.BatchNormalization(name=name)(column)
    column = layers.Dense(3, dtype="float16", name="half")(column)
    column = layers.Dense(3, trainable=False, name="frozen")(column)
    for name in ("wide", "wide_1"):
        column = layers.Dense(4, name=name)(layers.Dense(5, name=f"{name}_in")(column))
    model = keras.Model([words_in, numbers_in], [outputs, column])
    model.compile("adam", ["mse", "mse"])
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("name", _refused())
def test_a_tie_that_cannot_be_changes_nothing(hard: Any, name: str) -> None:
    addresses, transpose, error, said = _refused()[name]
    before = state_of(hard)
    with pytest.raises(error, match=said):
        pm.tie(hard, *addresses, transpose=transpose)
    assert state_of(hard) == before


def test_an_orientation_that_contradicts_itself() -> None:
    model = squares(3)
    pm.tie(model, "d0/kernel", "d1/kernel", transpose=True)
    for addresses, transpose in (
        (("d0/kernel", "d1/kernel"), False),
        (("d2/kernel", "d0/kernel", "d1/kernel"), False),
    ):
        with pytest.raises(errors.TieError, match="the other way around"):
            pm.tie(model, *addresses, transpose=transpose)
    assert len(pm.inspect(model).ties) == 1


def test_what_cannot_be_untied() -> None:
    shared = layers.Dense(4)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.Sequential([shared], name="a"),
            keras.Sequential([shared], name="b"),
            layers.Dense(4, name="alone"),
        ]
    )
    with pytest.raises(errors.TieError, match="one Dense layer that the model uses"):
        pm.untie(model, "b/dense/kernel")
    with pytest.raises(errors.TieError, match="tied to no other"):
        pm.untie(model, "alone/kernel")


def test_a_model_that_is_not_built_or_is_none() -> None:
    model = keras.Sequential([layers.Dense(3), layers.Dense(3)])
    with pytest.raises(errors.NotBuilt, match="sample="):
        pm.tie(model, "dense/kernel", "dense_1/kernel")
    with pytest.raises(errors.NotAModel):
        pm.tie(pm.inspect(squares()), "d0/kernel", "d1/kernel")


class Stubborn(keras.optimizers.SGD):
    """An optimizer that can be built once."""

    refuses = False

    def build(self, variables: Any) -> None:
        if self.refuses:
            raise RuntimeError("not again")
        super().build(variables)


@pytest.mark.parametrize("transpose", [False, True])
def test_a_tie_that_fails_on_the_way_is_taken_back(transpose: bool) -> None:
    model = squares()
    model.compile(Stubborn(momentum=0.9), "mse", jit_compile=False)
    model.fit(numbers(4, 3), numbers(4, 3), verbose=0)
    outputs, before = model.predict(numbers(4, 3), verbose=0), state_of(model)
    model.optimizer.refuses = True
    with pytest.raises(RuntimeError, match="not again"):
        pm.tie(model, "d0/kernel", "d1/kernel", transpose=transpose)
    assert state_of(model) == before
    model.optimizer.refuses = False
    assert np.array_equal(model.predict(numbers(4, 3), verbose=0), outputs)
    model.fit(numbers(4, 3), numbers(4, 3), verbose=0)
    assert not np.array_equal(kernel(model, 0), kernel(model, 1))


def test_within_a_compiled_step_of_jax_nothing_is_tied(backend: str) -> None:
    model = squares()
    model.compile("sgd", "mse", run_eagerly=backend != "jax")
    seen: list[str] = []

    class Ties(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            try:
                pm.tie(model, "d0/kernel", "d1/kernel")
            except errors.ValueUnavailable as error:
                seen.append(str(error))

    model.fit(numbers(4, 3), numbers(4, 3), verbose=0, callbacks=[Ties()])
    if backend == "jax":
        assert len(seen) == 1 and "on_epoch_begin" in seen[0]
        assert not pm.inspect(model).ties
    else:
        assert not seen and pm.inspect(model).ties

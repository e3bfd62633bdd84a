"""Initial values in live models: equal bytes on every backend, and nothing else touched."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import parametry as pm
from parametry.errors import NotAModel, NotBuilt, NothingMatched, RuleError


def net(*more: Any, dtype: str = "float32") -> Any:
    """A small network with a layer of many kinds."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu", dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Flatten(),
            layers.Dropout(0.5),
            *more,
            layers.Dense(6, name="head", dtype=dtype),
        ],
        name="net",
    )


def values(model: Any) -> dict[str, np.ndarray]:
    return {address: p.numpy() for address, p in pm.inspect(model).parameters.items()}


def hashed(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


# ------------------------------------------------ golden values: the same on every backend

RULES: dict[str, Callable[[], Any]] = {
    "normal": lambda: pm.normal(0.0, 0.01),
    "uniform": lambda: pm.uniform(-0.1, 0.1),
    "truncated_normal": pm.truncated_normal,
    "glorot_uniform": pm.glorot_uniform,
    "he_normal": pm.he_normal,
    "orthogonal": pm.orthogonal,
    "keras_glorot_normal": lambda: "glorot_normal",
    "keras_he_uniform": lambda: keras.initializers.HeUniform(seed=99),
    "callable": lambda: lambda shape, dtype, rng: rng.random(shape),
}
GOLDEN: dict[str, tuple[str, str]] = {
    "normal": ("5bd7cb51bbee587d", "55574b1e1f922c07"),
    "uniform": ("816ed63d77bf72a8", "1d345982dfb1ad37"),
    "truncated_normal": ("bd078fc49a199650", "d92ce4eb43604d89"),
    "glorot_uniform": ("2c7bc518f3259570", "8ffd66c0f88721d9"),
    "he_normal": ("2cebb4bce243985a", "805319207a6ea1a2"),
    "orthogonal": ("a9d4892c516ec476", "2109a52b6296ea12"),
    "keras_glorot_normal": ("d3fe25ae81ec3215", "7f6f0a62ef52cef3"),
    "keras_he_uniform": ("2cd35462588f1ddf", "1d7d2ca6974bb73d"),
    "callable": ("18038c40c29e2ba2", "56316ed7dd22d865"),
}
GOLDEN_UNIFORM = [0.6799852252006531, 0.16243886947631836, 0.2600342035293579, 0.07754766941070557]
GOLDEN_NORMAL = [-0.1837368905544281, 1.0012962818145752]
GOLDEN_RESET = "814191ada62dfa0d"


@pytest.mark.parametrize("name", RULES)
def test_equal_seeds_give_equal_bytes_on_every_backend(name: str) -> None:
    model = net()
    pm.initialize(model, {"**/kernel": RULES[name]()}, seed=2024)
    found = values(model)
    assert (hashed(found["conv2d/kernel"]), hashed(found["head/kernel"])) == GOLDEN[name]


def test_the_first_values_of_all_are_golden_too() -> None:
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    pm.initialize(model, {"dense/kernel": pm.uniform(0, 1), "dense/bias": pm.normal(0, 1)}, seed=0)
    assert [float(x) for x in values(model)["dense/kernel"].ravel()] == GOLDEN_UNIFORM
    assert [float(x) for x in values(model)["dense/bias"]] == GOLDEN_NORMAL


def test_reset_gives_equal_bytes_on_every_backend() -> None:
    model = net(layers.Reshape((8, 18)), layers.LSTM(5), dtype="bfloat16")
    pm.reset(model, seed=5)
    found = values(model)
    told = {a: hashed(v) for a, v in found.items() if "seed" not in a}
    assert hashed(np.frombuffer("".join(map(str, told.items())).encode(), "u1")) == GOLDEN_RESET


@pytest.mark.parametrize("seed", [0, -1, 2**70, np.int64(3)])
def test_any_whole_number_is_a_seed(seed: Any) -> None:
    first, second = net(), net()
    for model in (first, second):
        pm.initialize(model, {"**/kernel": pm.normal()}, seed=seed)
    one, other = values(first), values(second)
    assert all(one[a].tobytes() == other[a].tobytes() for a in one if a.endswith("kernel"))


@pytest.mark.parametrize("seed", [0.5, "0", True])
def test_nothing_else_is_a_seed(seed: Any) -> None:
    with pytest.raises(RuleError, match="a seed is an integer"):
        pm.initialize(net(), {"**/kernel": pm.normal()}, seed=seed)


def test_a_named_or_an_appended_layer_changes_no_other() -> None:
    rules = {"**/kernel": pm.he_normal(), "**/bias": pm.normal()}
    plain, longer, named = net(), net(), net(layers.Dense(144, name="between"))
    longer = keras.Sequential([*longer.layers, layers.Dense(2)])
    found = []
    for model in (plain, longer, named):
        pm.initialize(model, rules, seed=1)
        found.append(values(model))
    for address in ("conv2d/kernel", "conv2d/bias", "head/kernel", "head/bias"):
        assert len({each[address].tobytes() for each in found}) == 1


# ------------------------------------------------ what is told, and kept


def test_the_report_names_rule_and_initializer_of_each_and_what_was_left() -> None:
    model = net()
    report = pm.initialize(
        model, {"**/kernel": pm.normal(0, 0.01), "**/bias": 0, "head/kernel": "he_normal"}, seed=0
    )
    assert report["conv2d/kernel"].rule == "**/kernel"
    assert report["conv2d/kernel"].initializer == {"class": "Normal", "mean": 0.0, "stddev": 0.01}
    assert report["head/kernel"].rule == "head/kernel"
    assert report["head/kernel"].initializer["fans"] == "keras"
    assert list(report.untouched) == [
        *(f"batch_normalization/{n}" for n in ("gamma", "beta", "moving_mean", "moving_variance")),
        "dropout/seed_generator/seed_generator_state",
    ]
    assert report.rules == {"**/kernel": 1, "**/bias": 2, "head/kernel": 1}
    assert list(report.entries) == list(pm.inspect(model).parameters)


def test_provenance_is_kept_with_the_variable_and_lost_by_assign() -> None:
    model = net()
    pm.initialize(model, {"**/kernel": pm.normal(), "head/*": 0.5}, seed=3)
    parameters = pm.inspect(model).parameters
    assert parameters["conv2d/kernel"].provenance == pm.Provenance(
        "initialize", pm.normal().to_plain(), 3, "conv2d/kernel", rule="**/kernel"
    )
    assert parameters["head/kernel"].provenance.seed is None
    assert parameters["batch_normalization/gamma"].provenance is None
    assert parameters["head/bias"].to_dict()["provenance"] == {
        "action": "initialize",
        "initializer": {"class": "Constant", "value": 0.5},
        "address": "head/bias",
        "rule": "head/*",
    }
    parameters["head/bias"].assign(np.zeros(6, "float32"))
    assert parameters["head/bias"].provenance is None


def test_a_dry_run_tells_the_same_and_writes_nothing() -> None:
    model = net()
    before = values(model)
    rules = {"**/kernel": "he_normal", "**/bias": lambda shape, dtype, rng: rng.normal(size=shape)}
    dry = pm.initialize(model, rules, seed=0, dry_run=True)
    assert all((before[a] == v).all() for a, v in values(model).items())
    assert pm.inspect(model).parameters["head/kernel"].provenance is None
    wet = pm.initialize(model, rules, seed=0)
    assert dry.dry_run
    assert dry.to_dict()["parameters"] == wet.to_dict()["parameters"]


# ------------------------------------------------ nothing is changed by what fails

WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"**/kernal": 0}, NothingMatched, "'\\*\\*/kernal' matches no parameter"),
    ({"dropout/**": 0}, NothingMatched, "matches integers alone"),
    ({"**/bias": 0, "**": pm.orthogonal()}, RuleError, "of two axes or more"),
    ({"**/bias": 0, "head/kernel": np.zeros((6, 144))}, RuleError, "has the shape"),
    ({"**/bias": 1, "**/kernel": lambda s, d, rng: np.full(s, np.inf)}, RuleError, "infinite"),
    ({"**/bias": 1, "**/kernel": "no_such"}, RuleError, "no initializer is called 'no_such'"),
    ({"**/bias": 1, "**/kernel": keras.initializers.Identity()}, RuleError, "is a matrix"),
    ({"**/bias": 1, "**/gamma": pm.constant(1e39)}, pm.ParametryError, "beyond its range"),
    ({"**/bias": 1, "**/kernel": pm.lsuv()}, RuleError, "there is none"),
]


@pytest.mark.parametrize(("rules", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_a_rule_that_cannot_be_followed_changes_nothing(
    rules: Any, error: type[Exception], message: str
) -> None:
    model = net()
    before = values(model)
    with pytest.raises(error, match=message):
        pm.initialize(model, rules, seed=0)
    after = values(model)
    assert all(before[address].tobytes() == after[address].tobytes() for address in before)
    assert all(p.provenance is None for p in pm.inspect(model).parameters.values())


def test_what_is_no_model_is_told() -> None:
    with pytest.raises(NotAModel, match="initialize works on a live model, not on str"):
        pm.initialize("net", {"**": 0})
    with pytest.raises(RuleError, match="rules are a mapping"):
        pm.initialize(net(), [("**", 0)])  # type: ignore[arg-type]


class Shared(keras.Model):
    """Two branches that share one layer."""

    def __init__(self) -> None:
        super().__init__(name="shared")
        common = layers.Dense(4, name="common")
        self.left = keras.Sequential([keras.Input((4,)), common], name="left")
        self.right = keras.Sequential([keras.Input((4,)), common], name="right")

    def call(self, inputs: Any) -> Any:
        return self.left(inputs) + self.right(inputs)


def test_what_is_tied_is_set_once_and_by_one_rule() -> None:
    model = Shared()
    model(np.zeros((1, 4), "float32"))
    with pytest.raises(RuleError, match="are one array, and two rules set it differently"):
        pm.initialize(model, {"left/**": 1, "right/**": 2})
    report = pm.initialize(model, {"right/**/kernel": 3})
    assert report["left/common/kernel"].rule == "right/**/kernel"
    assert report["right/common/kernel"] is report["left/common/kernel"]
    assert (values(model)["left/common/kernel"] == 3).all()


def test_a_transposed_tie_gets_the_canonical_values() -> None:
    model = keras.Sequential(
        [layers.Embedding(7, 5), layers.Dense(7, use_bias=False)], name="autoencoder"
    )
    model.build((None, 3))
    pm.tie(model, "embedding/embeddings", "dense/kernel", transpose=True)
    alone = keras.Sequential([layers.Embedding(7, 5)])
    alone.build((None, 3))
    for each in (model, alone):
        pm.initialize(each, {"embedding/embeddings": pm.normal()}, seed=4)
    expected = values(alone)["embedding/embeddings"]
    assert (values(model)["embedding/embeddings"] == expected).all()
    kernel = keras.ops.convert_to_numpy(model.layers[1].kernel)
    assert (kernel == expected.T).all()


# ------------------------------------------------ unbuilt models


def test_an_unbuilt_model_is_built_on_request_or_says_how() -> None:
    def unbuilt() -> Any:
        return keras.Sequential([layers.Dense(3), layers.Dense(2)], name="late")

    for action in (lambda m: pm.initialize(m, {"**": 0}), lambda m: pm.reset(m, seed=0)):
        with pytest.raises(NotBuilt, match="late is not built") as caught:
            action(unbuilt())
        assert "input_shape=(None, 4)" in (caught.value.hint or "")
    first, second = unbuilt(), unbuilt()
    pm.initialize(first, {"**/kernel": pm.normal()}, seed=0, input_shape=(None, 4))
    pm.initialize(second, {"**/kernel": pm.normal()}, seed=0, sample=np.zeros((1, 4), "float32"))
    assert (values(first)["dense/kernel"] == values(second)["dense/kernel"]).all()


# ------------------------------------------------ initializers of Keras's, and of its users


@pytest.mark.parametrize(
    "made",
    [
        keras.initializers.RandomNormal(0.5, 0.1, seed=3),
        keras.initializers.TruncatedNormal(0.0, 0.2),
        keras.initializers.RandomUniform(-0.3, 0.1),
        keras.initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal"),
        keras.initializers.LecunUniform(),
        keras.initializers.Orthogonal(2.0),
        keras.initializers.Constant(0.25),
    ],
    ids=lambda made: type(made).__name__,
)
def test_keras_initializers_keep_their_distribution(made: Any) -> None:
    model = keras.Sequential([keras.Input((60,)), layers.Dense(80)])
    pm.initialize(model, {"**/kernel": made}, seed=1)
    ours = values(model)["dense/kernel"].astype("float64")
    theirs = keras.ops.convert_to_numpy(made((60, 80))).astype("float64")
    assert ours.std() == pytest.approx(theirs.std(), rel=0.06, abs=1e-6)
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.02)
    assert np.quantile(ours, 0.95) == pytest.approx(np.quantile(theirs, 0.95), rel=0.08)


def test_keras_names_count_as_keras_does_and_ours_as_the_papers_do() -> None:
    model = keras.Sequential([keras.Input((9, 9, 16)), layers.DepthwiseConv2D(3)])
    pm.initialize(model, {"**/kernel": "he_uniform"}, seed=1)
    assert np.abs(values(model)["depthwise_conv2d/kernel"]).max() <= np.sqrt(6 / (9 * 16))
    pm.initialize(model, {"**/kernel": pm.he_uniform()}, seed=1)
    most = np.abs(values(model)["depthwise_conv2d/kernel"]).max()
    assert np.sqrt(6 / 9) * 0.9 < most <= np.sqrt(6 / 9)


class Doubled(keras.initializers.Initializer):
    """A user's initializer, with Keras's global generator."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return 2 * keras.random.normal(shape, dtype=dtype)


class Seeded(keras.initializers.RandomNormal):
    """A user's subclass of a random initializer."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return keras.random.normal(shape, seed=self.seed, dtype=dtype)


def from_everywhere(shape: Any, dtype: Any = None) -> Any:
    """A function written for Keras that draws where it likes."""
    return np.full(shape, np.random.rand() + random.random())


@pytest.mark.parametrize("made", [Doubled(), Seeded(), from_everywhere, Doubled])
def test_a_custom_initializer_follows_seed_and_address_and_disturbs_nothing(made: Any) -> None:
    keras.utils.set_random_seed(11)
    expected = (random.random(), np.random.rand(), draw(), draw())
    keras.utils.set_random_seed(11)
    found = []
    for seed in (1, 1, 2):
        model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)])
        keras.utils.set_random_seed(11)
        report = pm.initialize(model, {"**/kernel": made}, seed=seed)
        found.append(values(model))
    assert (random.random(), np.random.rand(), draw(), draw()) == expected
    assert (found[0]["dense/kernel"] == found[1]["dense/kernel"]).all()
    assert (found[0]["dense/kernel"] != found[2]["dense/kernel"]).all()
    assert (found[0]["dense/kernel"] != found[0]["dense_1/kernel"]).all()
    assert report["dense/kernel"].note == "its random bits are its own"


def draw() -> list[float]:
    """Of the global generators that Keras and its backend have."""
    out = [float(keras.random.uniform(()))]
    if keras.backend.backend() == "torch":
        import torch

        out.append(float(torch.rand(())))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        out.append(float(tf.random.uniform(())))
    return out


def wrong_shape(shape: Any, dtype: Any = None) -> Any:
    return keras.ops.zeros((1, 2))


def broken(shape: Any, dtype: Any = None) -> Any:
    raise KeyError("lost")


def not_finite(shape: Any, dtype: Any = None) -> Any:
    return keras.ops.full(shape, float("nan"))


@pytest.mark.parametrize("made", [wrong_shape, broken, not_finite])
def test_a_custom_initializer_that_errs_is_named(made: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    with pytest.raises(RuleError, match=r"the rule '\*\*/kernel' at dense/kernel"):
        pm.initialize(model, {"**/kernel": made}, seed=0)
    lasting = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    lasting.layers[0].kernel_initializer = made
    before = values(lasting)
    with pytest.raises(RuleError, match="dense/kernel"):
        pm.reset(lasting, seed=0)
    assert all((before[a] == v).all() for a, v in values(lasting).items())


def test_provenance_of_what_was_called_has_the_seed() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    pm.initialize(
        model, {"**/kernel": Doubled(), "**/bias": lambda s, d, rng: rng.random(s)}, seed=5
    )
    for parameter in pm.inspect(model).parameters.values():
        assert parameter.provenance.seed == 5


# ------------------------------------------------ LSUV


def deep() -> Any:
    keras.utils.set_random_seed(3)
    stack = [layers.Dense(32, activation="relu", name=f"d{n}") for n in range(4)]
    return keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dropout(0.5),
            *stack[:2],
            layers.BatchNormalization(),
            *stack[2:],
            layers.Dense(3, name="out"),
        ]
    )


def test_lsuv_gives_each_layer_unit_variance_and_leaves_all_else() -> None:
    model = deep()
    sample = np.random.default_rng(0).normal(2.0, 3.0, (256, 16)).astype("float32")
    before = values(model)
    seen = draw_after_seed(lambda: None)
    report = pm.initialize(model, {"**/kernel": pm.lsuv()}, seed=0, sample=sample)
    assert report["d0/kernel"].initializer["class"] == "LSUV"
    after = values(model)
    kept = [a for a in before if not a.endswith("kernel")]
    assert all(before[a].tobytes() == after[a].tobytes() for a in kept)
    held = sample
    for layer in model.layers:
        if layer.name.startswith(("d0", "d1", "d2", "d3", "out")):
            kernel, bias = (keras.ops.convert_to_numpy(w) for w in layer.weights)
            assert np.var(held @ kernel + bias) == pytest.approx(1, abs=0.1)
        held = keras.ops.convert_to_numpy(layer(held, training=False))
    assert (
        draw_after_seed(
            lambda: pm.initialize(model, {"**/kernel": pm.lsuv()}, seed=0, sample=sample)
        )
        == seen
    )
    model.compile("sgd", "mse")
    model.fit(sample, sample[:, :3], verbose=0)


def draw_after_seed(act: Callable[[], Any]) -> list[float]:
    keras.utils.set_random_seed(5)
    act()
    return draw()


def test_lsuv_on_a_sample_that_does_not_fit_is_told() -> None:
    model = deep()
    with pytest.raises(RuleError, match=r"could not run .* on the sample"):
        pm.initialize(model, {"**/kernel": pm.lsuv()}, seed=0, sample=np.zeros((8, 3), "float32"))


def test_lsuv_that_cannot_scale_puts_everything_back() -> None:
    model = deep()
    before = values(model)
    with pytest.raises(RuleError, match="d0/kernel"):
        pm.initialize(model, {"**/kernel": pm.lsuv()}, seed=0, sample=np.zeros((8, 16), "float32"))
    after = values(model)
    assert all(before[a].tobytes() == after[a].tobytes() for a in before)
    assert "call" not in model.layers[1].__dict__


# ------------------------------------------------ in use


def test_a_compiled_model_trains_on_from_the_new_values() -> None:
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(x, x[:, :1], verbose=0, shuffle=False)
    pm.initialize(model, {"**": 0})
    assert np.allclose(model.predict(x, verbose=0), 0)
    model.fit(x, x[:, :1], verbose=0, shuffle=False)
    assert not np.allclose(values(model)["dense_1/bias"], 0)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_other_dtypes_are_made_as_they_are(dtype: str) -> None:
    model = net(dtype=dtype)
    pm.initialize(model, {"**/kernel": pm.normal(), "**/bias": 0.5}, seed=0)
    parameters = pm.inspect(model).parameters
    for address in ("conv2d/kernel", "head/bias"):
        assert parameters[address].numpy().dtype.name == parameters[address].dtype

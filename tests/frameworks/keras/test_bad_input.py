"""What is no model, what went wrong while it was made, what behaves oddly, names of any kind."""

from __future__ import annotations

import html
import json
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from zoo.nesting import X

import parametry as pm
from parametry.core.address import part, unpart


def everything(model: Any) -> pm.Model:
    """The view, asked for everything that it can tell."""
    view = pm.inspect(model)
    json.loads(view.to_json())
    repr(view)
    view._repr_html_()
    view.to_yaml()
    assert view.coverage is not None
    return view


# ---------------------------------------------------------------- what is no model


@pytest.mark.parametrize(
    ("thing", "told"),
    [
        (3, "an object of class int is no model"),
        (None, "an object of class NoneType is no model"),
        (b"model.keras", "a layer or model of"),
        (keras.Model, r"is a class, not a model[\s\S]*make one first"),
        (layers.Dense, r"is a class, not a model[\s\S]*inspect\(Dense\(\.\.\.\)\)"),
        (keras.optimizers.Adam(), "shown with the model that uses it"),
        (keras.losses.MeanSquaredError(), "shown with the model that uses it"),
        (keras.Variable(1.0), "is no model"),
        (np.ones(3), "an object of class numpy.ndarray is no model"),
        (lambda: 0, "an object of class function is no model"),
        ([layers.Dense(2)], "an object of class list is no model"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_model_is_a_clear_error(thing: Any, told: str) -> None:
    with pytest.raises(pm.NotAModel, match=told):
        pm.inspect(thing)


# ---------------------------------------------------------------- what went wrong


KEPT: list[Any] = []


class FailsHalfWay(keras.Model):
    def __init__(self, units: int, *, before: bool = False) -> None:
        KEPT.append(self)
        if before:
            raise ValueError("before Keras's own constructor")
        super().__init__()
        self.dense = layers.Dense(units)
        raise ValueError("after the first layer")


def test_a_model_whose_constructor_failed_is_told_as_far_as_it_got() -> None:
    with pytest.raises(ValueError, match="after the first layer"):
        FailsHalfWay(3)
    view = everything(KEPT[-1])
    assert list(view.layers) == ["dense"]
    assert view.hyperparameters["model/dense/units"].value == 3


def test_a_model_whose_constructor_failed_at_once_is_empty() -> None:
    with pytest.raises(ValueError, match="before Keras's own"):
        FailsHalfWay(3, before=True)
    view = everything(KEPT[-1])
    assert (view.name, list(view.layers), list(view.parameters)) == ("fails_half_way", [], [])


class ForgetsSuper(layers.Layer):
    def __init__(self, units: int) -> None:
        self.__dict__["units"] = units


class HoldsOneThatForgets(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2)
        self._layers.append(ForgetsSuper(3))


def test_a_layer_that_forgot_keras_own_constructor_is_told_as_far_as_it_is_one() -> None:
    view = everything(ForgetsSuper(3))
    assert view.hyperparameters["model/units"].value == 3
    view = everything(HoldsOneThatForgets())
    assert list(view.layers) == ["dense", "forgets_super"]
    assert view.layers["forgets_super"].built is False
    assert view.hyperparameters["model/forgets_super/units"].value == 3


# ---------------------------------------------------------------- what behaves oddly


class Odd(layers.Layer):
    """Raises from everything that a curious program might try."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(name="odd")
        self.dense = layers.Dense(2)
        self.ready = True

    def _raise(self, *_: Any) -> Any:
        raise RuntimeError("do not touch")

    __eq__ = __len__ = __bool__ = __iter__ = __repr__ = __str__ = __contains__ = _raise

    def __getattr__(self, name: str) -> Any:
        if "ready" in self.__dict__:
            raise RuntimeError("do not ask")
        if hasattr(super(), "__getattr__"):
            return super().__getattr__(name)  # type: ignore[misc]
        raise AttributeError(name)


class HoldsOdd(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(4)
        self._layers.append(Odd())


def test_a_layer_that_raises_from_everything_is_told_all_the_same() -> None:
    view = everything(HoldsOdd())
    assert list(view.layers) == ["dense", "odd", "odd/dense"]
    assert view.hyperparameters["model/odd/dense/units"].value == 2


class OddMeta(type(keras.Model)):  # type: ignore[misc]
    def __getattr__(cls, name: str) -> Any:
        raise RuntimeError("do not ask the class")

    def __eq__(cls, other: object) -> Any:
        raise RuntimeError("do not compare the class")

    def __hash__(cls) -> int:
        return 1

    def __bool__(cls) -> bool:
        raise RuntimeError("do not ask whether the class is true")

    def __repr__(cls) -> str:
        raise RuntimeError("do not print the class")


def test_a_metaclass_that_raises_is_no_obstacle() -> None:
    class Model(keras.Model, metaclass=OddMeta):
        def __init__(self, units: int = 3) -> None:
            super().__init__()
            self.dense = layers.Dense(units)

    view = everything(Model())
    assert view.class_name.endswith("Model")
    assert view.hyperparameters["model/dense/units"].value == 3


class NamedByProperty(layers.Layer):
    called = 0

    def __init__(self, name: str = "given") -> None:
        super().__init__(name=name)

    @property
    def name(self) -> Any:
        NamedByProperty.called += 1
        return 3

    @name.setter
    def name(self, value: str) -> None:
        pass


def test_a_name_that_is_a_property_of_the_users_is_not_asked() -> None:
    layer = NamedByProperty()
    NamedByProperty.called = 0
    view = everything(layer)
    assert (view.name, NamedByProperty.called) == ("named_by_property", 0)


class HoldsItself(keras.Model):
    """Three layers in a ring, one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2)
        self.a, self.b = layers.Layer(name="a"), layers.Layer(name="b")
        self.a.other, self.b.other, self.b.root = self.b, self.a, self


def test_a_ring_of_layers_ends() -> None:
    view = everything(HoldsItself())
    assert list(view.layers) == ["dense", "a", "a/b", "b"] or list(view.layers) == [
        "dense",
        "a",
        "a/b",
    ]
    assert view.layers["b"].native is view.layers["a/b"].native


# ---------------------------------------------------------------- names


NAMES = [
    "Größe",
    "",
    " ",
    "日本 語",
    "x" * 10_000,
    "a*b",
    "a**",
    "a[0]",
    "a{b,c}",
    "a?b",
    "a%b",
    "%",
    "a.b",
    "a:b",
    "..",
    "a\nb",
    "a\x1b[31mred",
    "a\x00b",
    "[bold]markup",
    "<script>alert(1)<script>",
    "\u202eabc",
    "dense_" + "9" * 5_000,
    "dense_\u0661",  # a digit, but not one that Keras writes
    "environment",
    "model",
    "0",
    "true",
]
if keras.backend.backend() == "torch":
    # torch takes no name with a dot, so Keras builds no such layer there.
    NAMES = [name for name in NAMES if "." not in name]


def named(*names: str) -> Any:
    return keras.Sequential([keras.Input((4,)), *(layers.Dense(4, name=name) for name in names)])


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:12]))
def test_any_name_that_keras_takes_is_an_address(name: str) -> None:
    model = named(name)
    view = everything(model)
    kernel, bias = view.parameters
    above = kernel.removesuffix("/kernel")
    assert "/" not in above
    assert unpart(above) == name
    assert bias == above + "/bias"
    assert view.parameters[kernel].native is model.layers[-1].kernel
    assert list(view.parameters.select(pm.escape(kernel))) == [kernel]
    assert list(view.parameters.select("*/kernel")) == [kernel]
    assert view.hyperparameters[f"model/{above}/name"].value == name
    assert not any(ord(character) < 32 for character in kernel)


def test_a_name_that_no_text_file_can_hold_is_an_address() -> None:
    """TensorFlow builds no layer of this name."""
    model = keras.Sequential([layers.Dense(4, name="a\ud800")])
    view = everything(model)
    assert list(view.layers) == ["a%ED%A0%80"]
    assert unpart("a%ED%A0%80") == "a\ud800"


def test_a_name_of_a_class_of_its_own_is_plain_text() -> None:
    view = everything(named(np.str_("mine")))
    assert [type(address) for address in view.parameters] == [str, str]
    assert type(view.layers["mine"].native_name) is str


def test_all_names_at_once_are_told_apart() -> None:
    model = named(*NAMES, "same", "dense")
    view = everything(model)
    assert len(view.parameters) == len(model.variables) == 2 * len(NAMES) + 4
    for layer in model.layers[1:]:
        assert view.parameters[part(layer.name) + "/kernel"].native is layer.kernel


def test_names_do_no_harm_where_they_are_shown() -> None:
    view = everything(named(*NAMES))
    for text in (repr(view), repr(view.parameters), repr(view.layers)):
        assert "\x1b[31m" not in text
        assert "\u202e" not in text
        assert "\x00" not in text
    assert "<script>" not in view._repr_html_()
    assert html.escape("<script>") in view._repr_html_() or "x" * 100 in view._repr_html_()
    assert len(view._repr_html_().encode("utf-8", "surrogatepass")) <= 200_000


def test_two_layers_of_one_name_are_told_apart_in_a_model_that_keras_takes() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one = layers.Dense(4, name="a*b")
            self.two = layers.Dense(4, name="a*b")

        def call(self, inputs: Any) -> Any:
            return self.two(self.one(inputs))

    model = Model()
    model(X)
    assert list(everything(model).parameters) == [
        "one/kernel",
        "one/bias",
        "two/kernel",
        "two/bias",
    ]

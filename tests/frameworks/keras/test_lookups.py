"""Ways to a parameter, a layer or a hyperparameter: address, alias, attributes, native name."""

from __future__ import annotations

import keras
import pytest
from zoo import made
from zoo.nesting import X
from zoo.same_names import SameName

import parametry as pm


@pytest.mark.parametrize(
    ("name", "path", "address"),
    [
        ("subclassed", "last/kernel", "dense/kernel"),
        ("subclassed", "last.kernel", "dense/kernel"),
        ("subclassed", "first.kernel", "first/kernel"),
        ("lists_and_dicts", "blocks/0/kernel", "dense/kernel"),
        ("lists_and_dicts", "blocks/1/bias", "dense_1/bias"),
        ("lists_and_dicts", "heads/one/kernel", "dense_2/kernel"),
        ("lists_and_dicts", "heads/two/kernel", "named/kernel"),
        ("lists_and_dicts", "deep/a/1/kernel", "dense_4/kernel"),
        ("lists_and_dicts", "deep.a.1.kernel", "dense_4/kernel"),
        ("used_twice_in_subclassed", "one/kernel", "dense/kernel"),
        ("used_twice_in_subclassed", "two/kernel", "dense/kernel"),
        ("used_twice_in_subclassed", "other/kernel", "dense_1/kernel"),
        ("shared_between_submodels", "b/dense/kernel", "a/dense/kernel"),
        (
            "layers_in_layers",
            "residual/inner/inner/inner/kernel",
            "residual/residual/residual/dense/kernel",
        ),
        (
            "layers_in_layers",
            "residual/inner/residual/dense/kernel",
            "residual/residual/residual/dense/kernel",
        ),
        ("variables_on_the_root", "temperature", "variable"),
        ("variables_on_the_root", "several/1", "several/1"),
        ("variables_on_the_root", "several.1", "several/1"),
        ("layers_of_one_name", "by_key/x%2Fy/kernel", "by_key/x%2Fy/kernel"),
        ("stacked_cells", "rnn/cell/cells/1/kernel", "rnn/stacked_rnn_cells/lstm_cell_1/kernel"),
    ],
)
def test_a_parameter_is_found_by_its_attributes(name: str, path: str, address: str) -> None:
    parameters = pm.inspect(made(name)).parameters
    assert path in parameters
    assert parameters[path] is parameters[address]
    assert parameters.get(path) is parameters[address]
    assert list(parameters.select(path)) == [address]
    # Only canonical addresses are iterated.
    assert (path in list(parameters)) == (path == address)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "dense",
        "dense/",
        "/dense/kernel",
        "dense//kernel",
        "last/kernel/0",
        "last/units",
        "last.no_such_thing",
        "blocks/0/kernel",
        "__class__/kernel",
        "first/../dense/kernel",
        "\x00",
    ],
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    parameters = pm.inspect(made("subclassed")).parameters
    assert path not in parameters
    assert parameters.get(path) is None
    with pytest.raises(pm.UnknownAddress):
        parameters[path]


def test_an_unknown_address_names_the_nearest() -> None:
    with pytest.raises(pm.UnknownAddress, match="dense/kernel"):
        pm.inspect(made("subclassed")).parameters["dense/kernl"]


def test_patterns_reach_aliases_too() -> None:
    parameters = pm.inspect(made("shared_between_submodels")).parameters
    assert list(parameters.select("b/**/kernel")) == ["a/dense/kernel", "b/dense_1/kernel"]
    with pytest.raises(pm.NothingMatched):
        parameters.select("c/**")


def test_filters() -> None:
    parameters = pm.inspect(made("batch_normalization")).parameters
    assert list(parameters.select("**", layer="Dense")) == ["dense/kernel", "dense/bias"]
    assert list(parameters.select(rank=2)) == ["dense/kernel"]
    assert len(parameters.select(role="state")) == 4
    assert len(parameters.select(trainable=True, layer="BatchNormalization")) == 4
    assert len(parameters.select(dtype="float32")) == len(parameters)


def test_native_names_lead_to_the_same_parameters() -> None:
    model = made("nested")
    view = pm.inspect(model)
    native = view.parameters.native
    assert len(native) == len(view.parameters)
    for variable in model.variables:
        assert native[variable.path].native is variable


def test_native_names_that_are_alike_are_numbered() -> None:
    model = SameName()
    model(X)
    native = pm.inspect(model).parameters.native
    assert len(native) == 10
    kernels = [name for name in native if name.partition("#")[0].endswith("same/kernel")]
    assert [name.partition("#")[2] for name in kernels] == ["", "1", "2", "3"]
    assert {native[name].address for name in kernels} == {
        "a/kernel",
        "b/kernel",
        "more/0/kernel",
        "by_key/x%2Fy/kernel",
    }


@pytest.mark.parametrize(
    ("name", "path", "address"),
    [
        ("lists_and_dicts", "blocks/1", "dense_1"),
        ("lists_and_dicts", "blocks.1", "dense_1"),
        ("lists_and_dicts", "heads/two", "named"),
        ("shared_between_submodels", "b/dense", "a/dense"),
        ("stacked_cells", "rnn/cell/cells/1", "rnn/stacked_rnn_cells/lstm_cell_1"),
    ],
)
def test_a_layer_is_found_by_its_attributes(name: str, path: str, address: str) -> None:
    found = pm.inspect(made(name)).layers
    assert found[path] is found[address]


def test_a_hyperparameter_is_found_by_its_layers_attributes_and_aliases() -> None:
    view = pm.inspect(made("lists_and_dicts"))
    assert view.hyperparameters["model/heads/two/units"].address == "model/named/units"
    view = pm.inspect(made("shared_between_submodels"))
    assert view.hyperparameters["model/b/dense/units"].address == "model/a/dense/units"
    with pytest.raises(pm.UnknownAddress):
        view.hyperparameters["model/b/dense/unit"]


@pytest.mark.parametrize("path", ["layers[1].kernel", "layers.1.kernel", "layers/1/kernel"])
def test_an_index_counts_as_the_layers_property_does(path: str) -> None:
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    assert pm.inspect(net).parameters[path].native is net.layers[1].kernel
    graph = keras.Model(net.inputs, net.outputs)
    assert pm.inspect(graph).parameters[path].native is graph.layers[1].kernel

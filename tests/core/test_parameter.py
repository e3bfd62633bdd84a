"""One parameter: what it tells of itself, and how its values are read, written and compared."""

from __future__ import annotations

import gc
import json
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from parametry.core import provenance
from parametry.core.provenance import Provenance, remember
from parametry.errors import AssignmentError, DtypeMismatch, ShapeMismatch


@pytest.mark.parametrize(
    ("shape", "dtype", "size", "nbytes"),
    [
        ((), "float32", 1, 4),
        ((3,), "float64", 3, 24),
        ((2, 3), "bfloat16", 6, 12),
        ((0, 5), "float32", 0, 0),
        ((3,), "int4", 3, 2),
        ((4,), "uint4", 4, 2),
        ((5,), "int2", 5, 2),
        ((3,), "float8_e4m3fn", 3, 3),
        ((3,), "float4_e2m1fn", 3, 2),
        ((3,), "bool", 3, 3),
        ((2,), "complex64", 2, 16),
    ],
)
def test_sizes(make: Any, shape: Any, dtype: str, size: int, nbytes: int) -> None:
    parameter = make.parameter(values=np.zeros(shape), dtype=dtype)
    assert (parameter.size, parameter.nbytes, parameter.rank) == (size, nbytes, len(shape))


@pytest.mark.parametrize("role", ["trainable", "frozen", "state", "optimizer"])
def test_only_the_trainable_are_trainable(make: Any, role: str) -> None:
    assert make.parameter(role=role).trainable is (role == "trainable")


def test_what_the_layer_declared(make: Any) -> None:
    parameter = make.parameter(declared={"initializer": {"class": "Zeros"}, "constraint": None})
    assert parameter.initializer == {"class": "Zeros"}
    assert parameter.regularizer is None
    assert parameter.constraint is None
    assert parameter.native is parameter.store.native


def test_its_form_is_json_whatever_was_declared(make: Any) -> None:
    declared = {"initializer": {"class": "Constant", "value": float("inf"), 3: None}}
    parameter = make.parameter("a/b", values=np.zeros((2, 3)), declared=declared, aliases=("c/b",))
    form = json.loads(json.dumps(parameter.to_dict(), allow_nan=False))
    assert form == {
        "shape": [2, 3],
        "dtype": "float32",
        "trainable": True,
        "role": "trainable",
        "nbytes": 24,
        "layer": "a",
        "layer_class": "Dense",
        "native_name": "a/b",
        "aliases": ["c/b"],
        "initializer": {"class": "Constant", "value": {"$float": "inf"}, "3": None},
    }


# ------------------------------------------------ reading


def test_what_is_read_is_a_copy(make: Any) -> None:
    parameter = make.parameter(values=[1.0, 2.0])
    for array in (parameter.numpy(), np.asarray(parameter), np.array(parameter)):
        array[...] = 9
    assert parameter.numpy().tolist() == [1, 2]


def test_values_are_read_when_asked_for(make: Any) -> None:
    parameter = make.parameter(values=[1.0, 2.0])
    parameter.to_dict(), parameter.nbytes, repr(parameter), hash(parameter)
    assert parameter.store.reads == 0
    parameter.store.array[0] = 5
    assert parameter.numpy().tolist() == [5, 2]


def test_numpy_takes_a_parameter_for_an_array(make: Any) -> None:
    parameter = make.parameter(values=[[1.0, 2.0], [3.0, 4.0]])
    assert np.sum(parameter) == 10
    assert np.mean(parameter, axis=0).tolist() == [2, 3]
    assert np.matmul(parameter, np.eye(2)).tolist() == [[1, 2], [3, 4]]
    np.testing.assert_array_equal(np.stack([parameter, parameter])[1], parameter.numpy())
    assert np.shape(parameter) == (2, 2)


def test_numpys_protocol(make: Any) -> None:
    parameter = make.parameter(values=[1.5, 2.5])
    assert np.asarray(parameter).dtype == np.float32
    assert np.asarray(parameter, dtype="float64").dtype == np.float64
    assert np.asarray(parameter, dtype="int64").tolist() == [1, 2]
    assert np.array(parameter, copy=True).tolist() == [1.5, 2.5]
    with pytest.raises(ValueError, match=r"dense/kernel cannot be given without a copy\nhint: "):
        np.asarray(parameter, copy=False)


def test_narrow_dtypes_come_as_they_are(make: Any) -> None:
    parameter = make.parameter(values=[0.5, 1.0], dtype="bfloat16")
    assert np.asarray(parameter).dtype == np.dtype(ml_dtypes.bfloat16)


# ------------------------------------------------ writing


def test_assignment_casts_within_the_kind_and_copies(make: Any) -> None:
    parameter = make.parameter(values=[1.0, 2.0])
    given = np.array([0.1, 0.2])
    parameter.assign(given)
    given[...] = 9
    np.testing.assert_array_equal(parameter.numpy(), np.float32([0.1, 0.2]))
    parameter.assign([3.0, 4.0])
    assert parameter.numpy().tolist() == [3, 4]
    parameter.assign(make.parameter(values=[5.0, 6.0]))
    assert parameter.numpy().tolist() == [5, 6]


@pytest.mark.parametrize(
    ("shape", "given", "hint"),
    [
        ((2, 3), np.zeros((3, 2)), "it would fit transposed: assign(array.T)"),
        ((2, 3), np.zeros(6), "it would fit reshaped: assign(array.reshape((2, 3)))"),
        ((2, 3), np.zeros((1, 2, 3)), "it would fit reshaped: assign(array.reshape((2, 3)))"),
        ((1,), np.zeros(()), "it would fit reshaped: assign(array.reshape((1,)))"),
        ((), np.zeros(1), "it would fit reshaped: assign(array.reshape(()))"),
        ((2, 3), 0.5, "fill it: assign(numpy.full((2, 3), value, 'float32'))"),
        ((2, 3), np.zeros(3), "give an array of that very shape; nothing is broadcast"),
        ((2, 3), np.zeros((2, 4)), "give an array of that very shape; nothing is broadcast"),
        ((2, 3), [], "give an array of that very shape; nothing is broadcast"),
    ],
)
def test_another_shape_is_refused_with_what_would_help(
    make: Any, shape: Any, given: Any, hint: str
) -> None:
    parameter = make.parameter(values=np.ones(shape))
    with pytest.raises(ShapeMismatch) as caught:
        parameter.assign(given)
    assert caught.value.hint == hint
    assert f"dense/kernel has the shape {shape}, the array given has {np.shape(given)}" in str(
        caught.value
    )
    assert (parameter.numpy() == 1).all()


def test_what_the_hints_say_works(make: Any) -> None:
    parameter = make.parameter(values=np.ones((2, 3)))
    array = np.arange(6.0).reshape(3, 2)
    parameter.assign(array.T)
    parameter.assign(array.reshape((2, 3)))
    parameter.assign(np.full((2, 3), 0.5, "float32"))
    assert (parameter.numpy() == 0.5).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2], r"dense/kernel is float32 \(float\), the array given is int64 \(integer\)"),
        ([True, False], "the array given is bool"),
        (["a", "b"], "the array given is str"),
        ([None, None], "the array given is object"),
        ([1j, 2j], "the array given is complex128"),
        ([1e300, 0.0], "beyond its range"),
    ],
)
def test_another_kind_or_an_overflow_is_refused(make: Any, given: Any, message: str) -> None:
    parameter = make.parameter(values=[1.0, 2.0])
    with pytest.raises(DtypeMismatch, match=message):
        parameter.assign(given)
    assert parameter.numpy().tolist() == [1, 2]


def test_both_refusals_are_assignment_errors(make: Any) -> None:
    parameter = make.parameter(values=[1.0, 2.0])
    for given in (np.zeros(3), np.zeros(2, "int8")):
        with pytest.raises(AssignmentError):
            parameter.assign(given)


# ------------------------------------------------ where the values came from


def test_provenance_is_told_until_other_values_are_assigned(make: Any) -> None:
    parameter = make.parameter(values=[1.0, 2.0])
    assert parameter.provenance is None
    assert "provenance" not in parameter.to_dict()
    known = Provenance("initialize", {"class": "Normal", "mean": float("inf")}, 3, "a", rule="**")
    remember(parameter.native, known)
    assert parameter.provenance is known
    assert parameter.to_dict()["provenance"] == {
        "action": "initialize",
        "initializer": {"class": "Normal", "mean": {"$float": "inf"}},
        "seed": 3,
        "address": "a",
        "rule": "**",
    }
    with pytest.raises(AssignmentError):
        parameter.assign([1, 2])
    assert parameter.provenance is known
    parameter.assign([3.0, 4.0])
    assert parameter.provenance is None


def test_provenance_is_of_one_array_as_long_as_it_lives(make: Any) -> None:
    parameter, other = make.parameter(values=[1.0]), make.parameter(values=[1.0])
    remember(parameter.native, Provenance("load", source="net.npz"))
    assert other.provenance is None
    held = id(parameter.native)
    del parameter
    gc.collect()
    assert held not in provenance._known


# ------------------------------------------------ comparing


def test_equality_is_of_every_bit(make: Any) -> None:
    one = make.parameter(values=[0.0, np.nan])
    assert one == make.parameter(values=[0.0, np.nan])
    assert one != make.parameter(values=[-0.0, np.nan])
    assert one != make.parameter(values=[1e-45, np.nan])


@pytest.mark.parametrize(
    "other",
    [
        {"address": "dense/bias"},
        {"dtype": "float16"},
        {"role": "frozen"},
        {"values": [[1.0, 2.0]]},
    ],
)
def test_equality_is_of_what_it_is_too(make: Any, other: Any) -> None:
    one = make.parameter(values=[1.0, 2.0])
    different = make.parameter(**({"values": [1.0, 2.0]} | other))
    assert one != different


def test_equality_reads_nothing_where_the_form_differs(make: Any) -> None:
    one, other = make.parameter(values=[1.0]), make.parameter(values=[1.0, 2.0])
    assert one != other
    assert one.store.reads == other.store.reads == 0


def test_a_parameter_equals_no_array_and_can_be_a_key(make: Any) -> None:
    parameter = make.parameter(values=[1.0])
    assert parameter.__eq__(3) is NotImplemented
    assert {parameter: 1}[make.parameter(values=[1.0])] == 1


def test_the_representation_does_not_read_the_values(make: Any) -> None:
    parameter = make.parameter(values=np.zeros((2, 3)))
    assert "(2, 3)" in repr(parameter)
    assert parameter.store.reads == 0

"""What holds for every initializer, at any place; and what each refuses."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parametry as pm
from parametry.core.dtype import numpy_dtype
from parametry.core.initializer import Initializer, Site
from parametry.errors import DtypeMismatch, RuleError

RANDOM: list[Initializer] = [
    pm.uniform(),
    pm.normal(),
    pm.truncated_normal(),
    pm.glorot_uniform(),
    pm.glorot_normal(),
    pm.he_uniform(),
    pm.he_normal(),
    pm.lecun_uniform(),
    pm.lecun_normal(),
    pm.variance_scaling(2.0, "fan_avg", "untruncated_normal"),
]
MATRICES: list[Initializer] = [pm.orthogonal(), pm.sparse(0.5), pm.lsuv()]
PLAIN: list[Initializer] = [pm.zeros(), pm.ones(), pm.constant(1)]
ALL = [*RANDOM, *MATRICES, *PLAIN, pm.identity(), pm.dirac()]
FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
OTHERS = ["int8", "uint8", "int32", "int64", "bool", "complex64", "int4"]
each = pytest.mark.parametrize("initializer", ALL, ids=str)


def place(shape: tuple[int, ...], dtype: str = "float32", address: str = "a/kernel") -> Site:
    return Site(address, shape, dtype, "Dense", "kernel", 4.0, 8.0)


@each
def test_it_is_an_initializer(initializer: Initializer) -> None:
    assert isinstance(initializer, Initializer)
    assert hash(initializer) == hash(dataclasses.replace(initializer))  # type: ignore[type-var]
    with pytest.raises((AttributeError, TypeError)):
        initializer.other = 1  # type: ignore[attr-defined]


@each
def test_plain_data_tells_class_and_arguments(initializer: Initializer) -> None:
    plain = json.loads(json.dumps(initializer.to_plain()))
    kind = type(initializer)
    assert plain.pop("class") == kind.__name__
    assert kind(**plain) == initializer


@each
@settings(deadline=None, max_examples=30)
@given(
    shape=st.lists(st.integers(0, 5), max_size=5).map(tuple),
    dtype=st.sampled_from([*FLOATS, *OTHERS]),
    seed=st.integers(),
    address=st.text(),
)
def test_any_place(
    initializer: Initializer, shape: tuple[int, ...], dtype: str, seed: int, address: str
) -> None:
    site = place(shape, dtype, address)
    try:
        values = initializer.values(site, seed)
    except RuleError as error:
        assert error.hint
        if initializer in PLAIN:
            raise
        right_axes = (3, 4, 5) if initializer == pm.dirac() else (2,)
        wrong_shape = initializer not in RANDOM and len(shape) not in right_axes
        assert wrong_shape or (dtype in OTHERS and initializer not in PLAIN)
        assert address in error.message
        return
    assert values.shape == shape
    assert values.dtype == numpy_dtype(dtype)
    assert values.flags.c_contiguous
    assert values.flags.writeable
    assert values.base is None or values.base.flags.owndata
    assert np.isfinite(values.astype(np.complex128)).all()
    assert initializer.values(site, seed).tobytes() == values.tobytes()


@pytest.mark.parametrize("initializer", [*RANDOM, *MATRICES], ids=str)
@pytest.mark.parametrize("dtype", OTHERS)
def test_random_values_are_floating(initializer: Initializer, dtype: str) -> None:
    with pytest.raises(RuleError, match=f"a/kernel is {dtype}: random values are .*\nhint: "):
        initializer.values(place((2, 3), dtype), 0)


@pytest.mark.parametrize("initializer", [*RANDOM, *MATRICES], ids=str)
def test_a_dtype_without_negative_numbers(initializer: Initializer) -> None:
    with pytest.raises(RuleError, match="float8_e8m0fnu, which has no negative numbers\nhint: "):
        initializer.values(place((2, 3), "float8_e8m0fnu"), 0)


@pytest.mark.parametrize(
    ("initializer", "dtype"),
    [
        (pm.uniform(0, 70_000), "float16"),
        (pm.uniform(-3e38, 3e38), "float32"),
        (pm.uniform(-1e308, 1e308), "float64"),
        (pm.normal(0, 10_000), "float16"),
        (pm.normal(0, 1e38), "float32"),
        (pm.truncated_normal(0, 300), "float8_e4m3fn"),
        (pm.variance_scaling(1e12, "fan_in", "uniform"), "float16"),
        (pm.orthogonal(1e39), "float32"),
        (pm.sparse(0.5, 1e39), "float32"),
    ],
    ids=str,
)
def test_values_beyond_the_dtype(initializer: Initializer, dtype: str) -> None:
    with pytest.raises(RuleError, match=f"a/kernel is {dtype}, which ends at .*\nhint: "):
        initializer.values(place((2, 3), dtype), 0)


@pytest.mark.parametrize("initializer", [*MATRICES, pm.identity(), pm.dirac()], ids=str)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_vectors_are_refused(initializer: Initializer, shape: tuple[int, ...]) -> None:
    with pytest.raises(RuleError, match=r"a/kernel has the shape .*\nhint: "):
        initializer.values(place(shape), 0)


NAN, INFINITE = math.nan, math.inf


@pytest.mark.parametrize(
    "make",
    [
        lambda: pm.constant(NAN),
        lambda: pm.constant("1"),  # type: ignore[arg-type]
        lambda: pm.constant(1j),  # type: ignore[arg-type]
        lambda: pm.constant(np.complex64(1j)),  # type: ignore[arg-type]
        lambda: pm.identity(INFINITE),
        lambda: pm.uniform(1, 0),
        lambda: pm.uniform(NAN, 1),
        lambda: pm.uniform(0, 10**400),
        lambda: pm.normal(0, -1),
        lambda: pm.normal(INFINITE),
        lambda: pm.normal(None),  # type: ignore[arg-type]
        lambda: pm.normal(True),
        lambda: pm.truncated_normal(0, NAN),
        lambda: pm.truncated_normal(0, -0.1),
        lambda: pm.variance_scaling(-1),
        lambda: pm.variance_scaling(1, "fan"),  # type: ignore[arg-type]
        lambda: pm.variance_scaling(1, "fan_in", "normal"),  # type: ignore[arg-type]
        lambda: pm.variance_scaling(1, ["fan_in"]),  # type: ignore[arg-type]
        lambda: pm.orthogonal(NAN),
        lambda: pm.sparse(-0.1),
        lambda: pm.sparse(1.1),
        lambda: pm.sparse(0.5, -1),
        lambda: pm.dirac(0),
        lambda: pm.dirac(1.0),  # type: ignore[arg-type]
        lambda: pm.dirac(True),
        lambda: pm.lsuv(0),
        lambda: pm.lsuv(1, -0.1),
        lambda: pm.lsuv(iterations=0),
        lambda: pm.lsuv(iterations=True),
    ],
)
def test_arguments_are_checked_at_once(make: Any) -> None:
    with pytest.raises(RuleError) as caught:
        make()
    assert caught.value.hint


def test_numbers_of_numpy_are_numbers() -> None:
    assert pm.normal(np.float32(0.5), np.int64(1)) == pm.normal(0.5, 1)  # type: ignore[arg-type]
    assert type(pm.normal(np.float32(0.5)).mean) is float  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "dtype", "wanted"),
    [
        (3, "int8", 3),
        (3.0, "uint8", 3),
        (2**62 + 1, "int64", 2**62 + 1),
        (1, "bool", True),
        (False, "bool", False),
        (-7, "int4", -7),
        (0.1, "float32", float(np.float32(0.1))),
        (0.5, "complex64", 0.5),
        (448, "float8_e4m3fn", 448),
    ],
)
def test_constants(value: float, dtype: str, wanted: float) -> None:
    values = pm.constant(value).values(place((2, 2), dtype), 0)
    assert values.tolist() == [[wanted] * 2] * 2
    assert values.dtype == numpy_dtype(dtype)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(0.5, "int8"), (300, "int8"), (-1, "uint8"), (2, "bool"), (1e5, "float16"), (9, "int4")],
)
def test_constants_that_a_dtype_cannot_hold(value: float, dtype: str) -> None:
    with pytest.raises((RuleError, DtypeMismatch), match=f"a/kernel is {dtype}.*\nhint: "):
        pm.constant(value).values(place((2,), dtype), 0)


def test_initializers_import_neither_numba_nor_a_framework() -> None:
    program = (
        "import sys, parametry as pm\n"
        "from parametry.core.initializer import Site\n"
        "site = Site('a/kernel', (64, 64), 'float32', 'Dense', 'kernel', 64, 64)\n"
        "for make in (pm.uniform, pm.he_normal, pm.orthogonal, pm.lsuv, pm.zeros):\n"
        "    make().values(site, 0)\n"
        "heavy = {'numba', 'scipy', 'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

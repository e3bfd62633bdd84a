"""Initializers whose values belong together: orthonormal, sparse, identities, LSUV's start."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import parametry as pm
from parametry.core.initializer import Initializer, Site
from parametry.errors import RuleError


def values(
    initializer: Initializer,
    shape: tuple[int, ...],
    dtype: str = "float32",
    *,
    layer: str = "Dense",
    name: str = "kernel",
    address: str = "a/kernel",
) -> NDArray[Any]:
    return initializer.values(Site(address, shape, dtype, layer, name, 4.0, 8.0), 0)


# ---------------------------------------------------------------- orthogonal


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "shape",
    [
        (1, 1),
        (2, 2),
        (5, 3),
        (3, 5),
        (64, 64),
        (200, 33),
        (33, 200),
        (1, 9),
        (3, 3, 8, 16),
        (2, 3, 4),
    ],
    ids=str,
)
def test_orthonormal(shape: tuple[int, ...], dtype: str) -> None:
    flat = values(pm.orthogonal(), shape, dtype).reshape(-1, shape[-1]).astype(np.float64)
    square = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
    assert abs(square - np.eye(len(square))).max() < (1e-6 if dtype == "float32" else 5e-15)


def test_gain() -> None:
    plain, scaled = (values(pm.orthogonal(gain), (8, 8), "float64") for gain in (1, -2))
    assert scaled.tolist() == (-2 * plain).tolist()


def test_it_is_the_q_of_a_qr_decomposition() -> None:
    # Reflection j is that of the Gaussian vector j: the first column of Q is the first one, made
    # one long, with its sign; so R's diagonal is positive.
    gauss = values(pm.normal(0, 1), (1, 6), "float64")[0]
    first = values(pm.orthogonal(), (6, 1), "float64")[:, 0]
    assert first == pytest.approx(gauss / np.linalg.norm(gauss), abs=1e-15)


def test_evenly_distributed_over_all_matrices() -> None:
    # For Haar's measure on n by n matrices, trace and determinant have mean 0 and the trace has
    # variance 1; without the signs of R's diagonal the trace is far off.
    matrices = [values(pm.orthogonal(), (4, 4), "float64", address=str(n)) for n in range(1500)]
    traces = np.array([np.trace(matrix) for matrix in matrices])
    assert abs(traces.mean()) < 5 / math.sqrt(1500)
    assert traces.var() == pytest.approx(1, abs=0.2)
    assert abs(np.mean([np.linalg.det(matrix) for matrix in matrices])) < 5 / math.sqrt(1500)
    squares = np.mean([matrix**2 for matrix in matrices], axis=0)
    assert squares == pytest.approx(np.full((4, 4), 0.25), abs=0.04)


def test_lsuv_starts_orthonormal() -> None:
    start = values(pm.lsuv(), (30, 20))
    assert start.tobytes() == values(pm.orthogonal(), (30, 20)).tobytes()


def test_lsuv_scales_to_the_variance_wanted() -> None:
    # The loop that an action drives, on a layer that is a plain product.
    rng = np.random.default_rng(0)
    sample, kernel = rng.normal(3, 5, (1000, 30)), values(pm.lsuv(), (30, 20), "float64")
    lsuv = pm.lsuv(variance=2, tolerance=1e-9)
    assert not lsuv.reached(float(np.var(sample @ kernel)))
    kernel *= lsuv.factor(float(np.var(sample @ kernel)), "a/kernel")
    assert lsuv.reached(float(np.var(sample @ kernel)))


@pytest.mark.parametrize("measured", [0.0, math.nan, math.inf, -1.0])
def test_lsuv_of_an_output_without_variance(measured: float) -> None:
    assert not pm.lsuv().reached(measured)
    with pytest.raises(RuleError, match=r"output of a/kernel's layer has the variance .*\nhint: "):
        pm.lsuv().factor(measured, "a/kernel")


# ---------------------------------------------------------------- sparse


@pytest.mark.parametrize("sparsity", [0, 0.01, 0.5, 0.9, 0.999999, 1])
@pytest.mark.parametrize("shape", [(10, 7), (1, 4), (3, 3, 4, 5)])
def test_each_output_has_its_zeros(sparsity: float, shape: tuple[int, ...]) -> None:
    flat = values(pm.sparse(sparsity), shape).reshape(-1, shape[-1])
    zeros = math.ceil(sparsity * len(flat))
    assert (flat == 0).sum(axis=0).tolist() == [zeros] * shape[-1]


def test_the_others_are_those_of_normal() -> None:
    thinned, whole = values(pm.sparse(0.5, 0.1), (40, 9)), values(pm.normal(0, 0.1), (40, 9))
    assert np.array_equal(thinned, np.where(thinned == 0, 0, whole))


def test_zeros_are_chosen_evenly() -> None:
    zero = values(pm.sparse(0.25), (40, 4000)) == 0
    share = zero.mean(axis=1)
    assert abs(share - 0.25).max() < 5 * math.sqrt(0.25 * 0.75 / 4000)
    pairs = np.corrcoef(zero.astype(float))[np.triu_indices(40, 1)]
    assert pairs.mean() == pytest.approx(-1 / 39, abs=0.005)  # a fixed number leaves room for less


# ---------------------------------------------------------------- identities


def test_identity() -> None:
    assert values(pm.identity(3), (2, 3)).tolist() == [[3, 0, 0], [0, 3, 0]]
    assert values(pm.identity(), (3, 2), "int8").tolist() == [[1, 0], [0, 1], [0, 0]]
    with pytest.raises(RuleError, match="dirac"):
        values(pm.identity(), (3, 2, 2))


def convolved(sample: NDArray[Any], kernel: NDArray[Any], groups: int) -> NDArray[Any]:
    """A convolution in one dimension, padded to the same length as Keras does it."""
    size, inputs, outputs = kernel.shape
    padded = np.pad(sample, ((((size - 1) // 2), size // 2), (0, 0)))
    out = np.zeros((len(sample), outputs))
    each = outputs // groups
    for group in range(groups):
        part = padded[:, group * inputs : (group + 1) * inputs]
        for tap in range(size):
            out[:, group * each : (group + 1) * each] += (
                part[tap : tap + len(sample)] @ kernel[tap][:, group * each : (group + 1) * each]
            )
    return out


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_dirac_passes_the_input_on(size: int, groups: int) -> None:
    sample = np.random.default_rng(0).normal(size=(10, 8))
    kernel = values(pm.dirac(groups), (size, 8 // groups, 8), layer="Conv1D")
    assert np.array_equal(convolved(sample, kernel, groups), sample)


def test_dirac_of_unlike_widths() -> None:
    sample = np.random.default_rng(0).normal(size=(10, 4))
    wide = convolved(sample, values(pm.dirac(), (3, 4, 6), layer="Conv1D"), 1)
    assert np.array_equal(wide, np.pad(sample, ((0, 0), (0, 2))))
    narrow = convolved(sample, values(pm.dirac(), (3, 4, 2), layer="Conv1D"), 1)
    assert np.array_equal(narrow, sample[:, :2])


@pytest.mark.parametrize(
    ("layer", "name"),
    [("DepthwiseConv2D", "kernel"), ("SeparableConv2D", "depthwise_kernel")],
)
def test_dirac_of_each_channel(layer: str, name: str) -> None:
    kernel = values(pm.dirac(), (3, 5, 4, 2), layer=layer, name=name)
    assert kernel[1, 2].tolist() == [[1, 1]] * 4
    assert kernel.sum() == 8


def test_dirac_in_three_dimensions() -> None:
    kernel = values(pm.dirac(), (3, 3, 3, 2, 2), "bfloat16", layer="Conv3D")
    assert kernel[1, 1, 1].astype(float).tolist() == [[1, 0], [0, 1]]
    assert kernel.astype(float).sum() == 2


def test_dirac_of_what_is_no_convolution() -> None:
    with pytest.raises(RuleError, match="3 groups cannot share\nhint: "):
        values(pm.dirac(3), (3, 2, 8), layer="Conv1D")
    with pytest.raises(RuleError, match="3 to 5 axes\nhint: identity"):
        values(pm.dirac(), (3, 2))

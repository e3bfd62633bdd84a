"""Arrays, tensors and tables are told by shape and dtype; large ones are not even read."""

from __future__ import annotations

import pathlib
import tracemalloc
from typing import Any

import numpy as np
import pandas
import pytest

from parametry.core.value import same, to_plain


def _peak(work: Any) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_huge_array_is_neither_read_nor_copied() -> None:
    huge = np.broadcast_to(np.float32(1), (1 << 14, 1 << 14))
    expected = {"$array": "numpy.ndarray", "shape": [1 << 14, 1 << 14], "dtype": "float32"}
    assert huge.nbytes == 1 << 30
    assert to_plain(huge) == expected
    assert _peak(lambda: to_plain({"x": [huge, huge]})) < 100_000


def test_a_mapped_file_is_not_read(tmp_path: pathlib.Path) -> None:
    mapped = np.memmap(tmp_path / "x", dtype="uint8", mode="w+", shape=(1 << 21,))
    assert to_plain(mapped) == {"$array": "numpy.memmap", "shape": [1 << 21], "dtype": "uint8"}


def test_a_small_array_has_a_hash_of_its_values() -> None:
    array = np.arange(12.0).reshape(3, 4)
    plain = to_plain(array)
    assert isinstance(plain, dict)
    assert plain["shape"] == [3, 4]
    assert len(str(plain["sha256"])) == 64
    assert to_plain(np.asfortranarray(array)) == plain
    assert to_plain(np.repeat(array, 2, axis=1)[:, ::2]) == plain
    array[0, 0] = 1
    assert to_plain(array) != plain


@pytest.mark.parametrize(
    ("value", "shape", "dtype"),
    [
        (np.zeros((0, 3)), [0, 3], "float64"),
        (np.array([object()]), [1], "object"),
        (np.array(["a", "bc"]), [2], "str64"),
        (np.ma.masked_array([1, 2], [True, False]), [2], "int64"),
        (np.zeros(2, dtype=[("a", "i4")]), [2], "void32"),
        (np.array(["a"], dtype=np.dtypes.StringDType()), [1], "StringDType128"),
        (pandas.Series([1.0]), [1], "float64"),
        (pandas.Index([1, 2]), [2], "int64"),
    ],
)
def test_arrays_of_all_kinds(check_plain: Any, value: Any, shape: Any, dtype: str) -> None:
    plain = check_plain(to_plain(value))
    assert plain["shape"] == shape
    assert plain["dtype"] == dtype


def test_masked_and_structured_scalars_do_no_harm(check_plain: Any) -> None:
    check_plain(to_plain([np.ma.masked, np.ma.array(1, mask=True), np.zeros((), "i4,f4")]))
    check_plain(to_plain(np.zeros(2, "i4,f4")[0]))


def test_a_table_is_its_shape() -> None:
    table = pandas.DataFrame({"secret": [1, 2], "other": [3, 4]})
    plain = to_plain(table)
    assert same(plain["shape"], [2, 2])
    assert "secret" not in str(plain)


class Tensor:
    """A tensor as frameworks have it: its class has a shape and a dtype."""

    def __init__(self, shape: Any, dtype: Any) -> None:
        self._known = shape, dtype

    shape = property(lambda self: self._known[0])
    dtype = property(lambda self: self._known[1])


def test_tensors_with_odd_shapes(check_plain: Any) -> None:
    def unknown_rank() -> Any:
        raise ValueError
        yield

    assert to_plain(Tensor((None, np.int64(3)), "float32"))["shape"] == [None, 3]  # type: ignore
    assert to_plain(Tensor(unknown_rank(), "f"))["shape"] is None  # type: ignore[call-overload]
    assert to_plain(Tensor(("a",), "f"))["shape"] is None  # type: ignore[call-overload]
    assert to_plain(Tensor((), "torch.float32"))["dtype"] == "float32"  # type: ignore
    endless = iter(int, 1)
    check_plain(to_plain(Tensor(endless, np.dtype("int8"))))

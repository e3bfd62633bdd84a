"""Values that stand in torch files beside their tensors, and the rules by which files are read.

Python's own pickles of plain data are read with Python's values as the oracle; what torch saves
here is read by the rules that ``torch_checkpoint`` documents.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import enum
import math
import pathlib
import pickle
import types
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.model import Model
from parametry.errors import FormatError
from parametry.formats.registry import open_file
from parametry.formats.torch_pickle import unpickle
from parametry.formats.torch_scan import Pickle, scan
from parametry.formats.torch_values import Instance, NumpyArray

PROTOCOLS = (2, 3, 4, 5)


class Mode(enum.Enum):
    FAST = "fast"


class Settings(dict[str, Any]):
    """As Lightning's AttributeDict: a dict of a class of its own."""


def run(content: bytes) -> Any:
    return unpickle(Pickle(content, "x.pt", 0, len(content)), lambda pid: None)[0]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**2000), 2**2000)
    | st.floats()
    | st.text()
    | st.binary(max_size=300)
    | st.complex_numbers()
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.tuples(inner, inner, inner, inner)
        | st.dictionaries(st.text(max_size=9) | st.integers(-(2**60), 2**60), inner, max_size=5)
    ),
    max_leaves=30,
)


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of one type; NaN equals NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    return bool(left == right)


@given(PLAIN, st.sampled_from(PROTOCOLS))
@settings(deadline=None, max_examples=300)
def test_plain_data_is_what_python_pickled(value: Any, protocol: int) -> None:
    content = pickle.dumps(value, protocol)
    assert same(run(content), value)
    assert scan(Pickle(content, "x.pt", 0, len(content)))[1] == len(content)


MOMENT = datetime.datetime(2026, 11, 22, 13, 30, 5, 123_456)
EQUIVALENT = [
    (collections.OrderedDict(a=1, b=2), {"a": 1, "b": 2}),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (collections.defaultdict(list, {"a": [1]}), {"a": [1]}),
    (collections.deque([1, 2], 5), [1, 2]),
    (bytearray(b"ab"), b"ab"),
    (slice(1, 2, None), slice(1, 2, None)),
    (range(3), range(3)),
    (MOMENT, MOMENT),
    (MOMENT.date(), MOMENT.date()),
    (MOMENT.time(), MOMENT.time()),
    (datetime.timedelta(days=-1, seconds=3), datetime.timedelta(days=-1, seconds=3)),
    (pathlib.PurePosixPath("/a/b"), "/a/b"),
    (pathlib.PurePosixPath("a/b"), "a/b"),
    (np.float32(0.1), np.float32(0.1)),
    (np.int64(-3), np.int64(-3)),
    (np.str_("añ"), np.str_("añ")),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value, expected", EQUIVALENT)
def test_objects_that_have_a_plain_form(value: Any, expected: Any, protocol: int) -> None:
    found = run(pickle.dumps(value, protocol))
    assert type(found) is type(expected)
    assert found == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", [{1, 2}, frozenset({"a"})])
def test_sets_keep_their_items(value: Any, protocol: int) -> None:
    assert set(run(pickle.dumps(value, protocol))) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        *(np.arange(6, dtype=code).reshape(2, 3) for code in ("i1", "u8", ">i4", "f2", "f8", "c8")),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(3.5),
        np.zeros((0, 2)),
        np.array([True, False]),
        np.array(["a", "bc"]),
    ],
)
def test_arrays_of_numpy(array: np.ndarray[Any, Any], protocol: int) -> None:
    found = run(pickle.dumps(array, protocol))
    assert isinstance(found, NumpyArray)
    assert found.array is not None
    assert found.array.dtype == array.dtype
    assert found.array.shape == array.shape
    assert np.array_equal(found.array, array)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_objects_and_records_are_not_represented(protocol: int) -> None:
    assert run(pickle.dumps(np.array([{}, None], dtype=object), protocol)).array is None
    assert run(pickle.dumps(np.zeros(2, "i4,f8"), protocol)).array is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_objects_are_their_class_and_state(protocol: int) -> None:
    found = run(pickle.dumps(argparse.Namespace(a=1), protocol))
    assert isinstance(found, Instance)
    assert (found.of.path, found.state) == ("argparse.Namespace", {"a": 1})
    assert run(pickle.dumps(types.SimpleNamespace(a=1), protocol)).state == {"a": 1}
    assert run(pickle.dumps(uuid.UUID(int=5), protocol)).of.path == "uuid.UUID"
    found = run(pickle.dumps(Settings(a=1), protocol))
    assert (found.of.name, found.items) == ("Settings", {"a": 1})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_made_by_calling_a_class_of_the_users_is_refused(protocol: int) -> None:
    with pytest.raises(FormatError, match=r"calls .*Mode.* not called"):
        run(pickle.dumps({"mode": Mode.FAST}, protocol))


def saved(path: Path, value: Any) -> Model:
    import torch

    torch.save(value, path)
    return open_file(path).model


def test_a_key_may_hold_anything_that_an_address_may_not(tmp_path: Path) -> None:
    import torch

    keys = ["a/b.c", "", "x..y", "%", "\x1b[2J", "Größe", ".weight"]
    model = saved(tmp_path / "a.pt", {key: torch.ones(1) for key in keys})
    assert list(model.parameters) == [
        *("a%2Fb/c", "%", "x/%/y", "%25", "%1B[2J", "Größe", "%/weight"),
    ]
    assert [entry.native_name for entry in model.parameters.values()] == keys


def test_two_networks_keep_their_keys_and_one_has_none(tmp_path: Path) -> None:
    import torch

    weight = {"weight": torch.ones(2)}
    two = saved(tmp_path / "two.pt", {"generator": weight, "critic": {"weight": torch.ones(3)}})
    assert list(two.parameters) == ["generator/weight", "critic/weight"]
    one = saved(tmp_path / "one.pt", {"generator": weight, "epoch": 1})
    assert list(one.parameters) == ["weight"]
    named = saved(tmp_path / "named.pt", {"ema": {"weight": torch.ones(3)}, "model": weight})
    assert list(named.parameters) == ["weight", "ema/weight"]
    inner = saved(tmp_path / "inner.pt", {"model": {"state_dict": weight, "epoch": 2}, "step": 5})
    assert list(inner.parameters) == ["weight"]
    assert {at: entry.value for at, entry in inner.hyperparameters.items()} == {
        "fit/epoch": 2,
        "fit/step": 5,
    }


def test_a_module_under_a_key_and_a_tensor_beside_it(tmp_path: Path) -> None:
    import torch

    model = saved(tmp_path / "a.pt", {"model": torch.nn.Linear(2, 1), "rng": torch.get_rng_state()})
    assert list(model.parameters) == ["weight", "bias", "rng"]
    assert model.parameters["rng"].role == "state"
    assert model.hyperparameters["model/in_features"].value == 2


def test_optimizers_are_numbered_and_lone_ones_are_read(tmp_path: Path) -> None:
    import torch

    def stepped(rate: float | torch.Tensor) -> dict[str, Any]:
        weight = torch.nn.Parameter(torch.ones(2))
        optimizer = torch.optim.Adam([weight], lr=rate, capturable=False)
        weight.grad = torch.ones(2)
        optimizer.step()
        return optimizer.state_dict()

    lone = saved(tmp_path / "lone.pt", stepped(0.5))
    assert len(lone.parameters) == 0
    assert lone.hyperparameters["optimizer/lr"].value == 0.5
    slots = ["optimizer/state/0/step", "optimizer/state/0/exp_avg", "optimizer/state/0/exp_avg_sq"]
    assert list(lone.optimizer_parameters) == slots
    both = saved(tmp_path / "both.pt", {"optimizers": [stepped(0.5), stepped(0.25)]})
    assert both.hyperparameters["optimizer_1/lr"].value == 0.25
    assert "optimizer_1/state/0/exp_avg" in both.optimizer_parameters
    # A rate that is a tensor is read: it is one number.
    rate = torch.tensor(0.125, dtype=torch.float64)
    assert saved(tmp_path / "rate.pt", stepped(rate)).hyperparameters["optimizer/lr"].value == 0.125


def test_a_wrapper_subclass_tells_what_it_is_made_of(tmp_path: Path) -> None:
    import torch
    from torch.testing._internal.two_tensor import TwoTensor

    model = saved(tmp_path / "a.pt", {"w": TwoTensor(torch.ones(2), torch.zeros(2))})
    assert list(model.parameters) == ["w/a", "w/b"]
    reasons = {gap.subject: gap.reason for gap in model.coverage}
    assert "TwoTensor" in reasons["w"]


def test_values_follow_no_tie_between_empty_tensors(tmp_path: Path) -> None:
    import torch

    nothing = torch.zeros(0, 3)
    model = saved(tmp_path / "a.pt", {"a": nothing, "b": nothing})
    assert list(model.parameters) == ["a", "b"]
    assert model.ties == ()


def test_a_repacked_archive_is_read_through_its_compression(tmp_path: Path) -> None:
    import zipfile

    golden = Path(__file__).parent / "golden" / "torch" / "views.pt"
    path = tmp_path / "views.pt"
    with zipfile.ZipFile(golden) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    contents = open_file(path)
    contents.check()
    expected = open_file(golden).model.parameters
    assert dict(contents.model.parameters) == dict(expected)
    assert contents.view("base") is None


@pytest.mark.parametrize("address", ["float32", "uint16", "float8_e5m2"])
def test_checking_finds_damage_in_every_storage(tmp_path: Path, address: str) -> None:
    golden = Path(__file__).parent / "golden" / "torch" / "dtypes.pt"
    raw = golden.read_bytes()
    at = raw.find(open_file(golden).model.parameters[address].numpy().tobytes())
    assert at > 0
    path = tmp_path / "damaged.pt"
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    with pytest.raises(FormatError, match="checksum"):
        open_file(path).check()


def test_secrets_of_a_script_are_withheld(tmp_path: Path) -> None:
    import torch

    args = {"hf_token": "hf_abcdef", "max_tokens": 7, "lr": 0.1}
    view = saved(tmp_path / "net.pt", {"model": {"a.weight": torch.zeros(1)}, "args": args})
    assert "hf_abcdef" not in view.to_json()
    assert view.hyperparameters.select("script/**").to_json().count("withheld") == 1

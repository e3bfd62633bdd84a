"""Torch files of every kind against torch itself: each array is the same, bit for bit.

The golden files were written by torch 2.13 (``golden/torch/write.py``); what they hold is asked of
the torch that is installed.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parametry.core.dtype import numpy_dtype
from parametry.formats.registry import open_file

GOLDEN = Path(__file__).parent / "golden" / "torch"
STATE_DICTS = ("state_dict.pt", "state_dict_legacy.pt", "state_dict_protocol_5.pt")


def bits(tensor: Any) -> np.ndarray[Any, Any]:
    """The bytes of a tensor as NumPy holds them."""
    import torch

    dense = tensor.detach().resolve_conj().resolve_neg().contiguous()
    if dense.is_quantized:
        dense = dense.int_repr()
    return dense.reshape(-1).view(torch.uint8).numpy()


def loaded(name: str, *, weights_only: bool = True) -> Any:
    """What torch reads."""
    import torch

    return torch.load(GOLDEN / name, weights_only=weights_only, map_location="cpu")


def must_be_equal(found: Any, tensor: Any) -> None:
    array = found.numpy()
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert np.array_equal(array.reshape(-1).view(np.uint8), bits(tensor)), found.address
    name = str(tensor.dtype).removeprefix("torch.")
    if name != "complex32" and not tensor.is_quantized:
        assert found.dtype == name
        assert found.shape == tuple(tensor.shape)
    assert array.dtype == numpy_dtype(found.dtype)
    assert array.shape == found.shape


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "name",
    [
        *("dtypes.pt", "dtypes_legacy.pt", "views.pt", "views_legacy.pt"),
        *STATE_DICTS,
    ],
)
def test_every_tensor_is_the_one_that_torch_reads(name: str) -> None:
    contents = open_file(GOLDEN / name)
    contents.check()
    expected = loaded(name, weights_only="protocol" not in name)  # which knows protocol 2 alone
    parameters = contents.model.parameters
    tied = {alias for tie in contents.model.ties for alias in tie.aliases}
    turned = {alias for tie in contents.model.ties for alias in tie.transposed}
    for key, tensor in expected.items():
        address = key.replace(".", "/")
        assert address in parameters
        must_be_equal(parameters[address], tensor.t() if address in turned else tensor)
    assert len(parameters) + len(tied) == len(expected)
    addresses = [key.replace(".", "/") for key in expected]
    assert list(parameters) == [address for address in addresses if address not in tied]


@pytest.mark.parametrize("name", ["dtypes.pt", "dtypes_legacy.pt", "views.pt", "tar.pt"])
def test_what_is_mapped_is_what_is_read_and_only_read(name: str) -> None:
    contents = open_file(GOLDEN / name)
    seen = 0
    for address, found in contents.model.parameters.items():
        view = contents.view(address)
        if view is not None:
            seen += 1
            assert view.tobytes() == found.numpy().tobytes()
            assert view.shape == found.shape
            with pytest.raises(ValueError, match="read-only"):
                view[...] = 0
    assert seen > 1


def test_the_other_byte_order_is_turned_and_not_mapped() -> None:
    contents = open_file(GOLDEN / "dtypes_big_endian.pt")
    little = open_file(GOLDEN / "dtypes.pt").model.parameters
    assert contents.view("float32") is None
    assert contents.view("int8") is not None
    expected = loaded("dtypes_big_endian.pt")
    for address, found in contents.model.parameters.items():
        width = found.numpy().itemsize // (2 if found.dtype.startswith("complex") else 1)
        # The file has the bytes of the other one, so each number is that one's turned around.
        turned = little[address].numpy().reshape(-1).view(f"u{width}").byteswap()
        assert turned.tobytes() == found.numpy().tobytes(), address
        # torch 2.13 itself forgets to turn what it writes as untyped storages.
        if address not in ("complex32", "uint16", "uint32", "uint64"):
            must_be_equal(found, expected[address])


@pytest.mark.parametrize("name", ["whole.pt", "whole_legacy.pt", "scripted.pt"])
def test_a_whole_model_has_the_arrays_of_its_state_dict(name: str) -> None:
    model = open_file(GOLDEN / name).model
    expected = loaded("state_dict.pt")
    turned = {alias for tie in model.ties for alias in tie.transposed}
    for key, tensor in expected.items():
        address = key.replace(".", "/")
        must_be_equal(model.parameters[address], tensor.t() if address in turned else tensor)
    assert {entry.native_name for entry in model.parameters.values()} <= set(expected)


def test_a_checkpoint_has_every_tensor_of_model_and_optimizer() -> None:
    model = open_file(GOLDEN / "checkpoint.pt").model
    expected = loaded("checkpoint.pt", weights_only=False)
    for key, tensor in expected["model"].items():
        if key != "decoder.weight":
            must_be_equal(model.parameters[key.replace(".", "/")], tensor)
    slots = model.optimizer_parameters
    for index, state in expected["optimizer"]["state"].items():
        for name, tensor in state.items():
            must_be_equal(slots[f"optimizer/state/{index}/{name}"], tensor)
    assert len(slots) == sum(map(len, expected["optimizer"]["state"].values()))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quantized_and_sparse_tensors_give_their_parts() -> None:
    model = open_file(GOLDEN / "special.pt").model
    expected = loaded("special.pt", weights_only=False)
    parameters = model.parameters
    must_be_equal(parameters["affine"], expected["affine"])
    must_be_equal(parameters["channels"], expected["channels"])
    must_be_equal(parameters["channels/scales"], expected["channels"].q_per_channel_scales())
    must_be_equal(parameters["sparse/values"], expected["sparse"]._values())
    must_be_equal(parameters["sparse/indices"], expected["sparse"]._indices())
    must_be_equal(parameters["rows/compressed"], expected["rows"].crow_indices())
    must_be_equal(parameters["rows/values"], expected["rows"].values())
    must_be_equal(parameters["tagged"], expected["tagged"])
    assert model.hyperparameters["model/affine/scale"].value == 0.5
    reasons = {gap.subject: gap.reason for gap in model.coverage}
    assert "sparse" in reasons["sparse"]
    assert "meta device" in reasons["meta"]
    assert "quantized" in reasons["affine"]
    assert "sparse" not in parameters
    assert "meta" not in parameters


def test_reading_needs_neither_torch_nor_any_module_that_the_file_names() -> None:
    script = f"""
        import sys
        from pathlib import Path
        from parametry.formats.registry import open_file

        for path in sorted(Path({str(GOLDEN)!r}).glob("*.[pc]*t")):
            contents = open_file(path)
            contents.check()
            assert len(contents.model.parameters) and contents.model.to_dict()
        new = set(sys.modules) - BEFORE
        assert not new & {{"torch", "pickle", "tarfile"}}
    """
    before = "import sys, numpy, zipfile\nimport parametry.core.value\nBEFORE = set(sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", before + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr

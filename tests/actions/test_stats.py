"""`parametry.stats` of views, files and arrays."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import parametry as pm
from parametry.core.mappings import Parameters
from parametry.core.parameter import Parameter
from parametry.core.provenance import Provenance
from parametry.core.value import Plain


@dataclass
class Memory:
    """A parameter's values in an ordinary array; knows how many arrays were out at a time."""

    array: NDArray[Any]
    reads: list[str] = field(default_factory=list)

    def read(self) -> NDArray[Any]:
        self.reads.append("read")
        return self.array.copy()

    def write(self, array: NDArray[Any]) -> None:
        raise AssertionError("looking changes nothing")

    def declared(self) -> dict[str, Plain]:
        return {}

    def provenance(self) -> Provenance | None:
        return None

    @property
    def native(self) -> Any:
        return self.array


@dataclass
class Mapped(Memory):
    """One that can be looked at where it lies, or says that it cannot."""

    scattered: bool = False

    def view(self) -> NDArray[Any] | None:
        self.reads.append("view")
        return None if self.scattered else self.array


def parameter(address: str, store: Memory, dtype: str | None = None) -> Parameter:
    return Parameter(
        address=address,
        native_name=address,
        shape=store.array.shape,
        dtype=dtype or store.array.dtype.name,
        role="trainable",
        layer=address.rpartition("/")[0],
        layer_class="Dense",
        store=store,
        aliases=("head/kernel",) if address == "dense/kernel" else (),
    )


def parameters() -> Parameters:
    stores: dict[str, Memory] = {
        "dense/kernel": Memory(np.array([[1.0, -2.0], [0.0, 5.0]], np.float32)),
        "dense/bias": Memory(np.array([np.nan, np.inf, 1.0], np.float16)),
        "norm/gamma": Mapped(np.ones(4)),
    }
    held = {address: parameter(address, store) for address, store in stores.items()}
    held["words"] = parameter("words", Memory(np.zeros(2)), dtype="string")
    return Parameters(held, source="model 'net'", aliases={"head/kernel": "dense/kernel"})


def test_every_parameter_by_address() -> None:
    found = pm.stats(parameters())
    assert isinstance(found, pm.Statistics)
    assert list(found) == ["dense/kernel", "dense/bias", "norm/gamma"]
    kernel = found["dense/kernel"]
    assert (kernel.shape, kernel.dtype, kernel.exact) == ((2, 2), "float32", True)
    assert (kernel.min, kernel.max, kernel.mean, kernel.zeros) == (-2.0, 5.0, 1.0, 1)
    assert kernel.l2 == pytest.approx(math.sqrt(30))
    assert kernel.median == 0.5
    assert found["head/kernel"] is kernel
    assert list(found.nonfinite()) == ["dense/bias"]
    assert (found["dense/bias"].nan, found["dense/bias"].positive_infinity) == (1, 1)
    assert found.total.count == 11
    assert [str(gap) for gap in found.gaps] == ["words: string values are no numbers"]


def test_some_parameters() -> None:
    assert list(pm.stats(parameters(), select="**/kernel")) == ["dense/kernel"]
    assert list(pm.stats(parameters(), select=["norm/*", "dense/bias"])) == [
        "dense/bias",
        "norm/gamma",
    ]
    with pytest.raises(pm.NothingMatched, match="'\\*\\*/beta' matches no parameter in model"):
        pm.stats(parameters(), select="**/beta")


def test_values_are_looked_at_where_they_lie() -> None:
    store, scattered = Mapped(np.ones(3)), Mapped(np.ones(3), scattered=True)
    pm.stats(parameter("a", store))
    pm.stats(parameter("a", scattered))
    assert (store.reads, scattered.reads) == (["view"], ["view", "read"])


def test_one_parameter_and_an_array() -> None:
    entry = parameters()["dense/kernel"]
    assert pm.stats(entry)["dense/kernel"] == pm.stats(parameters())["dense/kernel"]
    found = pm.stats(np.arange(4))
    assert found["array"].mean == 1.5
    assert repr(found).splitlines()[0].startswith("PARAMETER")
    with pytest.raises(pm.DtypeMismatch):
        pm.stats(np.array(["text"]))


def test_a_file(tmp_path: Path) -> None:
    arrays = {"a/kernel": np.arange(6.0, dtype=np.float32).reshape(2, 3), "b": np.array([np.nan])}
    np.savez(tmp_path / "net.npz", **arrays)
    for source in (
        tmp_path / "net.npz",
        str(tmp_path / "net.npz"),
        pm.inspect(tmp_path / "net.npz"),
    ):
        found = pm.stats(source)
        assert found["a/kernel"].mean == 2.5
        assert list(found.nonfinite()) == ["b"]
    with pytest.raises(pm.SourceMissing, match="there is no file"):
        pm.stats(tmp_path / "gone.npz")


@pytest.mark.parametrize("source", [None, 3, object(), np.ndarray, Parameter])
def test_what_is_none_of_these(source: Any) -> None:
    with pytest.raises(pm.NotAModel, match=r"is no model and no array\nhint: "):
        pm.stats(source)


# ---------------------------------------------------------------- as text and HTML


def test_the_table() -> None:
    lines = repr(pm.stats(parameters())).splitlines()
    assert lines[0].split()[:4] == ["PARAMETER", "TYPE", "SHAPE", "NONFINITE"]
    rows = {line.split()[0]: line for line in lines[1:] if line}
    assert rows["dense/bias"].split()[:5] == ["dense/bias", "float16", "(3,)", "2", "1"]
    assert "no numbers in words" in lines[-1]
    assert lines[-1].startswith("3 arrays")
    assert any(line.startswith("all together") for line in lines)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_the_table_fits(width: int) -> None:
    from parametry.show.text import mapping

    lines = mapping(pm.stats(parameters()), width=width).splitlines()
    assert max(map(len, lines)) <= width


def test_what_is_not_finite_is_shown_first_where_not_all_is_shown() -> None:
    many = {f"layer_{i}/kernel": np.ones(2) for i in range(300)}
    many["layer_299/kernel"][0] = np.nan
    held = {address: parameter(address, Memory(array)) for address, array in many.items()}
    lines = repr(pm.stats(Parameters(held))).splitlines()
    assert len(lines) < 100
    assert lines[1].startswith("layer_299/kernel")
    assert "300 arrays" in lines[-1]


def test_html_escapes_and_ends() -> None:
    address = "<script>alert(1)</script>"
    held = {address: parameter(address, Memory(np.array([np.nan, 1.0])))}
    text = pm.stats(Parameters(held))._repr_html_()
    assert "<script>" not in text and "&lt;script&gt;" in text
    many = {f"a{i}": parameter(f"a{i}", Memory(np.ones(1))) for i in range(3000)}
    assert len(pm.stats(Parameters(many))._repr_html_().encode()) < 200_000


def test_stats_of_a_file_imports_no_framework(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", a=np.ones(100_000))
    program = (
        "import sys, parametry as pm\n"
        f"print(pm.stats({str(tmp_path / 'net.npz')!r}, exact=True))\n"
        "loaded = {'keras', 'tensorflow', 'jax', 'torch', 'numba', 'rich', 'click', 'h5py'}\n"
        "assert not loaded & set(sys.modules), loaded & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

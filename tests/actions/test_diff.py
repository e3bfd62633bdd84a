"""`pm.diff` of two views, without a framework."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import parametry as pm
from parametry.core.hyperparameter import Origin
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import ties_of
from parametry.core.phase import Phases
from parametry.core.report import Report
from parametry.core.value import UNSET


@dataclass
class Memory:
    """A parameter's values in an ordinary array, with how often they were read."""

    array: NDArray[Any]
    reads: int = 0

    def read(self) -> NDArray[Any]:
        self.reads += 1
        return self.array.copy()

    def write(self, array: NDArray[Any]) -> None:
        raise AssertionError("diff writes nothing")

    def declared(self) -> dict[str, Any]:
        return {}

    @property
    def native(self) -> Any:
        return self.array


class Gone(Memory):
    def read(self) -> NDArray[Any]:
        raise pm.ValueUnavailable("a has no values", hint="inspect it earlier")


def parameter(address: str, values: Any = (1.0, 2.0), **known: Any) -> pm.Parameter:
    store = known.pop("store", None) or Memory(np.asarray(values, known.get("dtype", "float32")))
    settings: dict[str, Any] = {
        "native_name": address, "role": "trainable", "layer": "", "layer_class": "Dense",
        "dtype": "float32",
    }  # fmt: skip
    return pm.Parameter(address=address, shape=store.array.shape, store=store, **settings | known)


def choice(address: str, value: Any, origin: Origin | None = None, passed: Any = UNSET) -> Any:
    return pm.Hyperparameter(address, value, passed, origin)


def model(
    parameters: Iterable[pm.Parameter] = (),
    chosen: Iterable[pm.Hyperparameter] = (),
    slots: Iterable[pm.Parameter] = (),
    class_name: str = "keras.Sequential",
) -> pm.Model:
    held = Parameters({entry.address: entry for entry in parameters})
    return pm.Model(
        name="net",
        class_name=class_name,
        framework="keras (jax)",
        parameters=held,
        optimizer_parameters=Parameters({entry.address: entry for entry in slots}),
        hyperparameters=Hyperparameters({entry.address: entry for entry in chosen}),
        layers=Layers({}),
        ties=ties_of(held),
        phases=Phases({}),
        gaps=tuple,
    )


# ---------------------------------------------------------------- what was chosen


def test_unset_none_default_and_equal_are_four_things() -> None:
    first = model(chosen=[
        choice("m/equal", 1, "explicit"),
        choice("m/none", None, "default"),
        choice("m/changed", 1, "explicit"),
        choice("m/gone", None, "explicit"),
        choice("m/origin", 3, "default"),
    ])  # fmt: skip
    second = model(chosen=[
        choice("m/new", None, "default"),
        choice("m/origin", 3, "explicit"),
        choice("m/changed", 2, "default"),
        choice("m/none", 0, "explicit"),
        choice("m/equal", 1, "explicit"),
    ])  # fmt: skip
    found = pm.diff(first, second)
    assert [(each.address, each.kind) for each in found.hyperparameters.values()] == [
        ("m/none", "changed"),
        ("m/changed", "changed"),
        ("m/gone", "removed"),
        ("m/new", "added"),
    ]
    assert list(found.origins) == ["m/origin"]
    assert found.hyperparameters["m/new"].first is None
    assert found.hyperparameters["m/none"].first.value is None
    assert found.compared.hyperparameters == 6
    assert found


def test_another_origin_of_one_value_is_told_and_is_no_difference() -> None:
    first = model(chosen=[choice("fit/batch_size", 32, "derived", None), choice("fit/epochs", 1)])
    second = model(chosen=[choice("fit/batch_size", 32, "explicit"),
                           choice("fit/epochs", 1, "explicit")])  # fmt: skip
    found = pm.diff(first, second)
    assert not found
    # Where one side's origin is not known, nobody can say that it differs.
    assert list(found.origins) == ["fit/batch_size"]
    passed = model(chosen=[choice("fit/batch_size", 32, "derived", "auto")])
    assert list(pm.diff(first, passed, select="fit/batch_size").origins) == ["fit/batch_size"]


@pytest.mark.parametrize(
    ("kind", "first", "second", "differs"),
    [
        ("keras.layers.Dense", "dense", "dense_7", False),
        ("keras.layers.Dense", "dense_3", "head", True),
        ("keras.layers.Dense", "conv_1", "conv_2", True),
        (None, "dense_1", "dense_2", True),
        (7, "dense_1", "dense_2", True),
        ("keras.layers.Dense", "dense_1", None, True),
    ],
)
def test_names_that_were_counted_tell_nothing(
    kind: Any, first: Any, second: Any, differs: bool
) -> None:
    def side(name: Any) -> pm.Model:
        entries = [choice("model/dense/name", name), choice("model/dense/other", name)]
        return model(chosen=[*entries, *([choice("model/dense/class", kind)] if kind else [])])

    found = pm.diff(side(first), side(second))
    assert ("model/dense/name" in found.hyperparameters) is differs
    assert "model/dense/other" in found.hyperparameters


def test_a_model_of_another_class_has_a_counted_name_too() -> None:
    first = model(chosen=[choice("model/name", "sequential_2")], class_name="keras.Sequential")
    second = model(chosen=[choice("model/name", "functional_9")], class_name="keras.Model")
    assert not pm.diff(first, second)


# ---------------------------------------------------------------- what was learned


def test_each_aspect_of_a_parameter() -> None:
    first = model([
        parameter("same"), parameter("shape", [1.0]), parameter("dtype"),
        parameter("role"), parameter("values"), parameter("old/w"),
    ])  # fmt: skip
    second = model([
        parameter("new/w"), parameter("values", (1.0, 3.0)), parameter("role", role="frozen"),
        parameter("dtype", dtype="float64"), parameter("shape"), parameter("same"),
    ])  # fmt: skip
    found = pm.diff(first, second)
    assert {at: each.differs for at, each in found.parameters.items()} == {
        "shape": ("shape",), "dtype": ("dtype",), "role": ("role",), "values": ("values",),
        "old/w": (), "new/w": (),
    }  # fmt: skip
    assert list(found.parameters) == ["shape", "dtype", "role", "values", "old/w", "new/w"]
    assert found.parameters["old/w"].nearest == "new/w"
    assert found.parameters["new/w"].nearest == "old/w"
    assert found.parameters["values"].values.max_abs == 1.0
    assert found.parameters["dtype"].values is None
    assert found.compared.parameters == 7


def test_without_values_none_is_read() -> None:
    sides = [model([parameter("a", values), parameter("b", store=Gone(np.zeros(2)))])
             for values in ((1.0,), (2.0,))]  # fmt: skip
    found = pm.diff(*sides, values=False)
    assert not found
    assert not found.compared.values
    assert all(entry.store.reads == 0 for side in sides for entry in side.parameters.values())


def test_values_that_cannot_be_read_say_how_to_go_on() -> None:
    side = model([parameter("a", store=Gone(np.zeros(2)))])
    with pytest.raises(pm.ValueUnavailable, match=r"(?s)earlier.*values=False"):
        pm.diff(side, side)


def test_each_value_is_read_once() -> None:
    sides = [model([parameter("a", aliases=("b", "c")), parameter("d")]) for _ in range(2)]
    assert not pm.diff(*sides)
    assert [entry.store.reads for side in sides for entry in side.parameters.values()] == [1] * 4


@pytest.mark.parametrize(("tolerance", "differs"), [(0, True), (0.5, True), (1, False)])
def test_a_tolerance(tolerance: float, differs: bool) -> None:
    first, second = model([parameter("a")]), model([parameter("a", (1.0, 3.0))])
    found = pm.diff(first, second, tolerance=tolerance)
    assert bool(found) is differs
    assert found.compared.tolerance == tolerance


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_a_tolerance_that_is_none(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        pm.diff(model(), model(), tolerance=tolerance)


def test_slots_are_compared_when_asked_for() -> None:
    first = model(slots=[parameter("adam/m"), parameter("adam/v", role="optimizer")])
    second = model(slots=[parameter("adam/m", (0.0, 0.0))])
    assert not pm.diff(first, second)
    found = pm.diff(first, second, optimizer=True)
    assert {at: each.kind for at, each in found.optimizer_parameters.items()} == {
        "adam/m": "changed", "adam/v": "removed",
    }  # fmt: skip
    assert not found.parameters
    assert (found.compared.parameters, found.compared.optimizer_parameters) == (0, 2)
    assert found


# ---------------------------------------------------------------- ties


def test_ties_of_one_side_alone() -> None:
    tied, copied = model([parameter("a", aliases=("b",))]), model([parameter("a"), parameter("b")])
    found = pm.diff(tied, copied)
    assert [(each.kind, str(each.tie)) for each in found.ties] == [("removed", "a = b")]
    assert not found.parameters
    assert found
    assert [each.kind for each in pm.diff(copied, tied).ties] == ["added"]
    assert not pm.diff(tied, model([parameter("b", aliases=("a",))]))


def test_a_transposed_tie_is_compared_transposed() -> None:
    table = np.arange(6.0).reshape(2, 3)
    tied = model([parameter("a", table, aliases=("b",), transposed=frozenset({"b"}))])
    copied = model([parameter("a", table), parameter("b", table.T)])
    found = pm.diff(tied, copied)
    assert not found.parameters
    assert len(found.ties) == 1
    other = model([parameter("a", table), parameter("b", table.T + 1)])
    found = pm.diff(tied, other)
    assert list(found.parameters) == ["b"]
    assert found.parameters["b"].transposed
    assert found.parameters["b"].values.max_abs == 1.0
    square = model([parameter("a", table), parameter("b", table)])
    assert pm.diff(tied, square).parameters["b"].differs == ("shape",)


# ---------------------------------------------------------------- which addresses


def both() -> tuple[pm.Model, pm.Model]:
    def side(value: float) -> pm.Model:
        return model(
            [parameter("dense/kernel", [value]), parameter("dense/bias", [value], aliases=("b",))],
            [choice("model/dense/units", value), choice("environment/device", str(value))],
            [parameter("adam/m", [value])],
        )

    return side(1.0), side(2.0)


def differing(found: pm.Difference) -> list[str]:
    return [*found.hyperparameters, *found.parameters, *found.optimizer_parameters]


def test_select_and_ignore() -> None:
    first, second = both()
    assert differing(pm.diff(first, second)) == [
        "model/dense/units", "environment/device", "dense/kernel", "dense/bias",
    ]  # fmt: skip
    assert differing(pm.diff(first, second, select="**/kernel")) == ["dense/kernel"]
    assert differing(pm.diff(first, second, select=["dense/kernel", "model/**"])) == [
        "model/dense/units", "dense/kernel",
    ]  # fmt: skip
    found = pm.diff(first, second, select="b")
    assert differing(found) == ["dense/bias"]
    assert found.compared.select == ("b",)
    assert "environment/device" not in differing(pm.diff(first, second, ignore="environment/**"))
    ignore = ["**/*s", "environment/**", "b", "nothing/at/all"]
    assert differing(pm.diff(first, second, ignore=ignore)) == ["dense/kernel"]
    assert differing(pm.diff(first, second, select="adam/*", optimizer=True)) == ["adam/m"]


def test_a_pattern_that_selects_nothing() -> None:
    with pytest.raises(pm.NothingMatched, match=r"(?s)'dense/kernle'.*nearest: dense/kernel"):
        pm.diff(*both(), select=["model/**", "dense/kernle"])
    with pytest.raises(pm.NothingMatched, match="optimizer=True"):
        pm.diff(*both(), select="adam/*")
    with pytest.raises(pm.NothingMatched):
        pm.diff(model(), model(), select="*")
    with pytest.raises(pm.PatternError):
        pm.diff(model(), model(), ignore="[")


def test_ties_are_selected_by_any_of_their_addresses() -> None:
    tied, copied = model([parameter("a", aliases=("b",))]), model([parameter("a"), parameter("b")])
    assert len(pm.diff(tied, copied, select="b").ties) == 1
    assert not pm.diff(tied, copied, ignore="b").ties


# ---------------------------------------------------------------- the whole


def test_nothing_differs_of_what_is_the_same() -> None:
    first, _ = both()
    found = pm.diff(first, first)
    assert not found
    assert found.to_dict()["equal"] is True
    assert differing(pm.diff(model(), model())) == []


def test_a_to_b_is_the_reverse_of_b_to_a() -> None:
    first = model([parameter("x/w"), parameter("y")], [choice("a", 1), choice("b", 2)])
    second = model([parameter("z/w"), parameter("y", [5.0, 5.0])], [choice("b", 3), choice("c", 4)])
    one, other = pm.diff(first, second), pm.diff(second, first)
    reverse = {"removed": "added", "added": "removed", "changed": "changed"}
    for name in ("hyperparameters", "parameters"):
        kinds = {at: each.kind for at, each in getattr(one, name).items()}
        back = {at: reverse[each.kind] for at, each in getattr(other, name).items()}
        assert kinds == back
    assert one.parameters["y"].values.max_abs == other.parameters["y"].values.max_abs


@pytest.mark.parametrize(
    ("thing", "hint"),
    [
        (3, "inspect"),
        (None, "inspect"),
        (dict, "make one first"),
    ],
)
def test_what_is_no_model(thing: Any, hint: str) -> None:
    with pytest.raises(pm.NotAModel, match=rf"(?s)the second .*{hint}"):
        pm.diff(model(), thing)
    with pytest.raises(pm.NotAModel, match="the first "):
        pm.diff(thing, thing)


def test_a_report_has_models_to_compare() -> None:
    report = Report("train.py", "finished", Hyperparameters({}), {"model": model()}, Phases({}), ())
    with pytest.raises(pm.NotAModel, match=r"report\.models\['model'\]"):
        pm.diff(report, model())


def test_a_file_is_a_side(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", **{"a/kernel": np.zeros(3, "float32")})  # type: ignore[arg-type]
    np.savez(tmp_path / "two.npz", **{"a/kernel": np.ones(3, "float32")})  # type: ignore[arg-type]
    found = pm.diff(tmp_path / "one.npz", str(tmp_path / "two.npz"))
    assert list(found.parameters) == ["a/kernel"]
    assert not pm.diff(tmp_path / "one.npz", pm.inspect(tmp_path / "one.npz"))
    with pytest.raises(pm.SourceMissing):
        pm.diff(tmp_path / "one.npz", tmp_path / "gone.npz")


# ---------------------------------------------------------------- other names, other layouts


def of(framework: str, *entries: pm.Parameter) -> pm.Model:
    return dataclasses.replace(model(entries), framework=framework)


def kernels(shape: tuple[int, ...]) -> NDArray[Any]:
    return np.arange(float(np.prod(shape)), dtype="float32").reshape(shape)


def test_map_says_where_the_first_stand_in_the_second() -> None:
    first = model([parameter("body/a/w"), parameter("body/b/w", (3.0, 4.0)), parameter("seed")])
    second = model([parameter("x/a/v"), parameter("x/b/v", (3.0, 5.0))])
    found = pm.diff(first, second, map={"body/*/w": "x/*/v", "seed": None})
    assert {at: each.differs for at, each in found.parameters.items()} == {"body/b/w": ("values",)}
    assert found.parameters["body/b/w"].second.address == "x/b/v"  # type: ignore[union-attr]
    assert found.compared.parameters == 2
    renames = {"body/a/w": "x/a/v", "body/b/w": "x/b/v", "seed": "seed"}
    found = pm.diff(first, second, map=renames.__getitem__)
    assert {at: each.kind for at, each in found.parameters.items()} == {
        "body/b/w": "changed", "seed": "removed",
    }  # fmt: skip


def test_a_map_that_cannot_be_meant() -> None:
    first, second = model([parameter("a"), parameter("b")]), model([parameter("c")])
    with pytest.raises(pm.NothingMatched, match=r"(?s)'a' to 'd', which the second.*nearest: "):
        pm.diff(first, second, map={"a": "d"})
    with pytest.raises(pm.NothingMatched, match="matches nothing"):
        pm.diff(first, second, map={"x": "c"})
    with pytest.raises(pm.LoadError, match=r"both 'a' and 'b' to 'c'"):
        pm.diff(first, second, map={"a": "c", "b": "c"})
    # What other addresses of the same rule lead to is there, so that these are a finding.
    found = pm.diff(model([parameter("x/1"), parameter("x/2")]), model([parameter("y/1")]),
                    map={"x/*": "y/*"})  # fmt: skip
    assert {at: each.kind for at, each in found.parameters.items()} == {"x/2": "removed"}


def test_a_map_follows_ties() -> None:
    tied = model([parameter("a", aliases=("b",))])
    apart = model([parameter("x"), parameter("y", (1.0, 3.0))])
    found = pm.diff(tied, apart, map={"a": "x", "b": "y"})
    assert {at: each.differs for at, each in found.parameters.items()} == {"b": ("values",)}


def test_transposed_on_request() -> None:
    table = kernels((2, 3))
    first, second = model([parameter("a", table)]), model([parameter("b", table.T)])
    assert pm.diff(first, second, map={"a": "b"}).parameters["a"].differs == ("shape",)
    assert not pm.diff(first, second, map={"a": ("b", "T")})
    square = kernels((3, 3))
    first, second = model([parameter("a", square)]), model([parameter("b", square.T)])
    assert not pm.diff(first, second, map={"a": ("b", "T")})
    assert pm.diff(first, second, map={"a": "b"})


@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (3, 4, 5), (3, 3, 4, 5), (3, 3, 3, 3)])
def test_frameworks_that_lay_out_kernels_differently(shape: tuple[int, ...]) -> None:
    kernel = kernels(shape)
    order = (*range(2, len(shape)), 1, 0)
    weight = np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))
    assert np.array_equal(weight.transpose(order), kernel)
    keras = of("keras (jax)", parameter("d/kernel", kernel))
    torch = of("torch", parameter("d/weight", weight))
    assert not pm.diff(keras, torch, map={"d/kernel": "d/weight"})
    assert not pm.diff(torch, keras, map={"d/weight": "d/kernel"})
    changed = weight.copy()
    changed[(0,) * len(shape)] += 2
    found = pm.diff(
        keras, of("torch", parameter("d/weight", changed)), map={"d/kernel": "d/weight"}
    ).parameters["d/kernel"]
    assert found.differs == ("values",)
    assert found.axes == order
    assert found.transposed is (len(shape) < 4)
    assert found.values is not None
    assert (found.values.changed, found.values.max_abs) == (1, 2.0)


def test_embeddings_lie_alike_everywhere() -> None:
    table = kernels((3, 3))
    keras = of("keras 3.15.1", parameter("e/embeddings", table))
    torch = of("torch", parameter("e/weight", table))
    assert not pm.diff(keras, torch, map={"e/embeddings": "e/weight"})


def test_of_one_framework_nothing_is_transposed() -> None:
    table = kernels((2, 3))
    sides = (of("keras (jax)", parameter("a/kernel", side)) for side in (table, table.T))
    assert pm.diff(*sides).parameters["a/kernel"].differs == ("shape",)


def test_of_no_known_framework_the_shapes_tell_where_they_leave_one_order() -> None:
    table = kernels((2, 3))
    found = pm.diff(of("", parameter("w", table)), of("", parameter("w", table.T + 1)))
    assert found.parameters["w"].axes == (1, 0)
    assert found.parameters["w"].values.changed == 6  # type: ignore[union-attr]
    assert not pm.diff(of("", parameter("w", table)), of("", parameter("w", table.T)))
    # An axis of one element may stand anywhere.
    conv = kernels((3, 3, 1, 5))
    assert not pm.diff(of("", parameter("w", conv)),
                       of("", parameter("w", conv.transpose(3, 2, 0, 1))))  # fmt: skip
    two_ways = (
        of("", parameter("w", kernels((3, 3, 5, 5)))),
        of("", parameter("w", kernels((5, 5, 3, 3)))),
    )
    found = pm.diff(*two_ways)
    assert (found.parameters["w"].differs, found.parameters["w"].ambiguous) == (("shape",), True)


def test_a_square_kernel_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # room for the notes, which yield first
    table = kernels((3, 3))
    keras, unknown = of("keras", parameter("w", table)), of("", parameter("w", table.T))
    found = pm.diff(keras, unknown).parameters["w"]
    assert (found.differs, found.axes, found.ambiguous) == (("values",), None, True)
    assert "map= tells" in str(pm.diff(keras, unknown))
    assert not pm.diff(keras, unknown, map={"w": ("w", "T")})
    assert not pm.diff(keras, of("", parameter("w", table)))
    # Two files of which nothing is known were most likely written alike.
    assert not pm.diff(of("", parameter("w", table)), unknown).parameters["w"].ambiguous


def test_the_same_map_as_of_convert(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"x/kernel": kernels((2, 3)), "y/b": kernels((4,))})  # type: ignore[arg-type]
    view = pm.inspect(tmp_path / "a.npz")
    rules: dict[str, Any] = {"x/*": ("layers/*", "T"), "y/**": "z/**"}
    pm.convert(view, tmp_path / "b.safetensors", map=rules)
    assert not pm.diff(view, tmp_path / "b.safetensors", map=rules)
    assert pm.diff(view, tmp_path / "b.safetensors")


def test_progress_is_told_in_bytes() -> None:
    told: list[tuple[int, int]] = []
    sides = [model([parameter("a"), parameter("b", (1.0, 2.0, 3.0))]) for _ in range(2)]
    pm.diff(*sides, progress=lambda done, whole: told.append((done, whole)))
    assert told == [(16, 40), (40, 40)]


def test_files_are_compared_where_they_lie(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=1 << 22)
    np.savez(tmp_path / "a.npz", w=values)
    np.savez(tmp_path / "b.npz", w=values + 1)
    pm.diff(tmp_path / "a.npz", tmp_path / "b.npz")  # modules are loaded, loops compiled
    tracemalloc.start()
    try:
        found = pm.diff(tmp_path / "a.npz", tmp_path / "b.npz")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.parameters["w"].values.changed == values.size  # type: ignore[union-attr]
    assert peak < values.nbytes / 4

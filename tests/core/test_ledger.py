"""The ledger knows objects by identity, keeps none of them alive, and freezes what it is told."""

from __future__ import annotations

import dataclasses
import functools
import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.described import Described
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.ledger import (
    Call,
    Event,
    Ledger,
    ObjectReference,
    Record,
    described_call,
    freeze,
)
from parametry.core.place import Place
from parametry.core.value import UNSET, same, to_plain

relaxed = settings(deadline=None, max_examples=100)
NAME = __name__


class Net:
    """An object that can be referred to weakly."""


class Equal:
    """An object that equals all others of its class, and has one hash for all."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)

    def __hash__(self) -> int:
        return 7


@dataclasses.dataclass
class Settings:
    rate: float = 0.1
    other: Any = None


# ------------------------------------------------ records


def test_a_record_belongs_to_one_object() -> None:
    book, one, other = Ledger(), Equal(), Equal()
    record = book.record(one)
    assert book.record(one) is record
    assert book.find(one) is record
    assert book.find(other) is None
    assert book.record(other) is not record
    assert len(book) == 2
    assert (record.class_name, record.order) == (f"{NAME}.Equal", 1)


def test_an_object_without_a_hash_or_with_a_hostile_one() -> None:
    class Hostile:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        def __bool__(self) -> bool:
            raise RuntimeError

    book, hostile = Ledger(), Hostile()
    assert book.record(hostile) is book.find(hostile)
    assert [thing is hostile for thing, _ in book.alive()] == [True]


def test_what_cannot_be_referred_to_weakly_has_no_record() -> None:
    book = Ledger()
    with pytest.raises(TypeError):
        book.record(3)
    assert book.find(3) is None
    assert len(book) == 0


def test_a_record_goes_with_its_object() -> None:
    book, net = Ledger(), Net()
    book.record(net)
    alive = weakref.ref(net)
    del net
    assert alive() is None
    assert len(book) == 0
    assert list(book.alive()) == []
    assert list(book.departed) == []


def test_the_record_of_a_model_that_is_gone_is_kept_if_there_is_something_to_tell() -> None:
    book = Ledger()
    for number in range(150):
        net = Net()
        book.record(net).snapshot = number
        del net
    assert [record.snapshot for record in book.departed] == list(range(50, 150))
    book.clear()
    assert len(book) == len(book.departed) == 0


def test_an_identity_that_is_used_again_is_another_object() -> None:
    book = Ledger()
    record = book.record(Net())  # the object is gone at once
    seen: set[int] = set()
    for _ in range(100):
        net = Net()
        assert book.find(net) is None
        assert book.record(net) is not record
        seen.add(id(net))
        del net
    assert len(seen) < 100  # else nothing was tested
    assert len(book) == 0


def test_an_old_reference_does_not_forget_the_new_object() -> None:
    book, net = Ledger(), Net()
    book.record(net)
    reference = book._records[id(net)][0]
    newer = Record(class_name="newer")
    book._records[id(net)] = (weakref.ref(net), newer)
    callback = reference.__callback__
    assert callback is not None
    callback(reference)
    assert book.find(net) is newer


def test_an_entry_that_is_another_objects_is_none() -> None:
    book, net, other = Ledger(), Net(), Net()
    # As if the identity of an object that is gone were used again before the entry went.
    book._records[id(net)] = (weakref.ref(other), Record())
    assert book.find(net) is None
    assert book.record(net) is book.find(net)


def test_the_living_come_in_the_order_of_their_first_sight() -> None:
    book, nets = Ledger(), [Net() for _ in range(20)]
    for net in nets[::-1]:
        book.record(net)
    book.record(nets[-1])
    assert [thing for thing, _ in book.alive()] == nets[::-1]


def test_objects_may_die_while_the_living_are_listed() -> None:
    book, nets = Ledger(), [Net() for _ in range(20)]
    for net in nets:
        book.record(net)
    del net
    count = 0
    for thing, _ in book.alive():
        count += 1
        nets.clear()
        del thing
    assert count == 1


def test_threads_agree_on_one_record() -> None:
    book = Ledger()
    for _ in range(30):
        net, found, ready = Net(), [], threading.Barrier(4)

        def work(net: Net = net, found: list[Any] = found, ready: Any = ready) -> None:
            ready.wait()
            found.append(book.record(net))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(record) for record in found}) == 1


def test_a_finalizer_may_make_a_record_while_another_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book, late = Ledger(), Net()

    def record_another(cls: type) -> str:
        # As if the garbage collector ran here, and with it a finalizer of the user's.
        monkeypatch.undo()
        book.record(late)
        return "x"

    monkeypatch.setattr("parametry.core.ledger.class_name", record_another)
    done = threading.Thread(target=book.record, args=(Net(),), daemon=True)
    done.start()
    done.join(timeout=20)
    assert not done.is_alive(), "the lock was taken twice by one thread"
    assert book.find(late) is not None


# ------------------------------------------------ freezing


@relaxed
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.tuples(inner, inner)
            | st.dictionaries(st.integers() | st.text(max_size=3), inner, max_size=4)
        ),
        max_leaves=15,
    )
)
def test_plain_data_is_frozen_to_plain_data(value: Any) -> None:
    assert same(freeze(value), to_plain(value))


def test_what_is_frozen_follows_no_change() -> None:
    inner: list[Any] = [1]
    given_value = {"a": inner, "b": Settings(0.1, inner)}
    frozen = freeze(given_value)
    inner.append(2)
    given_value["b"].rate = 9
    assert frozen["a"] == [1]
    assert frozen["b"].fields == {"rate": 0.1, "other": [1]}


def test_objects_are_described_or_referred_to_weakly() -> None:
    book, net = Ledger(), Net()
    record = book.record(net)
    frozen = freeze([net, Net, len, np.float32(0.1), {1, 2}], book)
    assert isinstance(frozen[0], ObjectReference)
    assert frozen[0].get() is net
    assert frozen[0].record is record
    assert frozen[0].class_name == f"{NAME}.Net"
    assert frozen[1:2] == [f"{NAME}.Net"]
    assert frozen[2] == Described(None, "len")
    assert frozen[3:] == [0.1, [1, 2]]
    alive = weakref.ref(net)
    del net
    assert alive() is None
    assert frozen[0].get() is None


def test_an_object_that_the_ledger_does_not_know_is_referred_to_all_the_same() -> None:
    net = Net()
    frozen = freeze(net)
    assert isinstance(frozen, ObjectReference)
    assert frozen.get() is net
    assert frozen.record is None
    assert freeze(object()) == {"$object": "object"}


@pytest.mark.parametrize(
    "hold",
    [
        lambda net: [net],
        lambda net: {"a": (net,)},
        lambda net: {net: 1},
        lambda net: {(1, net): 1},
        lambda net: {net},
        lambda net: Settings(other=net),
        lambda net: [Settings(other=[net])],
        lambda net: functools.partial(len, net),
        lambda net: functools.partial(net.__class__, other=net),
        lambda net: lambda x, default=net: (x, default),
        lambda net: lambda: net,
        lambda net: net.__init__,
        slice,
        lambda net: type("Local", (), {"net": net}),
        lambda net: type("Local", (), {"__init__": lambda self: None, "net": net})(),
    ],
)
def test_an_object_dies_although_an_argument_leads_back_to_it(hold: Any) -> None:
    book, net = Ledger(), Net()
    argument = hold(net)
    arguments = {"a": freeze(argument, book)}
    book.record(net).construction = Call(arguments, frozenset("a"), None, False)
    alive = weakref.ref(net)
    del net, argument
    gc.collect()
    assert alive() is None
    assert len(book) == 0


def test_containers_and_objects_within_themselves() -> None:
    items: list[Any] = [1]
    items.append(items)
    assert freeze(items) == [1, {"$object": "list", "recursive": True}]
    knot = Settings()
    knot.other = {"knot": knot}
    frozen = freeze(knot)
    assert frozen.fields["other"]["knot"] == {"$object": f"{NAME}.Settings", "recursive": True}


@pytest.mark.parametrize("wrap", [lambda x: [x, x], lambda x: {"a": x, "b": x},
                                  lambda x: Settings(x, x)])  # fmt: skip
@pytest.mark.parametrize("leaf", [1, [0] * 900, Settings()])
def test_a_small_structure_that_unfolds_into_a_huge_one_is_cut(wrap: Any, leaf: Any) -> None:
    value = leaf
    for _ in range(40):
        value = wrap(value)
    assert len(str(freeze(value))) < 10_000_000


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: {"a": x}, lambda x: Settings(other=x)])
def test_deep_nesting_ends(wrap: Any) -> None:
    value: Any = 1
    for _ in range(10_000):
        value = wrap(value)
    assert "deeper_than" in str(freeze(value))


def test_long_lists_are_not_opened() -> None:
    nets = [Net()] * 1_001
    assert freeze(nets) == to_plain(nets)
    assert freeze(list(range(20_000))) == {"$long": 20_000, "class": "list"}


def test_keys_become_plain() -> None:
    frozen = freeze({(1, 2): 1, Net(): 2, Net(): 3, np.int64(4): 5})
    assert list(frozen.values()) == [1, 2, 3, 5]
    assert all(type(key) in (str, int) for key in frozen)


def test_hostile_objects_are_told_by_their_class() -> None:
    def raise_it(self: Any, *args: Any) -> Any:
        raise RuntimeError

    members: dict[str, Any] = {
        name: raise_it for name in ("__getattribute__", "__len__", "__iter__", "__eq__")
    }
    members["__class__"] = property(raise_it)
    for base in (object, list, dict):
        hostile = type("Hostile", (base,), members)()
        found = freeze({"a": hostile, "b": 1})
        assert found["b"] == 1
        assert isinstance(found["a"], ObjectReference) or found["a"] == {
            "$object": f"{NAME}.Hostile"
        }


# ------------------------------------------------ calls and events


def test_a_calls_origins() -> None:
    arguments = {"units": 8, "activation": None}
    call = Call(arguments, frozenset({"units"}), Place("x.py", 1), False)
    assert call.origins == {"units": "explicit", "activation": "default"}
    inner = Call(arguments, frozenset({"units"}), None, True)
    assert inner.origins == {"units": "derived", "activation": "default"}
    described = described_call(call, "dense", "Dense")
    assert described.class_name == "Dense"
    assert described.label == "dense"
    assert described.fields == arguments
    assert described.origins == call.origins
    assert (described.where, described.origin) == (Place("x.py", 1), "explicit")
    assert described_call(inner).origin == "derived"
    assert described_call(inner).label is UNSET


def event(kind: Any = "fit", line: int = 1, epochs: int = 3) -> Event:
    return Event(kind, Place("x.py", line), {"fit/epochs": Hyperparameter("fit/epochs", epochs)})


def test_events_that_began_alike() -> None:
    one = event()
    assert one.same_as(event())
    assert not one.same_as(event("compile"))
    assert not one.same_as(event(line=2))
    assert not one.same_as(event(epochs=4))
    one.values["fit/steps"] = Hyperparameter("fit/steps", 10)  # worked out later
    assert one.same_as(event())


def test_events_have_an_order() -> None:
    first, second = event(), event()
    assert first.order < second.order

"""Reading local variables keeps nothing alive, and takes nothing from whoever else reads them."""

from __future__ import annotations

import gc
import sys
import weakref

from parametry.capture.local_variables import local_variables


class Thing:
    """Something that can be seen to be gone."""


def test_what_the_function_deletes_is_gone() -> None:
    thing = Thing()
    seen = weakref.ref(thing)
    assert local_variables(sys._getframe())["thing"] is thing
    del thing
    gc.collect()
    assert seen() is None


def test_what_locals_gave_before_stays_as_it_is() -> None:
    batch_size = 32
    before = locals()
    assert local_variables(sys._getframe())["batch_size"] == batch_size
    assert before["batch_size"] == 32
    assert locals()["batch_size"] == 32


def test_names_of_classes_and_modules_stay() -> None:
    class Namespace:
        rate = 0.1
        read = local_variables(sys._getframe())
        still = rate

    assert Namespace.read["rate"] == Namespace.still == Namespace.rate == 0.1
    namespace: dict[str, object] = {"sys": sys, "local_variables": local_variables}
    exec("value = 1\nread = local_variables(sys._getframe())", namespace)
    assert namespace["value"] == 1
    inner: dict[str, object] = {}
    exec("value = 2\nread = local_variables(sys._getframe())", namespace, inner)
    assert inner["value"] == 2


def test_variables_of_an_inner_function_are_read_and_kept() -> None:
    rate = 0.1

    def inner() -> tuple[dict[str, object], float]:
        read = local_variables(sys._getframe())
        return read, rate

    assert inner() == ({"rate": 0.1}, 0.1)
    assert rate == 0.1

"""Whose code a frame runs, and what a place in it is called."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from types import FrameType
from typing import Any

import numpy
import pytest

import parametry
from parametry.core.caller import frames_above, owner_of, place_of, user_frames
from parametry.core.per_class import per_class
from parametry.core.place import Place

SITE = Path(sysconfig.get_path("purelib"))
STANDARD = Path(os.__file__).parent


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("/home/me/train.py", "user"),
        ("train.py", "user"),
        ("<string>", "user"),
        ("<stdin>", "user"),
        ("<ipython-input-3-abc>", "user"),
        ("/tmp/ipykernel_123/456.py", "user"),
        (__file__, "user"),
        (str(SITE / "keras/src/layers/layer.py"), "framework"),
        (str(SITE / "tensorflow/x.py"), "framework"),
        (str(SITE / "torch/x.py"), "framework"),
        ("/home/me/.venv/lib/python3.12/site-packages/jax/_src/api.py", "framework"),
        ("/usr/lib/python3/dist-packages/numpy/core.py", "library"),
        (str(SITE / "kerastuner/x.py"), "library"),
        (str(SITE / "six.py"), "library"),
        (numpy.__file__, "library"),
        (os.__file__, "library"),
        (str(STANDARD / "json/decoder.py"), "library"),
        ("<frozen importlib._bootstrap>", "library"),
        ("/tmp/__autograph_generated_fileabc.py", "framework"),
        (parametry.__file__, "parametry"),
        (per_class.__code__.co_filename, "parametry"),
        ("/home/me/keras/train.py", "user"),
        ("/home/me/site-packages.py", "user"),
    ],
)
def test_whose_code_a_file_is(file: str, owner: str) -> None:
    assert owner_of(file) == owner


def test_only_the_users_frames_innermost_first() -> None:
    found: list[FrameType] = []

    class Spy(dict):  # type: ignore[type-arg]
        def __missing__(self, key: str) -> Any:
            found.extend(user_frames(sys._getframe(0)))
            return "x"

    def outer() -> str:
        return "{a}".format_map(Spy())

    outer()
    names = [frame.f_code.co_name for frame in found]
    assert names[:3] == ["__missing__", "outer", "test_only_the_users_frames_innermost_first"]
    assert not any("pytest" in frame.f_code.co_filename for frame in found)


def test_no_more_frames_than_wanted() -> None:
    def deep(depth: int) -> int:
        if depth:
            return deep(depth - 1)
        return len(list(frames_above(sys._getframe())))

    assert deep(600) == 500
    assert list(frames_above(None)) == []


def test_a_place_is_the_line_that_runs() -> None:
    frame = sys._getframe()
    line = frame.f_lineno + 1
    assert place_of(frame) == Place(__file__, line)


# ------------------------------------------------ answers remembered for each class


def test_a_class_is_asked_once() -> None:
    asked: list[type] = []

    @per_class
    def name(cls: type) -> str:
        """The name."""
        asked.append(cls)
        return cls.__name__

    assert [name(int), name(str), name(int)] == ["int", "str", "int"]
    assert asked == [int, str]
    assert name.__doc__ == "The name."


def test_a_class_that_is_gone_is_forgotten() -> None:
    import gc
    import weakref

    asked: list[int] = []

    @per_class
    def number(cls: type) -> int:
        asked.append(1)
        return len(asked)

    for _ in range(20):
        local = type("Local", (), {})
        assert number(local) == number(local) == len(asked)
        alive = weakref.ref(local)
        del local
        gc.collect()
        assert alive() is None
    assert len(asked) == 20


def test_an_error_is_not_remembered() -> None:
    fail = True

    @per_class
    def answer(cls: type) -> int:
        if fail:
            raise ValueError("not yet")
        return 1

    with pytest.raises(ValueError, match="not yet"):
        answer(int)
    fail = False
    assert answer(int) == 1


def test_a_class_whose_metaclass_compares_oddly() -> None:
    class Meta(type):
        def __eq__(cls, other: object) -> bool:
            raise RuntimeError

        __hash__ = None  # type: ignore[assignment]

    @per_class
    def name(cls: type) -> str:
        return cls.__name__

    odd = Meta("Odd", (), {})
    assert name(odd) == name(odd) == "Odd"

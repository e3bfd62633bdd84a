"""Constants in functions and in several files: whose value it is, and which line set it."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_function_with_arguments_passed_and_left_out(program: Any) -> None:
    program.run("""
        from training import start
        def train(units, lr=0.1, *, epochs=3, depth=2, **more):
            momentum = 0.9
            start()
        def main():
            size = 7
            train(
                8,
                epochs=5,
                seed=1)
        main()
    """)
    call = "train("
    assert program.told == {
        "units": (8, call),
        "epochs": (5, call),
        "more": ({"seed": 1}, call),
        "lr": (0.1, "def train(units, lr=0.1"),
        "depth": (2, "def train(units, lr=0.1"),
        "momentum": (0.9, "momentum = 0.9"),
        "size": (7, "size = 7"),
    }


def test_a_value_handed_down_has_the_line_that_set_it(program: Any) -> None:
    program.run("""
        from training import start
        batch_size = 32
        def inner(batch_size):
            start()
        def outer(batch_size):
            inner(batch_size)
        outer(batch_size)
    """)
    assert program.told == {"batch_size": (32, "batch_size = 32")}


def test_one_name_with_several_values(program: Any) -> None:
    program.run("""
        from training import start
        lr = 0.3
        def inner(lr):
            start()
        def outer():
            lr = 0.2
            inner(0.1)
        outer()
    """)
    assert program.told == {
        "lr": (0.1, "inner(0.1)"),
        "outer/lr": (0.2, "lr = 0.2"),
        "train/lr": (0.3, "lr = 0.3"),
    }


def test_closures_and_names_of_the_functions_around(program: Any) -> None:
    program.run("""
        from training import start
        def make(rate):
            steps = 5
            count = 0
            def train():
                nonlocal count
                count += 1
                return start(), rate, steps
            return train
        make(0.1)()
    """)
    assert program.told["steps"] == (5, "steps = 5")
    assert program.told["rate"][0] == 0.1
    assert set(program.told) == {"steps", "rate"}


def test_a_global_that_a_function_sets(program: Any) -> None:
    program.run("""
        from training import start
        step = 0
        def configure():
            global lr, step
            lr = 0.1
            step += 1
        configure()
        start()
    """)
    assert program.told == {"lr": (0.1, "lr = 0.1")}


def test_recursion_comprehensions_lambdas_and_decorators(program: Any) -> None:
    program.run("""
        import functools
        from training import start
        def logged(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs)
            return wrapper
        @logged
        def train(units, depth=1):
            if depth:
                return train(units, depth=0)
            start()
        [train(units) for units in [8]]
        (lambda rate: start())(0.5)
    """)
    assert program.starts[0]["script/units"].value == 8
    assert program.starts[0]["script/depth"].value == 0
    assert program.starts[1]["script/rate"].value == 0.5


# ------------------------------------------------ several files


def test_a_configuration_module(program: Any) -> None:
    source = "import os\nfrom math import tau\nRATE = 0.1\n_x = 1\nSUM = 0\nSUM += 1\n"
    program.write("settings_module.py", source + "class Data:\n    size = 4\n")
    program.run("""
        import settings_module
        import settings_module as again
        from training import start
        start()
    """)
    assert program.where() == {
        "settings_module/RATE": (0.1, "settings_module.py:3"),
        "settings_module/Data/size": (4, "settings_module.py:8"),
    }


@pytest.mark.parametrize(
    "statement",
    [
        "from package.rates import RATE",
        "from package.rates import *",
        "from package import RATE",
        "from package.again import RATE",
        "from package.rates import RATE as RATE",
    ],
)
def test_a_name_imported_from_the_users_own_module(program: Any, statement: str) -> None:
    program.write("package/__init__.py", "from .rates import RATE\n")
    program.write("package/rates.py", "import math\n\nRATE = 0.1\nNAMES = []\n")
    program.write("package/again.py", "from .rates import *\n")
    program.run(f"""
        from training import start
        {statement}
        start()
    """)
    assert program.where() == {"RATE": (0.1, "rates.py:3")}


def test_relative_imports(program: Any) -> None:
    program.write("parent/__init__.py", "BASE = 1\n")
    program.write("parent/rates.py", "RATE = 0.1\n")
    program.write("parent/child/__init__.py", "")
    program.write(
        "parent/child/work.py",
        "from training import start\nfrom ..rates import RATE\nfrom .. import BASE\n"
        "def go():\n    start()\n",
    )
    program.run("""
        from parent.child.work import go
        go()
    """)
    assert program.where() == {"RATE": (0.1, "rates.py:1"), "BASE": (1, "__init__.py:1")}


def test_functions_of_several_files(program: Any) -> None:
    program.write("loops.py", "from training import start\nLIMIT = 5\ndef go(rate):\n    start()\n")
    program.run("""
        import loops
        rate = 0.3
        loops.go(0.2)
    """)
    assert program.where() == {
        "rate": (0.2, "train.py:3"),
        "LIMIT": (5, "loops.py:2"),
        "loops/LIMIT": (5, "loops.py:2"),
        "train/rate": (0.3, "train.py:2"),
    }

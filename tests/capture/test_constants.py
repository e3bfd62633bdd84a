"""The constants of real programs are found with the very line that set them; nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

# Each program calls start() where its training would start. Expected is each constant's value and
# the text of the line that set it.


def test_a_plain_script(program: Any) -> None:
    program.run("""
        from training import start
        batch_size = 32
        lr: float = 1e-3
        name, (epochs, warm) = "net", (5, True)
        layers = [64, 32]
        start()
        late = 3
    """)
    assert program.told == {
        "batch_size": (32, "batch_size = 32"),
        "lr": (1e-3, "lr: float = 1e-3"),
        "name": ("net", "name, (epochs, warm) ="),
        "epochs": (5, "name, (epochs, warm) ="),
        "warm": (True, "name, (epochs, warm) ="),
        "layers": ([64, 32], "layers = [64, 32]"),
    }
    assert all(entry.origin == "explicit" for entry in program.found.values())


def test_what_is_no_constant(program: Any) -> None:
    program.run("""
        import math, os.path, numpy as np, pandas as pd, json as j
        from math import pi, inf as unbounded
        from string import ascii_letters
        from numpy import *
        from training import start
        x = np.zeros((3, 4))
        table = pd.DataFrame({"a": [1]})
        series = table["a"]
        def function(a=1): return a
        rate_of = lambda epoch: 0.1
        class Net:
            units = 3
            def call(self): return 1
        net = object()
        file = open(__file__)
        steps = iter([1])
        generator = (a for a in [1])
        losses = []
        history: dict = {}
        seen, best = set(), []
        losses.append(0.5)
        history["loss"] = x
        _hidden = 3
        __version__ = "1"
        kept = 1
        start()
        file.close()
    """)
    assert program.told == {"kept": (1, "kept = 1")}


def test_counters_and_sums_are_no_constants(program: Any) -> None:
    program.run("""
        from training import start
        import numpy as np
        step = 0
        total, count = 0.0, 0
        seen = 1
        offset = 10
        offset += 5
        for epoch in range(2):
            for index, value in enumerate([0.5]):
                step += 1
                total = total + np.float32(value)
                count = count + 1
                seen += 1
                result = value * 2
        start()
    """)
    assert program.told == {"offset": (15, "offset += 5"), "value": (0.5, "for index, value in"),
                            "result": (1.0, "result = value * 2")}  # fmt: skip


def test_in_a_loop_only_what_was_chosen(program: Any) -> None:
    program.run("""
        from training import start
        epochs = 2
        for epoch in range(epochs):
            batch = 8
            loss = batch * 0.5
            for step in range(1):
                noise = step + 0.5
                start()
    """)
    assert program.told == {"epochs": (2, "epochs = 2"), "batch": (8, "batch = 8")}


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        ("for lr in [0.1, 0.2]:", [0.1, 0.2]),
        ("for lr in (0.1, 0.2):", [0.1, 0.2]),
        ("for lr in rates:", [0.3, 0.4]),
        ("for index, lr in enumerate(rates):", [0.3, 0.4]),
        ("for lr, index in zip([0.1, 0.2], range(2)):", [0.1, 0.2]),
        ("for lr, units in itertools.product([0.1], [8]):", [0.1]),
        ("for lr in np.linspace(0, 1, 2):", [0.0, 1.0]),
    ],
)
def test_sweeps(program: Any, loop: str, expected: list[float]) -> None:
    program.run(f"""
        import itertools, numpy as np
        from training import start
        rates = [0.3, 0.4]
        {loop}
            start()
    """)
    assert [found["script/lr"].value for found in program.starts] == expected
    assert program.told["lr"][1] == loop
    assert "index" not in program.told


def test_values_that_changed_have_the_line_that_changed_them(program: Any) -> None:
    program.run("""
        from training import start
        lr = 0.1
        lr = 0.2
        decayed = 0.5
        decayed *= 0.5
        if lr > 1:
            rate = 0.3
        else:
            rate = 0.4
        if lr < 1:
            size = 16
        else:
            size = 32
        start()
        lr = 0.9
        size = 64
    """)
    assert program.told == {
        "lr": (0.2, "lr = 0.2"),
        "decayed": (0.25, "decayed *= 0.5"),
        "rate": (0.4, "rate = 0.4"),
        "size": (16, "size = 16"),
    }


def test_a_rate_that_decays_in_the_loop_is_as_it_is_now(program: Any) -> None:
    program.run("""
        from training import start
        lr = 0.5
        for epoch in range(2):
            start()
            lr *= 0.5
    """)
    assert [found["script/lr"].value for found in program.starts] == [0.5, 0.25]
    assert program.told["lr"] == (0.25, "lr = 0.5")


def test_names_that_the_program_met(program: Any) -> None:
    program.run("""
        import contextlib, sys
        from training import start
        @contextlib.contextmanager
        def rate(): yield 0.5
        with rate() as met:
            try:
                raise ValueError
            except ValueError as error:
                match [1, 2]:
                    case [first, *rest]:
                        start()
    """)
    assert program.told == {}


def test_a_configuration_written_entry_by_entry(program: Any) -> None:
    program.run("""
        from training import start
        config = {}
        config["lr"] = 0.1
        config["sizes"] = (3, 4)
        start()
    """)
    assert program.told == {"config": ({"lr": 0.1, "sizes": [3, 4]}, 'config["sizes"] =')}


def test_a_configuration_that_a_function_gave(program: Any) -> None:
    program.run("""
        from training import start
        def load(): return {"lr": 0.1}
        config = load()
        start()
    """)
    assert program.told == {"config": ({"lr": 0.1}, "config = load()")}

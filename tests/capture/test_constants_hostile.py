"""Constants beside hostile objects, huge values, odd names and secrets."""

from __future__ import annotations

import math
from typing import Any


def test_hostile_objects_do_not_stop_the_rest(program: Any) -> None:
    program.run("""
        from training import start
        def boom(self, *args): raise RuntimeError
        class Attribute:
            __getattr__ = boom
        class Getter:
            __getattribute__ = boom
        class Liar:
            __class__ = property(boom)
        class Property:
            @property
            def rate(self): raise RuntimeError
        class Odd(list):
            __len__ = __iter__ = __eq__ = __bool__ = boom
        class Meta(type):
            __getattr__ = boom
            __module__ = 3
        class Made(metaclass=Meta):
            x = 1
        before = 1
        a, b, c, d, e, f = Attribute(), Getter(), Liar(), Property(), Odd([1]), Made()
        after = 2
        start()
    """)
    assert program.told["before"] == (1, "before = 1")
    assert program.told["after"] == (2, "after = 2")


def test_long_values_are_shortened(program: Any) -> None:
    program.run("""
        from training import start
        sizes = list(range(5000))
        text = "x" * 2000
        table = dict.fromkeys(range(101))
        whole = list(range(100))
        start()
    """)
    assert {name: value for name, (value, _) in program.told.items()} == {
        "sizes": {"$long": 5000, "class": "list"},
        "text": {"$long": 2000, "class": "str"},
        "table": {"$long": 101, "class": "dict"},
        "whole": list(range(100)),
    }


def test_ten_thousand_globals_are_bounded(program: Any) -> None:
    lines = "\n".join(f"name_{number} = {number}" for number in range(10_000))
    program.run_text(f"from training import start\n{lines}\nstart()\n")
    assert 1_000 < len(program.found) <= 2_001
    assert program.told["name_0"] == (0, "name_0 = 0")


def test_odd_names_and_values(program: Any) -> None:
    program.run("""
        from training import start
        größe = 3
        層 = "layer"
        weird = "a\\x1b[31m\\u202e\\ud800"
        rate = float("nan")
        nothing = None
        huge = 10 ** 5000
        path = __import__("pathlib").PurePosixPath("a/b")
        mixed = {"a": [1, {"b": (2,)}], 3: None}
        start()
    """)
    told = {name: value for name, (value, _) in program.told.items()}
    assert told.pop("rate") != told.get("rate")
    assert told == {
        "größe": 3,
        "層": "layer",
        "weird": "a\x1b[31m\u202e\ud800",
        "nothing": None,
        "huge": 10**5000,
        "path": "a/b",
        "mixed": {"a": [1, {"b": [2]}], 3: None},
    }
    assert math.isnan(program.found["script/rate"].value)


def test_code_without_a_source(program: Any) -> None:
    program.run("""
        from training import start
        space = {"start": start}
        exec("lr = 0.1\\ndef go(units):\\n    start()\\ngo(8)", space)
    """)
    assert program.found["script/units"].value == 8
    assert str(program.found["script/units"].where) == "<string>:3"


def test_secrets_are_withheld(program: Any) -> None:
    program.run("""
        from training import start
        api_key = "hunter2"
        HF_TOKEN = "hunter2"
        config = {"password": "hunter2", "units": 3}
        class Secrets:
            token = "hunter2"
        url = "postgres://me:hunter2@host"
        max_tokens, key_dim, tokenizer, oov_token = 5, 8, "bert", "<OOV>"
        def train(password="hunter2"):
            start()
        train()
    """)
    assert "hunter2" not in str(program.found)
    told = {name: value for name, (value, _) in program.told.items()}
    withheld = {"$withheld": "secret"}
    assert told == {
        "api_key": withheld,
        "HF_TOKEN": withheld,
        "config": {"password": withheld, "units": 3},
        "Secrets/token": withheld,
        "url": "postgres://me:…@host",
        "max_tokens": 5,
        "key_dim": 8,
        "tokenizer": "bert",
        "oov_token": "<OOV>",
        "password": withheld,
    }

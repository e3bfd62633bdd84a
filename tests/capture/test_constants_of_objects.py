"""The constants that programs keep in objects: configurations, parsed arguments, trainers."""

from __future__ import annotations

from typing import Any

import pytest


def test_parsed_arguments(program: Any) -> None:
    program.run("""
        import argparse
        from training import start
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=0.1)
        parser.add_argument("--sizes", type=int, nargs="*", default=[1, 2])
        args = parser.parse_args(["--lr", "0.5"])
        start()
    """)
    made = "args = parser.parse_args"
    assert program.told == {"args/lr": (0.5, made), "args/sizes": ([1, 2], made)}


def test_namespaces_and_named_tuples(program: Any) -> None:
    program.run("""
        import types
        from collections import namedtuple
        from training import start
        Point = namedtuple("Point", "x y")
        space = types.SimpleNamespace(lr=0.1, inner=types.SimpleNamespace(steps=3), net=object())
        point = Point(1, y=2)
        start()
    """)
    assert program.told == {
        "space/lr": (0.1, "space = types"),
        "space/inner/steps": (3, "space = types"),
        "point/x": (1, "point = Point"),
        "point/y": (2, "point = Point"),
    }


def test_dataclasses_have_the_line_of_a_default_or_of_their_making(program: Any) -> None:
    program.run("""
        import dataclasses
        from training import start
        @dataclasses.dataclass
        class Inner:
            steps: int = 3
        @dataclasses.dataclass
        class Config:
            lr: float = 0.1
            units: int = 8
            inner: Inner = dataclasses.field(default_factory=Inner)
            made: list = dataclasses.field(default_factory=lambda: [1])
            def method(self): return 1
        config = Config(lr=0.5)
        start()
    """)
    assert program.told == {
        "config/lr": (0.5, "config = Config(lr=0.5)"),
        "config/units": (8, "units: int = 8"),
        "config/inner/steps": (3, "config = Config(lr=0.5)"),
        "config/made": ([1], "config = Config(lr=0.5)"),
    }


def test_attrs(program: Any) -> None:
    program.run("""
        import attrs
        from training import start
        @attrs.define
        class Config:
            lr: float = 0.1
            steps: int = 3
        config = Config(steps=5)
        start()
    """)
    assert program.told == {
        "config/lr": (0.1, "lr: float = 0.1"),
        "config/steps": (5, "config = Config(steps=5)"),
    }


def test_omegaconf(program: Any) -> None:
    program.run("""
        from omegaconf import OmegaConf
        from training import start
        config = OmegaConf.create({"lr": 0.1, "net": {"sizes": [1, 2], "rate": "${lr}"}})
        start()
    """)
    made = "config = OmegaConf.create"
    assert program.told == {
        "config/lr": (0.1, made),
        "config/net": ({"sizes": [1, 2], "rate": 0.1}, made),
    }


def test_classes_that_only_hold_values(program: Any) -> None:
    program.run("""
        import enum
        from training import start
        class Base:
            seed = 7
            lr = 0.5
        class Config(Base):
            "What it is for."
            lr = 0.1
            sizes = [1, 2]
            rate = lr * 2
            class Data:
                path = "x"
        class Mode(enum.Enum):
            FAST = 1
        class Net:
            units = 3
            def call(self): ...
        mode = Mode.FAST
        start()
    """)
    assert program.told == {
        "Base/seed": (7, "seed = 7"),
        "Base/lr": (0.5, "lr = 0.5"),
        "Config/seed": (7, "seed = 7"),
        "Config/lr": (0.1, "lr = 0.1"),
        "Config/sizes": ([1, 2], "sizes = [1, 2]"),
        "Config/rate": (0.2, "rate = lr * 2"),
        "Config/Data/path": ("x", "class Data:"),
        "mode": ("FAST", "mode = Mode.FAST"),
    }


def test_a_trainer_keeps_its_settings_in_self(program: Any) -> None:
    program.run("""
        from training import start
        import numpy as np
        class Base:
            def __init__(self):
                self.seed = 7
        class MyTrainer(Base):
            patience = 3
            def __init__(self, lr, net):
                super().__init__()
                self.lr = lr
                self.net = net
                self.data = np.zeros(3)
                self.sizes: list = [1, 2]
                self._private = 1
            def train(self, epochs):
                self.best = 0.5
                start()
        trainer = MyTrainer(0.1, object())
        trainer.late = 9
        trainer.train(epochs=5)
    """)
    settings = {
        "seed": (7, "self.seed = 7"),
        "lr": (0.1, "self.lr = lr"),
        "sizes": ([1, 2], "self.sizes: list"),
        "best": (0.5, "self.best = 0.5"),
    }
    expected = {f"my_trainer/{name}": told for name, told in settings.items()}
    expected |= {f"trainer/{name}": told for name, told in settings.items()}
    call, made = "trainer.train(epochs=5)", "trainer = MyTrainer"
    assert program.told == expected | {
        "epochs": (5, call),
        "my_trainer/late": (9, call),
        "trainer/late": (9, made),
    }


@pytest.mark.parametrize(
    "base", ["keras.Model", "torch.nn.Module", "tf_keras.layers.Layer", "flax.nnx.Module"]
)
def test_objects_of_a_framework_are_no_settings(program: Any, base: str) -> None:
    package, _, name = base.rpartition(".")
    program.run(f"""
        import types
        from training import start
        Base = type("{name}", (), {{"__module__": "{package}"}})
        class Net(Base):
            units = 8
            def __init__(self):
                self.rate = 0.1
        class Settings(Base):
            lr = 0.1
        net = Net()
        kept = 1
        start()
    """)
    assert program.told == {"kept": (1, "kept = 1")}


def test_objects_of_other_libraries_are_no_settings(program: Any) -> None:
    program.run("""
        import collections, decimal, fractions, logging, random, re, threading
        from training import start
        log = logging.getLogger("x")
        lock = threading.Lock()
        thread = threading.Thread()
        pattern = re.compile("x")
        rng = random.Random(3)
        queue = collections.deque([1])
        start()
    """)
    assert program.told == {}

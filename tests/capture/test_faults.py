"""Whatever a program does, capture tells what it can and lets it train."""

from __future__ import annotations

from collections.abc import Callable

import pytest

HOSTILE = """
import threading, tracemalloc
import parametry.auto
import parametry as pm
import keras, numpy as np, pandas

x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")
calls = []


class Hostile(keras.Model):
    def __init__(self, table, huge, knot, lock, maker, text, deep, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(1)

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        raise RuntimeError("no configuration")

    @property
    def table(self):
        calls.append("table")
        raise ValueError("a property that raises")

    @property
    def huge(self):
        calls.append("huge")
        return 1


class Rude:
    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    __str__ = __repr__

    def __eq__(self, other):
        raise RuntimeError("eq")

    __hash__ = None


knot = []
knot.append(knot)
deep = []
for _ in range(5000):
    deep = [deep]
tracemalloc.start()
huge = np.broadcast_to(np.float32(1), (250_000_000,))
before = tracemalloc.get_traced_memory()[0]
net = Hostile(
    pandas.DataFrame({"a": [1, 2]}),
    huge,
    knot,
    threading.Lock(),
    (i for i in range(3)),
    "t" * 1_000_000,
    deep,
)
rude = keras.layers.Lambda(lambda x: x, arguments={"rude": 1})
assert tracemalloc.get_traced_memory()[1] - before < 20_000_000
tracemalloc.stop()
values = net.hyperparameters
assert {"$array", "$object"} & values["model/table"].value.keys()
assert values["model/huge"].value == {
    "$array": "numpy.ndarray", "shape": [250_000_000], "dtype": "float32"
}
assert "recursive" in str(values["model/knot"].value)
assert values["model/lock"].value == {"$object": "_thread.lock"}, values["model/lock"]
assert values["model/maker"].value == {"$object": "generator"}
assert values["model/text"].value["$long"] == 1_000_000
assert calls == [], calls
net.compile("sgd", "mse")
assert net.fit(x, y, verbose=0).epoch == [0]
pm.inspect(net).to_json()


class Rudely(keras.layers.Layer):
    def __init__(self, thing, **kwargs):
        super().__init__(**kwargs)

layer = Rudely(Rude())
assert "Rude" in str(pm.inspect(layer).hyperparameters["model/thing"].value)

# Names that would disturb an address, a terminal or a page.
names = ["größe", "a*b", "[bold]x", "<script>", "n" * 10_000, "per%cent", "b\\x1b[31m", "x y"]
odd = keras.Sequential([keras.Input((2,))] + [keras.layers.Dense(2, name=n) for n in names])
model = pm.inspect(odd)
assert len(model.layers) == len(names) + 1
for name in names:
    assert any(layer.native_name == name for layer in model.layers.values()), name
for address, parameter in model.parameters.items():
    assert model.parameters.select(pm.escape(address))[address] is parameter
    assert not any(ord(c) < 32 for c in address)
assert len(model._repr_html_()) <= 200_000
if keras.config.backend() != "tensorflow":  # which refuses such names itself
    odd.compile("sgd", "mse")
    odd.fit(x, np.zeros((8, 2)), verbose=0)

# A constructor that fails half-way leaves nothing that breaks a later look.
class Fails(keras.Model):
    def __init__(self):
        self.early = 1 if False else None
        raise LookupError("half-way")
for _ in range(2):
    try:
        Fails()
    except LookupError:
        pass
class Forgets(keras.layers.Layer):
    def __init__(self, units):
        self.units = units
try:
    Forgets(3)
except RuntimeError as error:
    assert "super" in str(error)
from parametry.capture.report import build_report
report = build_report(["program.py"], "finished")
assert len(report.models) >= 2
print("all held")
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_hostile_arguments_and_names(run_python: Callable[..., str], backend: str) -> None:
    assert "all held" in run_python(HOSTILE, backend)


FAULT = """
import logging, io
lines = io.StringIO()
logging.getLogger("parametry").addHandler(logging.StreamHandler(lines))
import warnings
warnings.simplefilter("error")
import parametry.auto
import keras, numpy as np
import parametry.core.signature as signature

# A fault of capture's own, at its heart.
def broken(self, *args):
    raise ZeroDivisionError("inside capture")
signature.Signature.bind = broken

net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
net.compile(keras.optimizers.SGD(0.1), "mse")
for _ in range(3):
    net.fit(np.ones((4, 2), "float32"), np.zeros((4, 1), "float32"), verbose=0)
net.optimizer.learning_rate = 0.5
told = [line for line in lines.getvalue().splitlines() if "capture failed" in line]
assert told and len(told) == len(set(told)), told
assert sum("reading a constructor" in line for line in told) == 1, told
from parametry.capture.report import build_report
gaps = [gap for gap in build_report(["p"], "finished").coverage if gap.subject == "capture"]
assert any("ZeroDivisionError" in gap.reason for gap in gaps), gaps
print("trained")
"""


def test_a_fault_of_capture_is_told_once_and_training_goes_on(
    run_python: Callable[..., str],
) -> None:
    import subprocess
    import sys

    # The fixture refuses what this program must print: the report of a fault.
    done = subprocess.run(
        [sys.executable, "-c", FAULT],
        capture_output=True,
        text=True,
        env={**__import__("os").environ, "KERAS_BACKEND": "jax"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "trained" in done.stdout


INSPECTED = """
import numpy as np, keras, parametry as pm

for thing in (object(), 3, None, [keras.layers.Dense(1)], b"net.keras", keras.Model,
              keras.optimizers.SGD(0.1), np.ones(3)):
    try:
        pm.inspect(thing)
    except pm.NotAModel as error:
        assert error.hint and "no model" in str(error) or "class" in str(error), error
    else:
        raise SystemExit(f"{thing!r} was taken for a model")

net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
model = pm.inspect(net)
for wanted, words in {
    "dense/kernal": "nearest: dense/kernel",
    "kernel": "nearest: dense/kernel",
    "dense": "below it",
    "**/kernel": "is a pattern",
    "": "no parameter",
}.items():
    try:
        model.parameters[wanted]
    except pm.UnknownAddress as error:
        assert words in str(error), (wanted, str(error))
    else:
        raise SystemExit(f"{wanted!r} was found")
    assert wanted not in model.parameters and model.parameters.get(wanted) is None
for pattern in ("**/kern", "*", "[", "{a"):
    try:
        model.parameters.select(pattern)
    except (pm.NothingMatched, pm.PatternError) as error:
        assert error.hint
    else:
        raise SystemExit(f"{pattern!r} matched")
assert len(model.parameters.select("**/kern", missing_ok=True)) == 0

kernel = model.parameters["dense/kernel"]
was = kernel.numpy()
for wrong, kind, hint in (
    (np.zeros((3, 4), "float32"), pm.ShapeMismatch, "transposed"),
    (np.zeros(12, "float32"), pm.ShapeMismatch, "reshape"),
    (0.5, pm.ShapeMismatch, "numpy.full"),
    (np.zeros((4, 3), "int32"), pm.DtypeMismatch, "astype"),
    (np.full((4, 3), 1e300), pm.DtypeMismatch, "clip"),
    (np.zeros((4, 3), bool), pm.DtypeMismatch, "astype"),
):
    try:
        kernel.assign(wrong)
    except kind as error:
        assert hint in str(error) and "dense/kernel" in str(error), error
    else:
        raise SystemExit(f"{wrong!r} was assigned")
    np.testing.assert_array_equal(kernel.numpy(), was)
try:
    pm.inspect(keras.Sequential([keras.layers.Dense(2)]), input_shape=(None, "x"))
except pm.NotBuilt as error:
    assert "sample" in error.hint
else:
    raise SystemExit("was built")
"""


def test_wrong_questions_get_answers_that_help(run_python: Callable[..., str]) -> None:
    run_python(INSPECTED)


NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
cells = [
    "import parametry.auto, keras, numpy as np",
    "width = 3\\nrate = 0.5\\n\\n"
    "net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(width)])",
    "net.compile(keras.optimizers.SGD(rate), 'mse')\\n"
    "net.fit(np.ones((4, 2)), np.zeros((4, 3)), verbose=0)",
    "found = {a: str(e.where) for a, e in net.hyperparameters.items() if e.where}",
]
for cell in cells:
    shell.run_cell(cell, store_history=True).raise_error()
found = shell.user_ns["found"]
assert found["model/dense/units"] == "In[2]:4", found["model/dense/units"]
assert found["optimizer/learning_rate"] == "In[3]:1", found["optimizer/learning_rate"]
assert found["fit/verbose"] == "In[3]:2"
assert found["script/width"] == "In[2]:1" and found["script/rate"] == "In[2]:2", found
assert not {"script/In", "script/Out", "script/exit", "script/net", "script/found"} & found.keys()
"""


def test_a_notebooks_cell_is_the_place(run_python: Callable[..., str]) -> None:
    run_python(NOTEBOOK)


THREADS = """
import parametry.auto
import keras, numpy as np
from concurrent.futures import ThreadPoolExecutor

def train(width):
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(width)])
    net.compile(keras.optimizers.SGD(width / 100), "mse", run_eagerly=True)
    net.fit(np.ones((4, 2), "float32"), np.zeros((4, width), "float32"), epochs=2, verbose=0)
    values = net.hyperparameters
    return (values["model/dense/units"].value, values["optimizer/learning_rate"].value,
            values["script/width"].value, values["fit/epochs"].value)

with ThreadPoolExecutor(4) as pool:
    for width, seen in zip(range(1, 9), pool.map(train, range(1, 9))):
        assert seen == (width, width / 100, width, 2), seen
"""


def test_threads_do_not_mix(run_python: Callable[..., str]) -> None:
    run_python(THREADS, "torch")

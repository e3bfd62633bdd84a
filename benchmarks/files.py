"""Looking at files: `parametry show` in a process of its own, and listing in one that is warm.

*Cold* is a process from its start to its end, with Python's compiled files in place, as pip leaves
them. What it is against imports no more than it needs: Keras loads and summarises a MobileNet on
TensorFlow, ``tf.train.list_variables`` lists its checkpoint, ``torch.load(weights_only=True)``
opens a state dict. *Warm* is a process that has imported everything: names, shapes and dtypes of
all arrays in a file. ``torch.load`` reads the values too, unless it maps them (``mmap=True``), and
so does NumPy, which knows no other way to a shape in an ``.npz``. The folder is one as Hugging
Face's libraries write it: 200 shards, 90,000 tensors of a few bytes.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from measure import Figure, child, figure, interleaved, paired, tell

MOST_FOR_SHOW = 1.5  # × importing NumPy and h5py
MOST_OF_KERAS = 0.05  # ×: twenty times faster
MOST_FOR_FOLDER = 2000  # ms
SHARDS, TENSORS = 200, 450

PYTHON = sys.executable
COMMAND = str(Path(sysconfig.get_path("scripts")) / "parametry")
IMPORTS = 'python -c "import numpy, h5py"'
KERAS = "keras.models.load_model, summary"
LIST = "tf.train.list_variables"
TORCH = "torch.load(weights_only=True)"
MAPPED = "torch.load(weights_only=True, mmap=True)"
SAFE = "safetensors.safe_open"
NUMPY = "numpy.load"
CODE = {
    KERAS: "import keras; keras.models.load_model({!r}).summary()",
    LIST: "import tensorflow as tf; tf.train.list_variables({!r})",
    TORCH: "import torch; torch.load({!r}, weights_only=True)",
    MAPPED: "import torch; torch.load({!r}, weights_only=True, mmap=True)",
}
FILES = {
    "keras": ("net.keras", [KERAS]),
    "tensorflow": ("checkpoint-1", [LIST]),
    "torch": ("net.pt", [TORCH, MAPPED]),
    "safetensors": ("net.safetensors", [SAFE]),
    "npz": ("net.npz", [NUMPY]),
}


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of cold processes, of warm ones, and of a folder of shards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("keras", "torch"):
            child("files.py", "make", kind, folder, int(quick), backend="tensorflow")
        yield from _cold(folder, quick)
        for kind, (file, names) in FILES.items():
            rounds = 2 if quick else 7 if kind == "keras" else 21
            taken = child("files.py", "warm", kind, folder / file, rounds, backend="tensorflow")
            yield from _compared(f"warm: parametry.inspect({file!r})", taken, names)
        shards, tensors = (4, 9) if quick else (SHARDS, TENSORS)
        write_shards(folder / "sharded", shards, tensors)
        seconds = child("files.py", "shards", folder / "sharded", 2 if quick else 11)
        what = f"parametry.inspect of {shards} shards, {shards * tensors:,} tensors"
        yield figure(what, seconds, "ms", scale=1e3, limit=MOST_FOR_FOLDER)


def _cold(folder: Path, quick: bool) -> Iterator[Figure]:
    show = [COMMAND, "show", str(folder / "net.keras")]
    ways = {
        IMPORTS: partial(_start, [PYTHON, "-c", "import numpy, h5py"]),
        "": partial(_start, show),
    }
    taken = interleaved(ways, 2 if quick else 41)
    yield from _compared("cold: parametry show net.keras", taken, [IMPORTS], MOST_FOR_SHOW)
    for kind in ("keras", "tensorflow", "torch"):
        file, names = FILES[kind]
        path = str(folder / file)
        ways = {name: partial(_start, [PYTHON, "-c", CODE[name].format(path)]) for name in names}
        ways[""] = partial(_start, [COMMAND, "show", path])
        taken = interleaved(ways, 1 if quick else 5)
        limit = MOST_OF_KERAS if kind == "keras" else None
        what = f"cold: parametry show {file}" + (", beside Keras" if kind == "keras" else "")
        yield from _compared(what, taken, names, limit)


def _compared(
    what: str,
    taken: Mapping[str, list[float]],
    names: list[str],
    limit: float | None = None,
) -> Iterator[Figure]:
    """How long ours took, whose name is empty, then each other way and the ratio to it."""
    kind = what.partition(":")[0]
    yield figure(what, taken[""], "ms", scale=1e3)
    for name in names:
        yield figure(f"{kind}: {name}", taken[name], "ms", scale=1e3)
        yield figure(f"{what}, against {name}", paired(taken[""], taken[name]), "×", limit=limit)


def _start(command: list[str]) -> float:
    """Seconds that a process took from its start to its end."""
    environment = dict(os.environ, KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="2")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        check=True,
    )
    return time.perf_counter() - began


def make(kind: str, folder: Path, quick: bool) -> None:
    """Write the files: a MobileNet and its checkpoint, or arrays in the formats without a model."""
    import numpy as np

    if kind == "keras":
        import keras
        import tensorflow as tf

        size = 32 if quick else 224
        alpha = 0.25 if quick else 1.0
        net = keras.applications.MobileNet((size, size, 3), alpha, weights=None, classes=10)
        net.compile("adam", "categorical_crossentropy")
        net.save(folder / "net.keras")
        tf.train.Checkpoint(model=net).save(folder / "checkpoint")
        return
    import torch
    from safetensors.numpy import save_file

    count, side = (4, 8) if quick else (500, 256)
    arrays = {
        f"layers.{number}.weight": np.full((side, side), number, np.float32)
        for number in range(count)
    }
    torch.save({name: torch.from_numpy(each) for name, each in arrays.items()}, folder / "net.pt")
    save_file(arrays, folder / "net.safetensors")
    np.savez(folder / "net.npz", **arrays)


def write_shards(folder: Path, shards: int, tensors: int) -> None:
    """A folder of safetensors with an index, as Hugging Face's libraries write large models."""
    parts = ("self_attn.q_proj", "self_attn.k_proj", "mlp.up_proj", "mlp.down_proj", "norm")
    folder.mkdir()
    places: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        header: dict[str, Any] = {}
        for index in range(tensors):
            number = shard * tensors + index
            name = f"model.layers.{number // len(parts)}.{parts[number % len(parts)]}.weight"
            offsets = [16 * index, 16 * index + 16]
            header[name] = {"dtype": "BF16", "shape": [4, 2], "data_offsets": offsets}
            places[name] = file
        text = json.dumps(header).encode()
        (folder / file).write_bytes(struct.pack("<Q", len(text)) + text + bytes(16 * tensors))
    index_text = json.dumps({"metadata": {}, "weight_map": places})
    (folder / "model.safetensors.index.json").write_text(index_text, encoding="utf-8")


def warm(kind: str, path: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of every way to list a file, taking turns; the first round only imports."""
    ways: dict[str, Callable[[], Any]] = {"": partial(_listed, path)}
    ways |= {name: partial(_other(name), str(path)) for name in FILES[kind][1]}
    taken = interleaved({name: partial(_timed, way) for name, way in ways.items()}, rounds + 1)
    return {name: times[1:] for name, times in taken.items()}


def _listed(path: Path) -> Any:
    import parametry as pm

    model = pm.inspect(path)
    return [(entry.address, entry.shape, entry.dtype) for entry in model.parameters.values()]


def _other(name: str) -> Callable[[str], Any]:
    """What does the same with the tools that users have."""
    if name == KERAS:
        import keras

        return lambda path: keras.models.load_model(path).summary(print_fn=lambda *_, **__: None)
    if name == LIST:
        import tensorflow as tf

        return tf.train.list_variables
    if name in (TORCH, MAPPED):
        import torch

        return lambda path: torch.load(path, weights_only=True, mmap=name == MAPPED or None)
    if name == SAFE:
        return _safe_open
    return _numpy_load


def _safe_open(path: str) -> Any:
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return [(name, part.get_shape(), part.get_dtype()) for name, part in parts.items()]


def _numpy_load(path: str) -> Any:
    import numpy as np

    with np.load(path) as file:
        return [(name, array.shape, array.dtype) for name, array in file.items()]


def _timed(way: Callable[[], Any]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def main(work: str, *arguments: str) -> None:
    if work == "make":
        kind, folder, quick = arguments
        make(kind, Path(folder), quick == "1")
        tell(None)
    elif work == "warm":
        kind, path, rounds = arguments
        tell(warm(kind, Path(path), int(rounds)))
    else:
        path, rounds = arguments
        tell([_timed(partial(_listed, Path(path))) for _ in range(int(rounds))])


if __name__ == "__main__":
    main(*sys.argv[1:])

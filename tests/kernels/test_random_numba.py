"""The compiled loops give the bytes of the definition: any size, any number of threads."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parametry
from parametry.core.dtype import numpy_dtype
from parametry.initializers.distributions import BELOW_CUT, CUT
from parametry.kernels import draw, random_numba, random_numpy
from parametry.kernels.orthonormal import orthonormal
from parametry.kernels.quantile import DOUBLE, SINGLE
from parametry.kernels.stream import stream

KEY = stream(0, "dense/kernel")
SIZES = [
    *(0, 1, 2, 3, 17),
    *(draw.BLOCK - 1, draw.BLOCK, draw.BLOCK + 1, 2 * draw.BLOCK + 3),
    *(draw.SHARE - 1, draw.SHARE, draw.SHARE + 1, 2 * draw.SHARE + 7),
]


def at_once(size: int, dtype: str) -> tuple[Any, Any, Any]:
    """All the bits of an array in one piece, the array for its numbers, and their type."""
    precision = DOUBLE if dtype == "float64" else SINGLE
    words = np.empty(size, np.uint64)
    random_numpy.words(KEY.start, KEY.gamma, 0, words)
    return words.view(precision.word)[:size], np.empty(size, precision.dtype), precision.dtype.type


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_blocks_and_threads_change_nothing(size: int, dtype: str) -> None:
    assert draw.numba_engine() is random_numba
    assert draw.engine_for(size) is random_numba
    bits, out, number = at_once(size, dtype)
    width = out.dtype.itemsize * 8
    random_numpy.normal(
        bits, number(0), number(2.0**-width), number(math.inf), number(0.1), number(0.7), out
    )
    found = draw.normal(KEY, (size,), dtype, 0.1, 0.7)
    assert found.tobytes() == out.astype(numpy_dtype(dtype)).tobytes()
    random_numpy.uniform(bits, number(-1), number(3), number(2), out)
    found = draw.uniform(KEY, (size,), dtype, -1, 2)
    assert found.tobytes() == out.astype(numpy_dtype(dtype)).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_truncated(dtype: str) -> None:
    bits, out, number = at_once(100_001, dtype)
    span = (0.5 - BELOW_CUT) * 2.0 ** (1 - 8 * out.dtype.itemsize)
    random_numpy.normal(bits, *map(number, (BELOW_CUT, span, CUT, 0, 1)), out)
    found = draw.normal(KEY, out.shape, dtype, 0, 1, below=BELOW_CUT, cut=CUT)
    assert found.tobytes() == out.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_word_at_the_ends(dtype: str) -> None:
    precision = DOUBLE if dtype == "float64" else SINGLE
    width = 8 * precision.word.itemsize
    near = [0, 1, 2, 3, 4, 255, 256, 257, 2047, 2048, 2049]
    bits = np.array([*near, *(2**width - 1 - n for n in near)], precision.word)
    # And where the quantile's branches meet: at 0.075, and in the far tail at exp(-25).
    for probability in (0.075, math.exp(-25)):
        middle = np.uint64(probability * 2.0**width)
        around = np.arange(2001, dtype=np.uint64) + max(middle, np.uint64(1000)) - np.uint64(1000)
        bits = np.append(bits, around.astype(precision.word))
    slow, quick = np.empty(bits.shape, dtype), np.empty(bits.shape, dtype)
    scalars = [precision.dtype.type(x) for x in (0, 2.0**-width, math.inf, 0, 1)]
    random_numpy.normal(bits, *scalars, slow)
    random_numba.normal(bits, *scalars, quick)
    assert slow.tobytes() == quick.tobytes()


def test_words_from_far_on() -> None:
    slow, quick = np.empty(1000, np.uint64), np.empty(1000, np.uint64)
    for first in (0, 12345, 2**40, 2**63):
        random_numpy.words(KEY.start, KEY.gamma, first, slow)
        random_numba.words(KEY.start, KEY.gamma, first, quick)
        assert slow.tobytes() == quick.tobytes()


def test_reflections() -> None:
    rng = np.random.default_rng(0)
    vectors, factors = rng.normal(size=(70, 90)), rng.uniform(size=70) / 100
    for first, count in [(0, 32), (64, 6), (0, 70), (69, 1)]:
        slow = np.eye(90, count, -first)
        quick = slow.copy()
        random_numpy.reflect(vectors, factors, first, slow)
        random_numba.reflect(vectors, factors, first, quick)
        assert slow.tobytes() == quick.tobytes()


def test_nothing_is_fused(tmp_path: Path) -> None:
    # One instruction for a product and a sum would round once where NumPy rounds twice. numba shows
    # only what it has compiled itself, so nothing may be in the cache.
    program = (
        "from parametry.kernels import random_numba\n"
        "makers, dtypes = (random_numba._normal, random_numba._uniform), ('float32', 'float64')\n"
        "loops = [make(dtype) for make in makers for dtype in dtypes]\n"
        "for loop in (*loops, random_numba._reflect()):\n"
        "    print(*loop.inspect_asm().values())\n"
    )
    text = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    assert text.count("mul") > 100
    assert [name for name in ("fmadd", "fmsub", "fnm", "fmla", "fmls") if name in text] == []


PROGRAM = """
import hashlib, os, sys
{before}
from parametry.kernels import draw
from parametry.kernels.orthonormal import orthonormal
from parametry.kernels.stream import stream
draw.PATIENCE = {patience}
key = stream(0, "dense/kernel")
digest = hashlib.sha256()
for dtype in ("float32", "float64", "float16"):
    digest.update(draw.normal(key, (1300, 1000), dtype, 0, 1).tobytes())
    digest.update(draw.uniform(key, (1300, 1000), dtype, 0, 1).tobytes())
digest.update(orthonormal(key, 100, 70, 1.0, "float32").tobytes())
print(digest.hexdigest(), sys.modules.get("numba") is not None)
"""


def told(before: str = "", patience: int = 0, **environment: str) -> list[str]:
    program = PROGRAM.format(before=before, patience=patience)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def here() -> str:
    assert draw.numba_engine() is random_numba
    digest = hashlib.sha256()
    for dtype in ("float32", "float64", "float16"):
        digest.update(draw.normal(KEY, (1300, 1000), dtype, 0, 1).tobytes())
        digest.update(draw.uniform(KEY, (1300, 1000), dtype, 0, 1).tobytes())
    digest.update(orthonormal(KEY, 100, 70, 1.0, "float32").tobytes())
    return digest.hexdigest()


def test_one_thread_alone(here: str) -> None:
    one = "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])"
    assert told(one) == [here, "True"]


def test_without_numba(here: str) -> None:
    assert told("sys.modules['numba'] = None") == [here, "False"]


def test_numba_waits_until_it_is_worth_its_start(here: str) -> None:
    assert told(patience=1 << 30) == [here, "False"]


def test_no_folder_for_a_cache(here: str, tmp_path: Path) -> None:
    copied = tmp_path / "parametry"
    source = Path(parametry.__file__).parent
    shutil.copytree(source, copied, ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "kernels" / "__pycache__").write_text("a file where the folder would be")
    before = f"sys.path.insert(0, {str(tmp_path)!r})"
    found = told(before, HOME="/dev/null", XDG_CACHE_HOME="/dev/null", NUMBA_CACHE_DIR="")
    assert found == [here, "True"]


def test_a_process_that_makes_many_small_arrays_starts_it_too() -> None:
    program = (
        "import sys\n"
        "from parametry.kernels import draw\n"
        "from parametry.kernels.stream import stream\n"
        "draw.PATIENCE = 10_000\n"
        "for n in range(10):\n"
        "    assert 'numba' not in sys.modules\n"
        "    draw.uniform(stream(0, str(n)), (1000,), 'float32', 0, 1)\n"
        "assert 'numba' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

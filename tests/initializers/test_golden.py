"""Initial values for ever: the bytes of every initializer, as golden.json has them.

A difference here is a fault: whoever has written down a seed would get another model. Only a new
case is ever added, by ``python tests/initializers/test_golden.py``, which refuses to change one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import parametry as pm
from parametry.conventions.fans import fans
from parametry.core.initializer import Initializer, Site

GOLDEN = Path(__file__).parent / "golden.json"

INITIALIZERS: dict[str, Initializer] = {
    "constant(0.1)": pm.constant(0.1),
    "dirac()": pm.dirac(),
    "dirac(2)": pm.dirac(2),
    "glorot_normal()": pm.glorot_normal(),
    "glorot_uniform()": pm.glorot_uniform(),
    "he_normal()": pm.he_normal(),
    "he_uniform()": pm.he_uniform(),
    "identity(1.5)": pm.identity(1.5),
    "lecun_normal()": pm.lecun_normal(),
    "lecun_uniform()": pm.lecun_uniform(),
    "lsuv()": pm.lsuv(),
    "normal(0, 1)": pm.normal(0, 1),
    "normal(0.1, 0.01)": pm.normal(0.1, 0.01),
    "ones()": pm.ones(),
    "orthogonal()": pm.orthogonal(),
    "orthogonal(1.4)": pm.orthogonal(1.4),
    "sparse(0.7)": pm.sparse(0.7),
    "truncated_normal(0, 1)": pm.truncated_normal(0, 1),
    "uniform(-1, 2)": pm.uniform(-1, 2),
    "uniform(0, 1)": pm.uniform(0, 1),
    "variance_scaling(3, 'fan_out', 'untruncated_normal')": pm.variance_scaling(
        3, "fan_out", "untruncated_normal"
    ),
    "zeros()": pm.zeros(),
}
SHAPES = [(), (7,), (3, 4), (70, 50), (3, 3, 4, 8)]
DTYPES = ["float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
SEEDS = [0, -1, 2**80]


def cases() -> Iterator[tuple[str, Initializer, Site, int]]:
    """Every initializer at every shape it is for, and there in every dtype or with every seed."""
    for name, initializer in INITIALIZERS.items():
        shapes = SHAPES
        if name.startswith("dirac"):
            shapes = [(3, 3, 4, 8)]
        elif name.startswith("identity"):
            shapes = [(3, 4), (70, 50)]
        elif name.startswith(("lsuv", "orthogonal", "sparse")):
            shapes = SHAPES[2:]
        for shape in shapes:
            kinds = [(dtype, 0) for dtype in DTYPES]
            kinds += [("float32", seed) for seed in SEEDS[1:]]
            for dtype, seed in kinds if shape == shapes[-1] else kinds[:2]:
                layer = "Conv2D" if len(shape) == 4 else "Dense"
                fan_in, fan_out = fans(layer, "kernel", shape)
                site = Site("block/kernel", shape, dtype, layer, "kernel", fan_in, fan_out)
                yield f"{name} {shape} {dtype} seed={seed}", initializer, site, seed


def told(initializer: Initializer, site: Site, seed: int) -> dict[str, str]:
    """The hash of the values' bytes, and the first of them to look at; little end first."""
    values = initializer.values(site, seed)
    raw = values.tobytes() if values.dtype.byteorder != ">" else values.byteswap().tobytes()
    return {"sha256": hashlib.sha256(raw).hexdigest(), "first": raw[:16].hex()}


@pytest.mark.parametrize(
    ("case", "initializer", "site", "seed"), [pytest.param(*case, id=case[0]) for case in cases()]
)
def test_golden(case: str, initializer: Initializer, site: Site, seed: int) -> None:
    assert told(initializer, site, seed) == json.loads(GOLDEN.read_text(encoding="utf-8"))[case]


def test_every_golden_value_is_asked_for() -> None:
    assert set(json.loads(GOLDEN.read_text(encoding="utf-8"))) == {case[0] for case in cases()}


def test_every_initializer_is_there() -> None:
    public = {
        name for name, home in pm._HOME_OF.items() if home.startswith("parametry.initializers.")
    }
    assert {name.partition("(")[0] for name in INITIALIZERS} == public


def write() -> None:
    """Add what is new."""
    known = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    found = {case: told(*rest) for case, *rest in cases()}
    changed = [case for case in known if found.get(case) != known[case]]
    if changed:
        raise SystemExit(f"these would change: {changed}")
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()

"""What the tests of Keras 3 share; ``PARAMETRY_TEST_BACKEND`` names the backend they run on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BACKEND = os.environ.get("PARAMETRY_TEST_BACKEND")
if BACKEND not in ("tensorflow", "jax", "torch"):
    raise pytest.UsageError(
        "these tests need a backend of their own: "
        "PARAMETRY_TEST_BACKEND=jax pytest tests/frameworks/keras"
    )
os.environ["KERAS_BACKEND"] = BACKEND
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
# XLA compiles one small program after the other here: that it compiles fast is all that counts.
os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"

# The models that many tests use, as the package `zoo`.
sys.path.insert(0, str(Path(__file__).parent))

import keras  # noqa: E402

from parametry.core.ledger import ledger  # noqa: E402
from parametry.core.seeds import SEEDS  # noqa: E402

if keras.backend.backend() != BACKEND:
    raise pytest.UsageError(f"Keras runs on {keras.backend.backend()}, {BACKEND} was asked for")


@pytest.fixture(scope="session")
def backend() -> str:
    """``tensorflow``, ``jax`` or ``torch``."""
    return str(BACKEND)


@pytest.fixture(autouse=True)
def unseen() -> Iterator[None]:
    """What capture saw in one test is not known in the next."""
    yield
    ledger.clear()
    SEEDS.clear()

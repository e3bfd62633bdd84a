"""What the tests of Keras 2 (``tf_keras``) share."""

from __future__ import annotations

import os

import pytest

if os.environ.get("PARAMETRY_TEST_BACKEND") != "tf_keras":
    raise pytest.UsageError(
        "these tests need a process of their own: "
        "PARAMETRY_TEST_BACKEND=tf_keras pytest tests/frameworks/keras2"
    )
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

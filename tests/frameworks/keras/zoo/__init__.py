"""Models of every kind that Keras can make, each with the addresses that it must have."""

from __future__ import annotations

from zoo import (  # noqa: F401
    attention,
    convolution,
    nesting,
    quantized,
    recurrent,
    root,
    same_names,
    sharing,
    state,
)
from zoo.case import CASES, Case, case, made, of

__all__ = ["CASES", "Case", "case", "made", "of"]

"""What an initializer may be asked for: checks that every family shares."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

from parametry.core.dtype import kind, numpy_dtype
from parametry.core.initializer import Site
from parametry.errors import RuleError

__all__ = ["check_random", "finite", "matrix", "whole"]


def finite(name: str, value: object, *, least: float = -math.inf) -> float:
    """An initializer's argument as a float.

    Args:
        name: What the argument is called, for the message.
        value: What was given.
        least: The smallest value allowed.

    Raises:
        RuleError: It is no finite number, or too small.

    Example:
        >>> finite("stddev", 1, least=0)
        1.0
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise RuleError(f"{name} is a number, not {value!r}", hint=f"as {name}=0.05")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond any float
        number = math.nan
    if not math.isfinite(number) or number < least:
        wanted = (
            "a finite number" if least == -math.inf else f"a finite number of at least {least:g}"
        )
        raise RuleError(f"{name} is {wanted}, not {value!r}", hint=f"as {name}=0.05")
    return number


def whole(name: str, value: object) -> int:
    """An initializer's argument as a positive integer.

    Args:
        name: What the argument is called, for the message.
        value: What was given.

    Raises:
        RuleError: It is none.

    Example:
        >>> whole("groups", 2)
        2
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise RuleError(f"{name} is a whole number of 1 or more, not {value!r}", hint=f"{name}=2")
    return int(value)


def check_random(site: Site, furthest: float) -> None:
    """Refuse a place that random numbers cannot be made for.

    Args:
        site: The place.
        furthest: The largest size that a number may have.

    Raises:
        RuleError: The dtype is not a floating-point one, or does not reach as far.
    """
    dtype = numpy_dtype(site.dtype)
    if kind(dtype) != "float":
        raise RuleError(
            f"{site.address} is {site.dtype}: random values are floating-point numbers",
            hint="constant(0) or an array sets it, or a narrower pattern leaves it out",
        )
    limits: Any = ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    if float(limits.min) >= 0:
        raise RuleError(
            f"{site.address} is {site.dtype}, which has no negative numbers",
            hint="an array sets it, or a narrower pattern leaves it out",
        )
    if furthest > float(limits.max):
        raise RuleError(
            f"{site.address} is {site.dtype}, which ends at {float(limits.max):g}; values as far "
            f"as {furthest:g} were asked for",
            hint="choose a smaller spread, or a wider dtype",
        )


def matrix(site: Site) -> tuple[int, int]:
    """The shape as a matrix: one column for each entry of the last axis.

    Raises:
        RuleError: There are fewer than two axes.

    Example:
        >>> matrix(Site("conv/kernel", (3, 3, 8, 16), "float32", "Conv2D", "kernel", 72, 144))
        (72, 16)
    """
    if len(site.shape) < 2:
        raise RuleError(
            f"{site.address} has the shape {site.shape}: this initializer is for matrices and "
            f"kernels, of two axes or more",
            hint="name kernels alone, as '**/kernel', and give vectors a rule of their own",
        )
    return math.prod(site.shape[:-1]), site.shape[-1]

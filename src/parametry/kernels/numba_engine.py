"""numba, imported when a loop is first wanted, with its cache where one can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["compiled"]


def compiled(*, fastmath: frozenset[str] = frozenset()) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function when it is first called with arguments of some types.

    It releases the interpreter's lock, so that threads run it side by side, and divides as NumPy
    does. Where no folder for numba's cache can be written it is compiled in every process anew.

    Args:
        fastmath: What the compiler may assume of sums, in LLVM's words; by default nothing.

    Raises:
        ImportError: numba is not installed, or does not work here.
    """
    import numba

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    if fastmath:
        options["fastmath"] = set(fastmath)

    def compile_later(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # numba found no folder that it can write to
            return numba.njit(**options)(function)

    return compile_later

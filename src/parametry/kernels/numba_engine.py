"""numba, imported when a loop is first wanted, with its cache where one can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

__all__ = ["compiled", "fixed"]


def compiled(
    *signatures: str, fastmath: frozenset[str] = frozenset()
) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function at once for some signatures, or when it is first called with some types.

    It releases the interpreter's lock, so that threads run it side by side, and divides as NumPy
    does. Where no folder for numba's cache can be written it is compiled in every process anew.

    Args:
        *signatures: The types of arguments that it takes, in numba's words; where there are none,
            it is compiled when it is called.
        fastmath: What the compiler may assume of sums, in LLVM's words; by default nothing.

    Raises:
        ImportError: numba is not installed, or does not work here.
    """
    import numba

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    if fastmath:
        options["fastmath"] = set(fastmath)

    types = [list(signatures)] if signatures else []
    njit: Any = numba.njit

    def compile_function(function: Callable[..., Any]) -> Any:
        try:
            return njit(*types, cache=True, **options)(function)
        except (OSError, RuntimeError):  # numba found no folder that it can write to, or no room
            return njit(*types, **options)(function)

    return compile_function


def fixed(values: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    """A view that cannot be written to: numba compiles once for what can and what cannot."""
    view = values.view(dtype or values.dtype)
    view.flags.writeable = False
    return view

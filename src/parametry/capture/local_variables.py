"""Reading the local variables of a running function without keeping them alive."""

from __future__ import annotations

import inspect
import sys
from types import FrameType
from typing import Any, Final

__all__ = ["local_variables"]

# The frame, the name below, and the argument of `getrefcount`.
_ONLY_OURS: Final = 3
_LEAVES_A_COPY: Final = sys.version_info < (3, 13)


def local_variables(frame: FrameType) -> dict[str, Any]:
    """A copy of a frame's local variables.

    Before Python 3.13 whoever reads them leaves a dict with the frame that holds them all until the
    function ends: a model that the program deletes meanwhile, and all the memory that it takes,
    would live on. So the dict is emptied, unless somebody else has it, too: ``locals()`` gives the
    same one. See PEP 667.

    Args:
        frame: Any frame; a function's is as it was before.

    Example:
        >>> def function():
        ...     batch_size = 32
        ...     return local_variables(sys._getframe())
        >>> function()
        {'batch_size': 32}
    """
    found = frame.f_locals
    variables = dict(found)
    # A module's or a class's are its own namespace, no copy of it.
    is_copy = _LEAVES_A_COPY and frame.f_code.co_flags & inspect.CO_OPTIMIZED
    if is_copy and sys.getrefcount(found) <= _ONLY_OURS:
        found.clear()
    return variables

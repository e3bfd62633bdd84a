"""Where the bytes of an array are not zero, by instructions that no line of Python stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import extending, types

from parametry.kernels.numba_engine import compiled

__all__ = ["FORESEEN", "places_of_hits"]

FORESEEN: Final = 4
"""Room for so many places more than there are hits."""

_instruction: Callable[[Callable[..., Any]], Any] = extending.intrinsic
_AT_ONCE: Final = 64
_WORD = ir.IntType(64)
_BYTES = ir.VectorType(ir.IntType(8), 64)


@_instruction
def _which_are_set(_: Any, flags: Any, start: Any) -> Any:
    """A uint64 whose bit ``i`` tells whether the byte ``flags[start + i]`` is not zero.

    Args:
        flags: uint8, contiguous, with 64 bytes from ``start`` on.
        start: The number of the first.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(array.data, [args[1]]), _BYTES.as_pointer())
        some = builder.load(place, align=1)
        return builder.bitcast(builder.icmp_unsigned("!=", some, ir.Constant(_BYTES, None)), _WORD)

    return types.uint64(flags, start), code


@_instruction
def _first_one(_: Any, word: Any) -> Any:
    """The number of the lowest bit that is set; any number where none is."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), code


@_instruction
def _count_of_ones(_: Any, word: Any) -> Any:
    """How many bits are set."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), code


@compiled()
def places_of_hits(hits: Any, size: Any, places: Any) -> Any:
    """The numbers of the bytes that are not zero, in order; how many there are.

    Args:
        hits: uint8, contiguous, of a whole multiple of 64; what lies behind ``size`` may be
            anything there is.
        size: How many of them to look at.
        places: uint16; the numbers are written to its beginning, and `FORESEEN` more.
    """
    one, found = np.uint64(1), np.uint64(0)
    for start in range(0, size, _AT_ONCE):
        word, first = _which_are_set(hits, start), np.uint64(start)
        if start + _AT_ONCE > size:
            word &= (one << np.uint64(size - start)) - one
        after = found + _count_of_ones(word)
        # Places are written whether or not there is a hit, and written over where there is none: no
        # processor could foresee how many there are, but mostly they are no more.
        for k in range(FORESEEN):
            places[found + np.uint64(k)] = first + _first_one(word)
            word &= word - one
        found += np.uint64(FORESEEN)
        while word:
            places[found] = first + _first_one(word)
            word &= word - one
            found += one
        found = after
    return np.intp(found)

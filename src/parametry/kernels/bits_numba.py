"""Where the bytes of an array are not zero, by instructions that no line of Python stands for."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from parametry.kernels.numba_engine import compiled

__all__ = ["FORESEEN", "places_of_hits"]

FORESEEN: Final = 4
"""Room for so many places more than there are hits."""

_AT_ONCE: Final = 64


def _instructions() -> tuple[Any, Any, Any]:
    """What numba makes of three calls: `_which_are_set`, `_first_one` and `_count_of_ones`."""
    from llvmlite import ir
    from numba import extending, types

    word, flags = ir.IntType(64), ir.VectorType(ir.IntType(8), _AT_ONCE)

    def which_are_set(_: Any, array: Any, start: Any) -> Any:
        """A uint64 whose bit ``i`` tells whether the byte ``array[start + i]`` is not zero."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            bytes_of = context.make_array(signature.args[0])(context, builder, args[0]).data
            place = builder.bitcast(builder.gep(bytes_of, [args[1]]), flags.as_pointer())
            some = builder.load(place, align=1)
            hits = builder.icmp_unsigned("!=", some, ir.Constant(flags, None))
            return builder.bitcast(hits, word)

        return types.uint64(array, start), code

    def first_one(_: Any, value: Any) -> Any:
        """The number of the lowest bit that is set; 64 where none is."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

        return types.uint64(types.uint64), code

    def count_of_ones(_: Any, value: Any) -> Any:
        """How many bits are set."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.ctpop(args[0])

        return types.uint64(types.uint64), code

    intrinsic: Any = extending.intrinsic
    return intrinsic(which_are_set), intrinsic(first_one), intrinsic(count_of_ones)


_which_are_set, _first_one, _count_of_ones = _instructions()


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

"""A stream of random bits: any element at once, from its key and its index alone.

Element ``i`` is ``mix(start + (i + 1) * gamma)`` modulo 2**64: SplitMix64, a counter-based
generator that has nothing to carry from one element to the next, so that blocks and threads may
make their parts in any order. Each stream has a start *and* an odd step of its own, as the streams
of the original have, so that no two run over the same numbers.

Source: Guy L. Steele Jr., Doug Lea, Christine H. Flood, "Fast Splittable Pseudorandom Number
Generators", OOPSLA 2014; the mixing constants are Stafford's variant 13, as in
``java.util.SplittableRandom``.
"""

from __future__ import annotations

import hashlib
import operator
from dataclasses import dataclass
from typing import Final, SupportsIndex

from parametry.errors import RuleError

__all__ = ["FIRST_FACTOR", "SECOND_FACTOR", "Stream", "stream"]

FIRST_FACTOR: Final = 0xBF58476D1CE4E5B9
SECOND_FACTOR: Final = 0x94D049BB133111EB
_PERSON: Final = b"parametry.stream"
# A step whose neighbouring bits hardly differ would leave patterns between the elements.
_FEWEST_CHANGES: Final = 24
_ALTERNATING: Final = 0xAAAAAAAAAAAAAAAA


@dataclass(frozen=True, slots=True)
class Stream:
    """Which stream of random bits: 127 bits of key.

    Attributes:
        start: Where the counter starts; 64 bits.
        gamma: By how much it goes on from element to element; 64 bits, odd.
    """

    start: int
    gamma: int


def stream(seed: SupportsIndex, address: str, purpose: str = "") -> Stream:
    """The stream that belongs to a seed and an address.

    The key is the BLAKE2b hash of both, so any two that differ in anything have streams that
    have nothing to do with each other: seeds 0 and 1, seeds -1 and 2**64 - 1, addresses ``a`` and
    ``a/b``.

    Args:
        seed: Any integer: negative ones and those of more than 64 bits are seeds like any other,
            and none is cut to fit.
        address: The address of the parameter.
        purpose: Which of several streams of the same address, where an initializer needs more than
            one.

    Raises:
        RuleError: The seed is no integer.

    Example:
        >>> stream(0, "dense/kernel") == stream(0, "dense/kernel")
        True
        >>> hex(stream(0, "dense/kernel").start)
        '0xdf23b1b02137c7e5'

    Source: BLAKE2, RFC 7693.
    """
    try:
        number = operator.index(seed)
    except TypeError as fault:
        raise RuleError(
            f"a seed is an integer, not {seed!r}", hint="seed=0, or any other whole number"
        ) from fault
    # Hexadecimal, since Python writes integers of any length so; it cannot hold the separator.
    text = f"{number:x}\0{purpose}\0{address}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=16, person=_PERSON).digest()
    start, gamma = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little") | 1
    if (gamma ^ (gamma >> 1)).bit_count() < _FEWEST_CHANGES:
        gamma ^= _ALTERNATING
    return Stream(start, gamma)

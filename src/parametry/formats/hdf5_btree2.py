"""The records of HDF5's trees of version 2, in their order.

Source: HDF5 File Format Specification, III.A.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from parametry.formats.hdf5_bytes import UNDEFINED, Bytes

__all__ = ["bytes_for", "records"]

# Signature, version, type and checksum of a node.
_NODE: Final = 10
_BEFORE: Final = 6
_MOST_LEVELS: Final = 64


def bytes_for(limit: int) -> int:
    """How many bytes a number up to a limit takes.

    Example:
        >>> bytes_for(255), bytes_for(256)
        (1, 2)
    """
    return max(limit.bit_length() - 1, 0) // 8 + 1


def records(file: Bytes, tree: int, kind: int, once: Callable[[int], None]) -> Iterator[bytes]:
    """The records of a tree.

    Args:
        file: The HDF5 file.
        tree: The address of the tree's header.
        kind: What the records are to be of.
        once: Refuses an address that was met before.

    Raises:
        FormatError: It is no such tree, or damaged.
    """
    once(tree)
    file.signature(tree, b"BTHD")
    told = file.number(tree + 5, 1)
    node_size, size, depth = (
        file.number(tree + 6, 4),
        file.number(tree + 10, 2),
        file.number(tree + 12, 2),
    )
    if told != kind or not size or depth > _MOST_LEVELS or node_size < _NODE + size:
        raise file.fault("it is another tree than it should be", tree)
    most = [(node_size - _NODE) // size]
    total, totals = most[0], [0]
    for _ in range(depth):
        pointer = 8 + bytes_for(most[0]) + totals[-1]
        most.append(max(node_size - _NODE - pointer, 0) // (size + pointer))
        total = (most[-1] + 1) * total + most[-1]
        totals.append(bytes_for(total))
    root = file.number(tree + 16, 8)
    stack: list[tuple[int, int, int] | bytes] = []
    if root != UNDEFINED:
        stack.append((root, file.number(tree + 24, 2), depth))
    while stack:
        top = stack.pop()
        if isinstance(top, bytes):
            yield top
            continue
        at, count, level = top
        once(at)
        file.signature(at, b"BTIN" if level else b"BTLF")
        if count > most[level]:
            raise file.fault("a node of a tree has more records than it can", at)
        content = file.take(at + _BEFORE, count * size)
        own = [content[place : place + size] for place in range(0, len(content), size)]
        if not level:
            stack.extend(reversed(own))
            continue
        width = bytes_for(most[0])
        pointer = 8 + width + totals[level - 1]
        below = file.take(at + _BEFORE + count * size, (count + 1) * pointer)
        children = [
            (
                int.from_bytes(below[place : place + 8], "little"),
                int.from_bytes(below[place + 8 : place + 8 + width], "little"),
                level - 1,
            )
            for place in range(0, len(below), pointer)
        ]
        for place in range(count, 0, -1):
            stack += [children[place], own[place - 1]]
        stack.append(children[0])

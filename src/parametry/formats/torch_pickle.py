"""The pickle machine: runs the opcodes that torch writes, and gives inert data.

It imports nothing and calls nothing that the file names: `parametry.formats.torch_globals` holds
the names that it builds data for, by code of our own; any other call is a `FormatError`.

A pickle is read twice. The first pass (`parametry.formats.torch_scan`) checks the whole program, so
a file that is cut short fails before anything is built; it also finds which values are used again,
and this pass forgets all others. What may be built is bounded in number and in bytes.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from parametry.formats.torch_globals import build, call, instantiate, resolve
from parametry.formats.torch_scan import Pickle, line_at, scan
from parametry.formats.torch_values import Fault, Global, Instance, Tensor

__all__ = ["MOST_BYTES", "Persistent", "unpickle"]

MOST_BYTES: Final = 320 << 20
"""How many bytes the objects of one pickle may take in memory, roughly counted."""
_MOST_TUPLE_KEYS: Final = 1_000
_LONGEST_KEY: Final = 4_096
_LARGEST_KEY: Final = 2**61 - 1  # beyond it, unequal integers share a hash
_KEYS: Final = frozenset({str, bool, float, bytes, type(None), Global, Instance, Tensor})

Persistent: TypeAlias = Callable[[Any], Any]
"""Gives the object for a persistent id."""


def unpickle(source: Pickle, persistent: Persistent) -> tuple[Any, int]:
    r"""Run one pickle.

    Args:
        source: Where it lies.
        persistent: Gives the object for a persistent id, as for a storage; raises `Fault` for one
            that cannot be.

    Returns:
        What the pickle made, and the position in ``source.data`` after it.

    Raises:
        FormatError: It is cut short, damaged, hostile or too large.

    Example:
        >>> unpickle(Pickle(b"\x80\x02]K\x01a.", "a.pt", 0, 7), lambda pid: None)
        ([1], 7)
    """
    wanted, end = scan(source)
    machine = _Machine(source, wanted, persistent)
    try:
        return machine.run(), end
    except Fault as fault:
        raise source.error(str(fault), machine.at) from None
    except IndexError:
        raise source.error(
            "the pickle takes more from the stack than lies on it", machine.at
        ) from None
    except UnicodeDecodeError:
        raise source.error("the pickle holds text that is no UTF-8", machine.at) from None


class _Machine:
    """The stack, the memo, and a step for every opcode."""

    __slots__ = (
        *("at", "data", "keys", "marks", "memo", "memoized", "persistent", "position"),
        *("room", "source", "stack", "wanted"),
    )

    def __init__(self, source: Pickle, wanted: set[int], persistent: Persistent) -> None:
        self.source = source
        self.data = source.data
        self.at = self.position = source.start
        self.wanted = wanted
        self.persistent = persistent
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.memoized = 0
        self.room = MOST_BYTES
        self.keys = _MOST_TUPLE_KEYS

    def run(self) -> Any:
        data, steps = self.data, _STEPS
        while True:
            self.at = at = self.position
            self.position = at + 1
            code = data[at]
            if code == 0x2E:
                if len(self.stack) != 1 or self.marks:
                    raise Fault("the pickle ends with an open mark or without one single value")
                return self.stack[0]
            steps[code](self)

    # -- arguments

    def number(self, width: int) -> int:
        at = self.position
        self.position = at + width
        return int.from_bytes(self.data[at : at + width], "little")

    def chunk(self, width: int) -> bytes:
        length = self.byte() if width == 1 else self.number(width)
        at = self.position
        self.position = at + length
        self.pay(length + 40)
        return bytes(self.data[at : at + length])

    def pay(self, cost: int) -> None:
        self.room -= cost
        if self.room < 0:
            raise Fault(f"what the pickle builds takes more than {MOST_BYTES >> 20} MiB")

    def popped(self) -> list[Any]:
        """All above the last mark."""
        if not self.marks:
            raise Fault("the pickle closes a mark that it never set")
        items, self.stack = self.stack, self.marks.pop()
        return items

    # -- plain values

    def byte(self) -> int:
        at = self.position
        self.position = at + 1
        return self.data[at]

    def signed(self) -> None:
        self.pay(32)
        value = self.number(4)
        self.stack.append(value - (1 << 32) if value >> 31 else value)

    def long(self, width: int) -> None:
        self.stack.append(int.from_bytes(self.chunk(width), "little", signed=True))

    def raw(self, width: int) -> None:
        self.stack.append(self.chunk(width))

    def old_text(self, width: int) -> None:
        """Python 2's text, which may have been bytes."""
        raw = self.chunk(width)
        self.stack.append(raw.decode() if raw.isascii() else raw)

    def skip(self, width: int) -> None:
        self.position += width

    def real(self) -> None:
        self.pay(24)
        self.stack.append(struct.unpack_from(">d", self.data, self.position)[0])
        self.position += 8

    def text(self, width: int) -> None:
        value = self.chunk(width).decode("utf-8", "surrogatepass")
        self.pay(sys.getsizeof(value))
        self.stack.append(value)

    # -- containers

    def mark(self) -> None:
        self.pay(64)
        self.marks.append(self.stack)
        self.stack = []

    def drop(self) -> None:
        if not self.stack and self.marks:
            self.popped()
        else:
            self.stack.pop()

    def drop_to_mark(self) -> None:
        self.popped()

    def tuple_of(self, count: int) -> None:
        self.pay(40 + 8 * count)
        if len(self.stack) < count:
            raise IndexError
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def tuple_to_mark(self) -> None:
        items = self.popped()
        self.pay(40 + 8 * len(items))
        self.stack.append(tuple(items))

    def empty_list(self) -> None:
        self.pay(64)
        self.stack.append([])

    def empty_dict(self) -> None:
        self.pay(72)
        self.stack.append({})

    def empty_set(self) -> None:
        self.pay(224)
        self.stack.append(set())

    def frozen_set(self) -> None:
        items = self.popped()
        self.pay(224 + 64 * len(items))
        self.stack.append(frozenset(map(self.key, items)))

    def append_one(self) -> None:
        self.extend([self.stack.pop()])

    def append_all(self) -> None:
        self.extend(self.popped())

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        self.pay(9 * len(items))
        if type(target) is list:
            target.extend(items)
        elif type(target) is Instance:
            target.elements.extend(items)
        else:
            raise Fault(f"the pickle appends to a {type(target).__name__}")

    def add_all(self) -> None:
        items = self.popped()
        self.pay(64 * len(items))
        if type(self.stack[-1]) is not set:
            raise Fault(f"the pickle adds to a {type(self.stack[-1]).__name__} as to a set")
        self.stack[-1].update(map(self.key, items))

    def set_one(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set([key, value])

    def set_all(self) -> None:
        self.set(self.popped())

    def set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is Instance:
            target = target.items
        if type(target) is not dict:
            raise Fault(f"the pickle sets items of a {type(target).__name__}")
        if len(items) % 2:
            raise Fault("the pickle gives a dict a key without a value")
        self.pay(56 * len(items))
        pairs = iter(items)
        for key, value in zip(pairs, pairs, strict=True):
            if self.key(key) in target:
                raise Fault(f"the pickle gives a dict the key {_shown(key)} twice")
            target[key] = value

    def key(self, key: Any) -> Any:
        """The key, if it may be one: hashing it takes no time and calls nothing."""
        kind = type(key)
        if kind in _KEYS and (kind is not str or len(key) <= _LONGEST_KEY):
            return key
        if kind is int and abs(key) < _LARGEST_KEY:
            return key
        if kind is tuple and all(type(item) in _KEYS or type(item) is int for item in key):
            self.keys -= 1  # tuples of numbers can be made to collide
            if self.keys >= 0 and len(key) < 100:
                return key
        raise Fault(f"the pickle uses {_shown(key)} as a key")

    # -- the memo

    def put(self, number: int) -> None:
        self.memoized += 1
        if number in self.wanted:
            self.pay(104)
            self.memo[number] = self.stack[-1]

    def get(self, number: int) -> None:
        if number not in self.memo:
            raise Fault(f"the pickle takes memo {number}, which it never set")
        self.stack.append(self.memo[number])

    # -- names, calls and objects

    def global_(self) -> None:
        module, self.position = line_at(self.data, self.position)
        name, self.position = line_at(self.data, self.position)
        self.named(module.decode(), name.decode())

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise Fault("the pickle names a global by what is no text")
        self.named(module, name)

    def named(self, module: str, name: str) -> None:
        self.pay(200)
        self.stack.append(resolve(module, name))

    def persistent_id(self) -> None:
        self.pay(160)
        self.stack.append(self.persistent(self.stack.pop()))

    def reduce(self) -> None:
        self.pay(120)
        args, function = self.stack.pop(), self.stack.pop()
        self.stack.append(call(function, args))

    def new(self) -> None:
        self.pay(360)
        args, of = self.stack.pop(), self.stack.pop()
        self.stack.append(instantiate(of, args))

    def new_with_names(self) -> None:
        self.pay(360)
        names, args, of = self.stack.pop(), self.stack.pop(), self.stack.pop()
        if names != {}:
            raise Fault("the pickle makes an object with arguments by name")
        self.stack.append(instantiate(of, args))

    def build(self) -> None:
        state = self.stack.pop()
        build(self.stack[-1], state)


def _shown(key: Any) -> str:
    return repr(key[:80]) if isinstance(key, (str, bytes)) else f"a {type(key).__name__}"


_STEPS: Final[dict[int, Callable[[_Machine], None]]] = {
    ord("N"): lambda machine: machine.stack.append(None),
    0x88: lambda machine: machine.stack.append(True),
    0x89: lambda machine: machine.stack.append(False),
    ord("K"): lambda machine: machine.stack.append(machine.byte()),
    ord("M"): lambda machine: machine.stack.append(machine.number(2)),
    ord("J"): _Machine.signed,
    0x8A: lambda machine: machine.long(1),
    0x8B: lambda machine: machine.long(4),
    ord("G"): _Machine.real,
    0x8C: lambda machine: machine.text(1),
    ord("X"): lambda machine: machine.text(4),
    0x8D: lambda machine: machine.text(8),
    ord("U"): lambda machine: machine.old_text(1),
    ord("T"): lambda machine: machine.old_text(4),
    ord("C"): lambda machine: machine.raw(1),
    ord("B"): lambda machine: machine.raw(4),
    0x8E: lambda machine: machine.raw(8),
    0x96: lambda machine: machine.raw(8),
    ord("("): _Machine.mark,
    ord("0"): _Machine.drop,
    ord("1"): _Machine.drop_to_mark,
    ord(")"): lambda machine: machine.stack.append(()),
    0x85: lambda machine: machine.tuple_of(1),
    0x86: lambda machine: machine.tuple_of(2),
    0x87: lambda machine: machine.tuple_of(3),
    ord("t"): _Machine.tuple_to_mark,
    ord("]"): _Machine.empty_list,
    ord("a"): _Machine.append_one,
    ord("e"): _Machine.append_all,
    ord("}"): _Machine.empty_dict,
    ord("s"): _Machine.set_one,
    ord("u"): _Machine.set_all,
    0x8F: _Machine.empty_set,
    0x90: _Machine.add_all,
    0x91: _Machine.frozen_set,
    ord("q"): lambda machine: machine.put(machine.byte()),
    ord("r"): lambda machine: machine.put(machine.number(4)),
    0x94: lambda machine: machine.put(machine.memoized),
    ord("h"): lambda machine: machine.get(machine.byte()),
    ord("j"): lambda machine: machine.get(machine.number(4)),
    0x80: lambda machine: machine.skip(1),
    0x95: lambda machine: machine.skip(8),
    ord("c"): _Machine.global_,
    0x93: _Machine.stack_global,
    ord("Q"): _Machine.persistent_id,
    ord("R"): _Machine.reduce,
    0x81: _Machine.new,
    0x92: _Machine.new_with_names,
    ord("b"): _Machine.build,
}

"""The first pass over a pickle: every opcode, length and memo number is checked, nothing is built.

Pickle is a program for a small stack machine, specified in Python's ``pickletools``. The opcodes
that are known here are those with which torch writes: protocols 2 to 5 without what only other
programs need (protocol 0's text, extension codes, out-of-band buffers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parametry.errors import FormatError

__all__ = ["MOST_OPCODES", "Pickle", "line_at", "scan"]

MOST_OPCODES: Final = 12_000_000
"""How many opcodes one pickle may have; a tensor takes some thirty."""
_LONGEST_LINE: Final = 1_024
_HIGHEST_PROTOCOL: Final = 5


@dataclass(frozen=True, slots=True)
class Pickle:
    """The bytes of one pickle, and what messages call the place where they lie.

    Attributes:
        data: The bytes; a whole file's for a pickle in the middle of it.
        path: The file.
        start: Where the pickle begins in ``data``.
        end: The first byte that is no longer its own.
        member: The archive's member that holds it.
        origin: The offset in the file of the first byte of ``data``; None where it was compressed.
    """

    data: bytes | memoryview
    path: object
    start: int
    end: int
    member: str | None = None
    origin: int | None = 0

    def error(self, message: str, at: int) -> FormatError:
        """The error for a fault at a position of ``data``."""
        if self.origin is None:
            message = f"{message} (byte {at:,} of the unpacked member)"
        offset = None if self.origin is None else self.origin + at
        return FormatError(
            message,
            path=self.path,
            address=self.member,
            offset=offset,
            hint="nothing was imported or executed; a file that you trust can be loaded with torch "
            "and saved again as torch.save(model.state_dict(), path)",
        )


_STOP: Final = ord(".")
_GLOBAL: Final = ord("c")
_PROTOCOL: Final = 0x80
_GETS: Final = {ord("h"): 1, ord("j"): 4}
# The whole length of an opcode with its argument, where that is fixed and tells nothing; else 0.
_SIZES: Final = [0] * 256
for _opcodes, _size in (
    (b"(01NRabestu)]}Q\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94", 1),
    (b"Kq", 2),
    (b"M", 3),
    (b"Jr", 5),
    (b"G\x95", 9),
):
    for _opcode in _opcodes:
        _SIZES[_opcode] = _size
# The argument is a length of so many bytes, then that many bytes.
_COUNTS: Final = {
    **dict.fromkeys(b"\x8aUC\x8c", 1),
    **dict.fromkeys(b"\x8bTBX", 4),
    **dict.fromkeys(b"\x8d\x8e\x96", 8),
}


def scan(source: Pickle) -> tuple[set[int], int]:
    r"""Check the opcodes from the start to the end mark.

    Args:
        source: Where the pickle lies; it may go on for longer than the pickle does.

    Returns:
        The memo numbers that are read again, and the position after the end mark.

    Raises:
        FormatError: It is cut short, has an opcode that is not known, a length that goes past its
            end, or too many opcodes.

    Example:
        >>> scan(Pickle(b"\x80\x02]q\x00h\x00a.", "a.pt", 0, 9))
        ({0}, 9)
    """
    data, at, end, sizes = source.data, source.start, source.end, _SIZES
    wanted: set[int] = set()
    for _ in range(MOST_OPCODES):
        if at >= end:
            raise source.error("the pickle is cut short: its end mark is not there", end)
        code = data[at]
        size = sizes[code]
        if size:
            at += size
        elif code in _GETS:
            after = at + 1 + _GETS[code]
            wanted.add(int.from_bytes(data[at + 1 : after], "little"))
            at = after
        elif code in _COUNTS:
            at = _after_counted(source, at, _COUNTS[code])
        elif code == _GLOBAL:
            at = _after_lines(source, at)
        elif code == _STOP:
            return wanted, at + 1
        elif code == _PROTOCOL:
            if at + 1 < end and data[at + 1] > _HIGHEST_PROTOCOL:
                raise source.error(f"pickle protocol {data[at + 1]} is not known", at)
            at += 2
        else:
            raise source.error(f"the pickle's opcode 0x{code:02X} is none that torch writes", at)
    raise source.error(f"the pickle has more than {MOST_OPCODES:,} opcodes", at)


def _after_counted(source: Pickle, at: int, width: int) -> int:
    begin = at + 1 + width
    length = int.from_bytes(source.data[at + 1 : begin], "little")
    left = max(source.end - begin, 0)
    if length > left:
        raise source.error(f"the pickle says that {length:,} bytes follow, {left:,} are left", at)
    return begin + length


def _after_lines(source: Pickle, at: int) -> int:
    after = at + 1
    for _ in range(2):
        _, after = line_at(source.data, after)
        if after > source.end:
            raise source.error("the pickle names a global without the end of a line", at)
    return after


def line_at(data: bytes | memoryview, at: int) -> tuple[bytes, int]:
    """The line at a position, and the position after it; past the end where no line ends."""
    found = bytes(data[at : at + _LONGEST_LINE])
    stop = found.find(b"\n")
    return (found, len(data) + 1) if stop < 0 else (found[:stop], at + stop + 1)

"""A file's bytes: read at an offset or mapped, and never beyond what is there."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parametry.errors import FormatError

__all__ = ["FileBytes"]

# A read longer than this is refused by some systems.
_LONGEST_READ = 1 << 30


@dataclass(frozen=True, slots=True)
class FileBytes:
    """One file as it was when it was opened: its size, and its bytes when they are asked for.

    The file is open only while it is read, so that nothing is held and others may replace it. One
    that was changed in between is an error, never a mixture of old and new.

    Attributes:
        path: The file's path.
        size: How many bytes it has.
    """

    path: str
    size: int
    _stamp: tuple[int, ...]

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> FileBytes:
        """The bytes of the file at a path.

        Raises:
            FileNotFoundError: There is none.
            FormatError: It is a folder, a pipe or a device.
        """
        text = os.fspath(path)
        status = Path(text).stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise FormatError(f"it is {kind}", path=text, hint="give the path of one file")
        return cls(text, status.st_size, _stamp(status))

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from an offset on.

        Raises:
            FormatError: The file ends before, or was changed since it was opened.
        """
        with self.reading() as read:
            return read(offset, length)

    @contextmanager
    def reading(self) -> Iterator[Callable[[int, int], bytes]]:
        """A function that reads as `read` does, for many small reads of a file opened once.

        Raises:
            FormatError: The file was changed since it was opened first.
        """
        with self.opened() as descriptor:

            def read(offset: int, length: int) -> bytes:
                self.must_hold(offset, length)
                buffer = bytearray(length)
                self._fill(descriptor, offset, memoryview(buffer))
                return bytes(buffer)

            yield read

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill a buffer of bytes from an offset on.

        Raises:
            FormatError: The file ends before, or was changed since it was opened.
        """
        self.must_hold(offset, len(buffer))
        with self.opened() as descriptor:
            self._fill(descriptor, offset, buffer)

    def blocks(self, offset: int, length: int, block: int) -> Iterator[memoryview]:
        """The bytes from an offset on, in blocks; each is valid until the next is asked for.

        Raises:
            FormatError: The file ends before, or was changed since it was opened.
        """
        self.must_hold(offset, length)
        buffer = memoryview(bytearray(min(block, length)))
        with self.opened() as descriptor:
            for start in range(0, length, block):
                part = buffer[: min(block, length - start)]
                self._fill(descriptor, offset + start, part)
                yield part

    def mapped(self, offset: int, length: int) -> memoryview:
        """A read-only view of the bytes from an offset on, that costs no memory of its own.

        The pages are the file's: whoever cuts the file short while the view is used ends the
        process, as the system has it (a file that is replaced by renaming is safe).

        Raises:
            FormatError: The file ends before, or was changed since it was opened.
        """
        self.must_hold(offset, length)
        if not length:
            return memoryview(b"")
        import mmap

        start = offset - offset % mmap.ALLOCATIONGRANULARITY
        with self.opened() as descriptor:
            pages = mmap.mmap(
                descriptor, offset - start + length, access=mmap.ACCESS_READ, offset=start
            )
        return memoryview(pages)[offset - start :]

    def must_hold(self, offset: int, length: int) -> None:
        """Refuse a stretch of bytes that the file does not hold.

        Raises:
            FormatError: The stretch begins before the file or ends behind it.
        """
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FormatError(
                f"the file ends at byte {self.size:,}, and {length:,} bytes are said to be here",
                path=self.path,
                offset=offset,
                hint="it was cut short; get it again",
            )

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor of the file, which is still the one that was opened first.

        Raises:
            FormatError: It is not, or it cannot be read.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise FormatError(f"it can no longer be opened: {error}", path=self.path) from error
        try:
            if _stamp(os.fstat(descriptor)) != self._stamp:
                raise FormatError(
                    "the file was changed since it was opened", path=self.path, hint="open it anew"
                )
            yield descriptor
        finally:
            os.close(descriptor)

    def _fill(self, descriptor: int, offset: int, buffer: memoryview) -> None:
        file = io.FileIO(descriptor, closefd=False)
        done = 0
        while done < len(buffer):
            part = buffer[done : done + _LONGEST_READ]
            try:
                file.seek(offset + done)
                count = file.readinto(part)
            except OSError as error:
                raise FormatError(
                    f"it cannot be read: {error}", path=self.path, offset=offset + done
                ) from error
            if not count:
                raise FormatError(
                    "the file became shorter while it was read",
                    path=self.path,
                    offset=offset + done,
                )
            done += count


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

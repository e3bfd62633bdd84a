"""HTML that is escaped, closed and never longer than its limit."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager

from parametry.show.printable import cut, cut_middle, printable
from parametry.show.quantity import number

__all__ = ["Markup", "address", "section", "text"]

# What an element keeps for saying how much it leaves out.
_NOTE = 120


class Markup:
    """Pieces of HTML up to a limit; what is opened can always be closed.

    Args:
        limit: How many bytes of UTF-8 there may be.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._floor = 0
        self._pieces: list[str] = []

    @property
    def room(self) -> int:
        """How many bytes may still be added here."""
        return max(self._left - self._floor, 0)

    def add(self, piece: str) -> bool:
        """Add a piece if there is room for all of it; whether there was."""
        size = len(piece.encode("utf-8"))
        if self._left - size < self._floor:
            return False
        self._left -= size
        self._pieces.append(piece)
        return True

    @contextmanager
    def element(self, opening: str, closing: str) -> Iterator[bool]:
        """Whether there was room to open an element; if so, it is closed at the end."""
        kept = len(closing.encode("utf-8")) + _NOTE
        self._left -= kept
        opened = self.add(opening)
        if not opened:
            self._left += kept
            yield False
            return
        yield True
        self._left += kept
        self._left -= len(closing.encode("utf-8"))
        self._pieces.append(closing)

    def left_out(self, count: int, element: str = "div") -> None:
        """Say how many more there are; for this each element has kept room, once."""
        if count > 0:
            inner = f"… {number(count)} more"
            cell = f'<td colspan="9">{inner}</td>' if element == "tr" else inner
            piece = f'<{element} class="dim">{cell}</{element}>'
            self._left -= len(piece.encode("utf-8"))
            self._pieces.append(piece)

    @contextmanager
    def share(self, size: int) -> Iterator[None]:
        """Within this, at most so many bytes are added."""
        before = self._floor
        self._floor = max(before, self._left - size)
        yield
        self._floor = before

    def __str__(self) -> str:
        """All pieces so far."""
        return "".join(self._pieces)


def text(content: str, limit: int = 120) -> str:
    """Text of a model as HTML: cut, printable, escaped."""
    return html.escape(printable(cut(content, limit)), quote=True)


def address(content: str, limit: int = 160) -> str:
    """An address as HTML, its last part set off from what leads to it."""
    above, slash, last = printable(cut_middle(content, limit)).rpartition("/")
    leading = f'<span class="dim">{html.escape(above + slash)}</span>' if slash else ""
    return f"<code>{leading}<b>{html.escape(last)}</b></code>"


def section(title: str, count: str = "", *, opened: bool = True) -> str:
    """The opening of a folded section.

    Args:
        title: Its title, HTML already.
        count: What to say beside it.
        opened: Whether it is open at first.
    """
    state = " open" if opened else ""
    aside = f' <span class="dim">{text(count)}</span>' if count else ""
    return f"<details{state}><summary><b>{title}</b>{aside}</summary>"

"""Text that is cut and made safe."""

from __future__ import annotations

import pytest

from parametry.show.printable import cut, cut_middle, printable, width

HOSTILE = "a\x1b[31m\x9b1mb\r\n\u202ec\u2066d\u2028\ud800\x00\x7f"


def test_nothing_that_steers_a_terminal_is_left() -> None:
    shown = printable(HOSTILE)
    assert shown.isprintable()
    assert shown.startswith(r"a\x1b[31m\x9b1mb\r\n\u202ec")


@pytest.mark.parametrize("text", ["dense", "Größe", "層/カーネル", "[bold]x[/bold]", "a b", ""])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_wide_and_combining_characters_have_their_width() -> None:
    assert (width("abc"), width("層"), width("e\u0301"), width("")) == (3, 2, 1, 0)


@pytest.mark.parametrize("shorten", [cut, cut_middle])
@pytest.mark.parametrize(
    "text",
    ["x" * 10_000, "層" * 500, "e" + "\u0301" * 10_000, "a/b/" * 99],
    ids=["long", "wide", "combining", "address"],
)
@pytest.mark.parametrize("limit", [0, 1, 2, 5, 20])
def test_what_is_cut_fits(shorten, text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert width(short) <= limit
    assert len(short) <= 5 * limit + 1


@pytest.mark.parametrize("shorten", [cut, cut_middle])
def test_what_fits_is_not_cut(shorten) -> None:
    assert shorten("dense/kernel", 12) == "dense/kernel"


def test_an_address_keeps_its_end() -> None:
    short = cut_middle("encoder/layers/3/attention/query/kernel", 20)
    assert short.startswith("encod")
    assert short.endswith("query/kernel")
    assert len(short) == 20

"""Names of runs: readable, unique, and safe as the name of a file on any system."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import PurePath
from typing import Final

__all__ = ["WORDS", "clean", "proposals"]

_WORDS = """
acorn agate alder almond amber apple arbor ash aspen aster barley basil bay beech berry birch
bison bloom brook cedar cherry clay clover cobalt coral cove crane creek crow dawn delta dove
dune elder elm ember fern finch fir fjord flint fox frost garnet ginger glade granite grove gull
harbor hazel heath heron holly indigo iris ivory ivy jade jasper juniper kelp kestrel lagoon
larch lark laurel lemon lilac linden lotus lynx maple marsh meadow mint mistral moss myrtle
nettle oak oasis olive onyx opal orchid otter owl pearl pebble pine plum pond poppy prairie
quail quartz raven reed river robin rowan ruby rush saffron sage sand sequoia shell sienna
slate sparrow spruce stone sorrel swan tarn teal thyme tide topaz tulip tundra umber vale
violet walnut wave willow wren yarrow yew zephyr
"""
WORDS: Final = tuple(_WORDS.split())
"""What the last part of a name is taken from."""

_LONGEST = 40
_STRANGE = re.compile(r"[^a-z0-9_]+")
_SESSION = "session"
# How many words are tried before a number is added.
_TRIES = 4


def clean(text: str) -> str:
    """A text as part of a name: small letters, digits, ``_``, and ``-`` for what is between.

    Example:
        >>> clean("Train (2).py"), clean("...")
        ('train-2-py', '')
    """
    return _STRANGE.sub("-", text.lower()).strip("-_")[:_LONGEST].strip("-_")


def proposals(script: str | None, started: float) -> Iterator[str]:
    """Names for a run, the best first, without end: date, script, a short word, then a number.

    Nothing is drawn from Python's or NumPy's random numbers, which the program may have seeded.

    Args:
        script: The script's path; None in a notebook or at a prompt.
        started: Seconds since 1970; the date is that of this place's time.

    Example:
        >>> next(proposals("src/digits.py", 0.0)).split("-")[3:-1]
        ['digits']
    """
    date = datetime.datetime.fromtimestamp(started).date().isoformat()
    stem = clean(PurePath(script).stem if script else _SESSION) or _SESSION
    words = [WORDS[int.from_bytes(os.urandom(4), "big") % len(WORDS)] for _ in range(_TRIES)]
    for word in words:
        yield f"{date}-{stem}-{word}"
    for number in count(2):
        yield f"{date}-{stem}-{words[0]}-{number}"

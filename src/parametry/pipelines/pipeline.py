"""What is known of one input pipeline, and the notes from which it is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from parametry.core.value import UNSET, Plain, to_plain
from parametry.errors import ValueUnavailable

__all__ = ["Notes", "Pipeline", "fault"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What an input pipeline tells about itself.

    Attributes:
        kind: ``tf.data``, ``PyDataset``, ``DataLoader``, ``arrays`` or ``generator``.
        values: Plain values by name. A name is absent where its value is not known; None says that
            it is known to be none, such as the seed of a shuffle that was given none.
        unseen: Name to the reason why its value could not be known.
    """

    kind: str
    values: Mapping[str, Plain]
    unseen: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Notes:
    """What has been found so far of one pipeline, or of one branch of it.

    Attributes:
        prefix: What each name begins with: empty, or a branch such as ``inputs/0/``.
        values: As in `Pipeline`; shared by all branches.
        unseen: As in `Pipeline`; shared by all branches.
    """

    prefix: str = ""
    values: dict[str, Plain] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)

    def branch(self, prefix: str) -> Notes:
        """Notes on a branch: the same notes, under a prefix that is added to this one's."""
        return Notes(self.prefix + prefix, self.values, self.unseen)

    def tell(self, name: str, value: object) -> None:
        """Keep a value; UNSET means that there is none to keep."""
        if value is not UNSET:
            self.values[self.prefix + name] = to_plain(value)

    def miss(self, name: str, reason: str) -> None:
        """Keep why a value could not be known."""
        self.unseen[self.prefix + name] = reason

    def part(self, name: str, note: Callable[[], None]) -> None:
        """Let `note` note what it finds; where it raises, that is the reason for `name`."""
        try:
            note()
        except Exception as error:  # a pipeline may hold any object, and raise from anything
            self.miss(name, fault(error))

    def read(self, name: str, read: Callable[[], object]) -> bool:
        """Keep what `read` returns or, where it raises, why it could not be known.

        Returns:
            Whether there was anything to keep: False means that `read` returned UNSET.
        """
        try:
            value = read()
        except Exception as error:  # as in `part`
            self.miss(name, fault(error))
            return True
        self.tell(name, value)
        return value is not UNSET


def fault(error: Exception) -> str:
    """An exception in one short line.

    Example:
        >>> fault(TypeError("object of type 'Stream' has no len()"))
        "TypeError: object of type 'Stream' has no len()"
    """
    if isinstance(error, ValueUnavailable):  # our own, which says it all
        return error.message
    try:
        message = str(error).strip().partition("\n")[0]
    except Exception:  # an exception's own __str__ may raise
        message = ""
    return f"{type(error).__name__}: {message[:200]}" if message else type(error).__name__

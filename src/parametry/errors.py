"""Every error that parametry raises on purpose.

::

    ParametryError
    ├── NotAModel            (TypeError)     inspect() got something that is no model
    ├── SourceMissing        (FileNotFoundError)  inspect() got a path where no file is
    │   └── RunMissing                       no recorded run has that name
    ├── FrameworkMissing     (ImportError)   a framework that the work needs is not installed
    ├── UnknownAddress       (KeyError)      an exact look-up of an address that is not there
    ├── NothingMatched       (LookupError)   a pattern that matches no address
    ├── PatternError         (ValueError)    a pattern that cannot be read
    ├── AssignmentError
    │   ├── ShapeMismatch    (ValueError)    the array has another shape than the parameter
    │   └── DtypeMismatch    (TypeError)     the array's kind differs, or its values overflow
    ├── NotBuilt             (RuntimeError)  the model has no parameters yet
    ├── ValueUnavailable     (RuntimeError)  a value exists but cannot be read at this moment
    ├── RuleError            (ValueError)    a rule for initialisation that cannot be followed
    ├── TieError             (ValueError)    addresses that cannot be tied, or untied
    ├── NotSupported         (NotImplementedError)  what this framework cannot do
    ├── FormatError          (ValueError)    a file that is cut short, damaged, hostile or unknown
    │   └── UnknownFormat                    a file of no kind that is known, or that is no model
    ├── LoadError            (ValueError)    a file and a model that do not fit together
    ├── StoreError           (OSError)       a run's file cannot be made or changed
    ├── UnknownSink          (ValueError)    no tracker or kind of file has that name
    └── SinkError            (RuntimeError)  a tracker did not take what a run tells

Each message says what is wrong, at which address, in which source, what was expected, and ends in
a hint that helps. Each class is also the built-in exception that Python users would expect, so
``except KeyError`` and ``Mapping.get`` work.
"""

from __future__ import annotations

__all__ = [
    "AssignmentError",
    "DtypeMismatch",
    "FormatError",
    "FrameworkMissing",
    "LoadError",
    "NotAModel",
    "NotBuilt",
    "NotSupported",
    "NothingMatched",
    "ParametryError",
    "PatternError",
    "RuleError",
    "RunMissing",
    "ShapeMismatch",
    "SinkError",
    "SourceMissing",
    "StoreError",
    "TieError",
    "UnknownAddress",
    "UnknownFormat",
    "UnknownSink",
    "ValueUnavailable",
]


class ParametryError(Exception):
    """The root of all errors that parametry raises on purpose.

    Args:
        message: What is wrong, where, and what was expected.
        hint: What to do about it; printed on a line of its own.

    Attributes:
        message: The fault, without the hint.
        hint: The hint, or None.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The message, with the hint on its own line."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class NotAModel(ParametryError, TypeError):
    """`inspect` was given an object that no registered framework knows."""


class SourceMissing(ParametryError, FileNotFoundError):
    """There is no file at the path that was given."""

    # FileNotFoundError.__str__ speaks of an error number.
    __str__ = ParametryError.__str__


class RunMissing(SourceMissing):
    """No recorded run has the name that was given."""


class FrameworkMissing(ParametryError, ImportError):
    """A framework that the work needs is not installed."""


class UnknownAddress(ParametryError, KeyError):
    """An exact look-up of an address that is not there."""

    # KeyError.__str__ shows the repr of its argument, which would hide the hint's line break.
    __str__ = ParametryError.__str__


class NothingMatched(ParametryError, LookupError):
    """A pattern matched no address, which is an error unless ``missing_ok=True``."""


class PatternError(ParametryError, ValueError):
    """A pattern cannot be read: an unclosed bracket or brace."""


class AssignmentError(ParametryError):
    """A value cannot be assigned to a parameter; nothing was changed."""


class ShapeMismatch(AssignmentError, ValueError):
    """The assigned array has another shape than the parameter."""


class DtypeMismatch(AssignmentError, TypeError):
    """The assigned array is of another kind, or its values overflow the parameter's dtype."""


class NotBuilt(ParametryError, RuntimeError):
    """The model, or a part of it, has no parameters yet."""


class ValueUnavailable(ParametryError, RuntimeError):
    """A value exists but cannot be read at this moment, such as inside a compiled training step."""


class RuleError(ParametryError, ValueError):
    """A rule for initialisation cannot be followed; nothing was changed."""


class TieError(ParametryError, ValueError):
    """Addresses cannot be tied or untied; nothing was changed."""


class NotSupported(ParametryError, NotImplementedError):
    """The model's framework cannot do what was asked; nothing was changed."""


class LoadError(ParametryError, ValueError):
    """A file and a model do not fit together; nothing was changed."""


class StoreError(ParametryError, OSError):
    """A run's file cannot be made or changed: no room, no permission, or it is there already."""

    # OSError.__str__ speaks of an error number.
    __str__ = ParametryError.__str__


class UnknownSink(ParametryError, ValueError):
    """A run is to be told or exported to something that no tracker or kind of file is called."""


class SinkError(ParametryError, RuntimeError):
    """A tracker did not take what a run tells; the run itself is as it was."""


class FormatError(ParametryError, ValueError):
    """A file is cut short, damaged, hostile, or of no kind that is known.

    Args:
        message: What is wrong with it and what was expected; the file, address and offset are put
            before it.
        path: The file.
        address: The array or entry at fault, where it is known.
        offset: The byte offset in the file at which the fault lies, where it is known.
        hint: What to do about it.

    Attributes:
        path: The file's path as text.
        address: The array or entry at fault, or None.
        offset: The byte offset of the fault, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        path: object = None,
        address: str | None = None,
        offset: int | None = None,
        hint: str | None = None,
    ) -> None:
        where = "" if path is None else str(path)
        if address is not None:
            where += f" at {address!r}"
        if offset is not None:
            where += f" (byte {offset:,})"
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.path = None if path is None else str(path)
        self.address = address
        self.offset = offset


class UnknownFormat(FormatError):
    """A file is of no kind that is known, or of one that holds no model; the message says which."""

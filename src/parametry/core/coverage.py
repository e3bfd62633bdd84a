"""Coverage: what a record could not see, and why."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Gap"]


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that could not be seen.

    Attributes:
        subject: An address, or a scope such as ``fit/``.
        reason: Why it could not be seen, and what would let it be.

    Example:
        >>> str(Gap("fit/", "capture was off"))
        'fit/: capture was off'
    """

    subject: str
    reason: str

    def __str__(self) -> str:
        """``subject: reason``."""
        return f"{self.subject}: {self.reason}"

    def to_dict(self) -> dict[str, str]:
        """The gap as JSON-ready data."""
        return {"subject": self.subject, "reason": self.reason}

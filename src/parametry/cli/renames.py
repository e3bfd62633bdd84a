"""``--map OLD=NEW``: other addresses, as they are written on a command line."""

from __future__ import annotations

from collections.abc import Iterable

from parametry.cli.messages import UsageFault

__all__ = ["renames_of"]


def renames_of(texts: Iterable[str]) -> dict[str, str | tuple[str, str] | None] | None:
    """The rules that texts of the form ``OLD=NEW`` tell; None where there are none.

    Args:
        texts: An empty NEW leaves OLD out, a final ``^T`` transposes.

    Raises:
        UsageFault: A text is of another form.

    Example:
        >>> renames_of(["a/**=b/**", "c=", "d/kernel=e/weight^T"])
        {'a/**': 'b/**', 'c': None, 'd/kernel': ('e/weight', 'T')}
    """
    return dict(map(_rule, texts)) or None


def _rule(text: str) -> tuple[str, str | tuple[str, str] | None]:
    old, sign, new = text.partition("=")
    if not sign or not old:
        raise UsageFault(f"--map {text!r} is no OLD=NEW", hint="--map 'encoder/**=body/**'")
    if not new:
        return old, None
    return old, ((new.removesuffix("^T"), "T") if new.endswith("^T") else new)

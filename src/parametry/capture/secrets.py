"""Secrets: strings that must not go into a record, found by the whole words of their names."""

from __future__ import annotations

import re
from typing import Any

from parametry.core.value import Plain

__all__ = ["WITHHELD", "is_secret", "withhold", "withhold_arguments"]

WITHHELD: dict[Any, Plain] = {"$withheld": "secret"}

_WORDS = frozenset(
    {"password", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "apikey"}
    | {"credential", "credentials", "bearer", "authorization"}
)
_PAIRS = frozenset(
    {("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("auth", "key")}
    | {("account", "key"), ("signing", "key"), ("encryption", "key"), ("ssh", "key")}
)
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_secret(name: str) -> bool:
    """Whether a name says by a whole word that it holds a secret.

    Example:
        >>> is_secret("HF_TOKEN"), is_secret("apiKey"), is_secret("tokenizer"), is_secret("key_dim")
        (True, True, False, False)
    """
    words = [word.lower() for word in _SPLIT.split(name) if word]
    return any(word in _WORDS for word in words) or any(
        pair in _PAIRS for pair in zip(words, words[1:], strict=False)
    )


def withhold(name: str, value: Plain) -> Plain:
    """The value, or a tagged dict where its name says that it is a secret.

    Only text is ever withheld: a number such as ``max_tokens`` is none.

    Args:
        name: What the value is called; a dict's keys are names too.
        value: Plain data; not changed.
    """
    if isinstance(value, str):
        return dict(WITHHELD) if value and is_secret(name) else _without_credentials(value)
    if isinstance(value, list):
        return [withhold(name, item) for item in value]
    if isinstance(value, dict):
        return {
            key: withhold(f"{name} {key}" if isinstance(key, str) else name, item)
            for key, item in value.items()
        }
    return value


def _without_credentials(value: str) -> str:
    """An address such as ``scheme://user:word@host`` without the word."""
    return re.sub(r"(\w+://[^/\s:@]+):[^/\s@]+@", r"\1:…@", value)


def withhold_arguments(arguments: list[str]) -> list[Plain]:
    """A command line without its secrets: ``--token X``, ``--api-key=X``.

    Example:
        >>> withhold_arguments(["--token", "abc", "--lr=1"])
        ['--token', {'$withheld': 'secret'}, '--lr=1']
    """
    out: list[Plain] = []
    previous = ""
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if previous.startswith("-") and "=" not in previous and is_secret(previous):
            out.append(argument if argument.startswith("-") else dict(WITHHELD))
        elif equals and is_secret(name):
            out.append(f"{name}=…")
        else:
            out.append(_without_credentials(argument))
        previous = argument
    return out

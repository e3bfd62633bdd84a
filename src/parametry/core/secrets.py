"""Secrets: strings that must not go into a record, found by the whole words of their names."""

from __future__ import annotations

import re
from typing import Any

from parametry.core.value import Plain

__all__ = ["WITHHELD", "is_secret", "withhold", "withhold_arguments"]

WITHHELD: dict[Any, Plain] = {"$withheld": "secret"}

_WORDS = frozenset(
    {"password", "passwords", "passwd", "passphrase", "passcode", "pwd", "secret", "secrets"}
    | {"token", "apikey", "apikeys", "credential", "credentials", "bearer", "authorization"}
)
_KEYS = frozenset({"key", "keys"})
_KINDS_OF_KEY = frozenset(
    {"api", "access", "private", "secret", "auth", "account", "signing", "encryption", "ssh"}
)
_KINDS_OF_TOKENS = frozenset({"access", "api", "auth", "bearer", "refresh"})
# The tokens of a text, as in every tokenizer's settings: ``oov_token="<OOV>"``.
_TEXT_TOKENS = frozenset(
    {"pad", "oov", "unk", "unknown", "mask", "sep", "cls", "bos", "eos", "sos", "start", "end"}
    | {"stop", "blank", "special"}
)
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_secret(name: str) -> bool:
    """Whether a name says by a whole word that it holds a secret.

    Example:
        >>> is_secret("HF_TOKEN"), is_secret("apiKey"), is_secret("tokenizer"), is_secret("key_dim")
        (True, True, False, False)
    """
    words = [word.lower() for word in _SPLIT.split(name) if word]
    return any(map(_says_secret, ["", *words], words))


def _says_secret(before: str, word: str) -> bool:
    if word == "token":
        return before not in _TEXT_TOKENS
    if word == "tokens":
        return before in _KINDS_OF_TOKENS
    return word in _WORDS or (word in _KEYS and before in _KINDS_OF_KEY)


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
        if str(next(iter(value), "")).startswith("$"):  # what stands for bytes or a long text
            return dict(WITHHELD) if is_secret(name) else value
        return {
            key: withhold(f"{name} {key}" if isinstance(key, str) else name, item)
            for key, item in value.items()
        }
    return value


def _without_credentials(value: str) -> str:
    """An address of the net without the secrets in it: ``scheme://user:word@host?token=word``."""
    if "://" not in value:
        return value
    value = re.sub(r"(://[^/\s:@]*):[^/\s]+@", r"\1:…@", value)
    return re.sub(r"([?&;]([^=&;?\s]+)=)[^&;#\s]+", _without_secret, value)


def _without_secret(setting: re.Match[str]) -> str:
    return f"{setting[1]}…" if is_secret(setting[2]) else setting[0]


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

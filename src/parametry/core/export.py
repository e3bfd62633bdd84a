"""JSON-ready data as text that any file can hold."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["json_text", "yaml_text"]

_OTHERS = re.compile("[^\\n -~]")


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Data as JSON text: readable, safe to write as UTF-8, and safe to print.

    Args:
        data: What `to_json_value` made, and lists and dicts of it.
        indent: Spaces for each level; None for one line.

    Example:
        >>> json_text({"name": "Größe"})
        '{"name": "Größe"}'
    """
    text = json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False)
    # A control character, a mark that turns text around, half a character (as in a file's name that
    # is not UTF-8): JSON would have them as they are, and what comes from a file may be printed.
    return _OTHERS.sub(_printable, text)


def _printable(match: re.Match[str]) -> str:
    character = match[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]


def yaml_text(data: Any) -> str:
    """The same data as YAML text, in its own order."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """PyYAML's own, which would write U+0085 as a line break."""

    def write(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        style = '"' if "\x85" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, write)
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True))

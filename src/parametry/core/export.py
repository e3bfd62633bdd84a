"""JSON-ready data as text that any file can hold."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["json_text", "yaml_text"]

_SURROGATES = re.compile("[\ud800-\udfff]")


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Data as JSON text: readable, and safe to write as UTF-8.

    Args:
        data: What `to_json_value` made, and lists and dicts of it.
        indent: Spaces for each level; None for one line.

    Example:
        >>> json_text({"name": "Größe"})
        '{"name": "Größe"}'
    """
    text = json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False)
    # Half a character, as in a file's name that is not UTF-8, can be written only as an escape.
    return _SURROGATES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def yaml_text(data: Any) -> str:
    """The same data as YAML text, in its own order."""
    import yaml

    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))

"""Reading a manifest that a stranger may have written: every entry is checked before it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar, get_args

from parametry.core.hyperparameter import Change, Hyperparameter, Origin
from parametry.core.parameter import Role
from parametry.core.place import Place
from parametry.core.provenance import Provenance
from parametry.core.strict_json import JsonRefused, parse
from parametry.core.tie import Tie
from parametry.core.value import UNSET, Plain
from parametry.errors import FormatError

__all__ = ["from_json_value", "hyperparameter_of", "manifest_fields", "place_of_text"]

MOST_BYTES = 256 << 20
_ROLES = frozenset(get_args(Role))
_ORIGINS = frozenset(get_args(Origin)) | {None}
T = TypeVar("T")


def manifest_fields(text: str | bytes, version: int, path: object) -> dict[str, Any]:
    """The fields of a `parametry.core.manifest.Manifest`, checked.

    Args:
        text: JSON text.
        version: The latest version that this parametry knows.
        path: The file that it stands in, for messages.

    Raises:
        FormatError: It is no manifest, or one of a later version.
    """
    if len(text) > MOST_BYTES:
        raise FormatError(f"a manifest of {len(text):,} bytes", path=path)
    try:
        data = parse(text)
    except JsonRefused as refused:
        raise FormatError(f"the manifest cannot be read: {refused}", path=path) from None
    return _Reader(path).fields(data, version)


class _Reader:
    """Checks a manifest's entries; each fault names the file and the entry."""

    def __init__(self, path: object) -> None:
        self._path = path

    def _fault(self, entry: str, expected: str, got: object) -> NoReturn:
        raise FormatError(
            f"the manifest's {entry} is {type(got).__name__}, expected {expected}", path=self._path
        )

    def fields(self, data: Any, version: int) -> dict[str, Any]:
        if not isinstance(data, dict):
            self._fault("document", "an object", data)
        found = data.get("version")
        if type(found) is not int or found < 1:
            self._fault("version", "a whole number from 1 on", found)
        if found > version:
            raise FormatError(
                f"the manifest is of version {found}, this parametry knows {version}",
                path=self._path,
                hint="pip install --upgrade parametry",
            )
        ties = data.get("ties", [])
        if not isinstance(ties, list):
            self._fault("ties", "a list", ties)
        return {
            "name": self._text(data, "name"),
            "class_name": self._text(data, "class"),
            "framework": self._text(data, "framework"),
            "roles": self._each(data, "roles", self._role),
            "layers": self._each(data, "layers", self._string),
            "ties": self._ties(ties),
            "provenance": self._each(data, "provenance", self._provenance),
            "hyperparameters": self._each(data, "hyperparameters", self._chosen),
            "names": self._each(data, "names", self._string),
            "structure": self._each(data, "structure", lambda _, value: value),
            "dtypes": self._each(data, "dtypes", self._string),
        }

    def _text(self, data: Mapping[str, Any], key: str) -> str:
        return self._string(key, data.get(key, ""))

    def _string(self, entry: str, value: object) -> str:
        if not isinstance(value, str):
            self._fault(entry, "text", value)
        return value

    def _each(
        self, data: Mapping[str, Any], key: str, check: Callable[[str, Any], T]
    ) -> dict[str, T]:
        found = data.get(key, {})
        if not isinstance(found, dict):
            self._fault(key, "an object", found)
        return {address: check(f"{key} of {address!r}", value) for address, value in found.items()}

    def _role(self, entry: str, value: object) -> str:
        role = self._string(entry, value)
        if role not in _ROLES:
            raise FormatError(
                f"the manifest's {entry} is {role[:100]!r}, expected one of {sorted(_ROLES)}",
                path=self._path,
            )
        return role

    def _ties(self, ties: list[Any]) -> tuple[Tie, ...]:
        found = tuple(self._tie(f"tie {number}", tie) for number, tie in enumerate(ties))
        seen: set[str] = set()
        for tie in found:
            for address in tie:
                if address in seen:
                    raise FormatError(
                        "the manifest ties it more than once", path=self._path, address=address
                    )
                seen.add(address)
        return found

    def _tie(self, entry: str, value: Any) -> Tie:
        if not isinstance(value, dict):
            self._fault(entry, "an object", value)
        aliases = self._strings(f"{entry}, aliases", value.get("aliases"))
        transposed = frozenset(self._strings(f"{entry}, transposed", value.get("transposed", [])))
        if not aliases or not transposed.issubset(aliases):
            self._fault(entry, "one or more aliases, the transposed among them", value)
        return Tie(self._string(entry, value.get("address")), tuple(aliases), transposed)

    def _strings(self, entry: str, value: object) -> list[str]:
        if not isinstance(value, list):
            self._fault(entry, "a list of texts", value)
        return [self._string(entry, item) for item in value]

    def _provenance(self, entry: str, value: Any) -> Provenance:
        if not isinstance(value, dict):
            self._fault(entry, "an object", value)
        seed, made_by = value.get("seed"), value.get("initializer")
        if seed is not None and type(seed) is not int:
            self._fault(f"{entry}, seed", "a whole number", seed)
        if made_by is not None and not isinstance(made_by, dict):
            self._fault(f"{entry}, initializer", "an object", made_by)
        texts = {key: value.get(key) for key in ("address", "rule", "source")}
        return Provenance(
            self._string(f"{entry}, action", value.get("action")),
            None if made_by is None else {k: from_json_value(v) for k, v in made_by.items()},
            seed,
            **{key: None if text is None else self._string(f"{entry}, {key}", text)
               for key, text in texts.items()},
        )  # fmt: skip

    def _chosen(self, entry: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or "value" not in value:
            self._fault(entry, "an object with a value", value)
        origin = value.get("origin")
        if not (origin is None or isinstance(origin, str)) or origin not in _ORIGINS:
            self._fault(f"{entry}, origin", "the word of an origin", origin)
        if "where" in value:
            self._string(f"{entry}, where", value["where"])
        changes = value.get("changes", [])
        if not isinstance(changes, list):
            self._fault(f"{entry}, changes", "a list", changes)
        for change in changes:
            self._check_change(f"{entry}, change", change)
        return value

    def _check_change(self, entry: str, change: Any) -> None:
        if not isinstance(change, dict):
            self._fault(entry, "an object", change)
        step, where = change.get("step"), change.get("where")
        if step is not None and type(step) is not int:
            self._fault(f"{entry}, step", "a whole number", step)
        self._string(f"{entry}, cause", change.get("cause"))
        if where is not None:
            self._string(f"{entry}, where", where)


def hyperparameter_of(address: str, entry: Mapping[str, Any]) -> Hyperparameter:
    """The hyperparameter that `Hyperparameter.to_dict` made an entry of.

    Args:
        address: Where it stands.
        entry: The entry, as a manifest that was checked holds it.

    Example:
        >>> hyperparameter_of("fit/epochs", {"value": 3, "origin": "explicit"}).value
        3
    """
    where = entry.get("where")
    return Hyperparameter(
        address,
        from_json_value(entry["value"]),
        from_json_value(entry["passed"]) if "passed" in entry else UNSET,
        entry.get("origin"),
        None if where is None else place_of_text(where),
        tuple(_change(change) for change in entry.get("changes", ())),
    )


def _change(change: Mapping[str, Any]) -> Change:
    where = change.get("where")
    return Change(
        change.get("step"),
        from_json_value(change.get("old")),
        from_json_value(change.get("new")),
        change["cause"],
        None if where is None else place_of_text(where),
    )


def place_of_text(text: str) -> Place:
    """``train.py:12`` as a place; a text without a line is a place without one.

    Example:
        >>> place_of_text("train.py:12").line
        12
    """
    file, _, line = text.rpartition(":")
    if file and line.isascii() and line.isdigit() and len(line) < 10:
        return Place(file, int(line))
    return Place(text, 0)


def from_json_value(value: Any) -> Plain:
    """What `parametry.core.value.to_json_value` made JSON of, but for keys that were no text.

    Example:
        >>> from_json_value({"rate": {"$float": "inf"}})
        {'rate': inf}
    """
    if isinstance(value, list):
        return [from_json_value(item) for item in value]
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]
    if value.keys() == {"$float"} and value["$float"] in ("nan", "inf", "-inf"):
        return float(value["$float"])
    return {key: from_json_value(item) for key, item in value.items()}

"""Mappings from address to entry: what hyperparameters, parameters and layers have in common."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any, ClassVar, Generic, Protocol, TypeVar, overload

from parametry.core.address import escape, nearest
from parametry.core.display import render
from parametry.core.export import json_text, yaml_text
from parametry.core.pattern import compile_pattern, is_pattern
from parametry.errors import NothingMatched, PatternError, UnknownAddress

__all__ = ["AddressMapping", "Entry"]


class Entry(Protocol):
    """What an entry of the mapping can do."""

    @property
    def address(self) -> str:
        """Its canonical address."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON-ready data."""
        ...


E = TypeVar("E", bound=Entry)
T = TypeVar("T")
Self = TypeVar("Self", bound="AddressMapping[Any]")


class AddressMapping(Mapping[str, E], Generic[E]):
    """A read-only mapping from address to entry, in the model's own order.

    It behaves as any mapping does; ``select`` takes a part of it. Look-ups accept other ways to an
    entry too (an alias, the path of attributes); iteration and ``len`` know canonical addresses
    alone.

    Args:
        entries: The entries, or a function that works them out on first use.
        source: What they belong to, for messages: ``model 'net'``.
        aliases: Another address to the canonical one.
        resolve: Translates any other way to an entry into its address; None where it can't.
    """

    noun: ClassVar[str] = "entry"
    plural: ClassVar[str] = "entries"

    def __init__(
        self,
        entries: Mapping[str, E] | Callable[[], Mapping[str, E]],
        *,
        source: str = "",
        aliases: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        resolve: Callable[[str], str | None] | None = None,
    ) -> None:
        self._given = entries
        self._source = source
        self._aliases_given = aliases
        self._resolve = resolve
        self._known: Mapping[str, E] | None = None

    @property
    def _entries(self) -> Mapping[str, E]:
        if self._known is None:
            self._known = self._given() if callable(self._given) else self._given
        return self._known

    @property
    def _aliases(self) -> Mapping[str, str]:
        if callable(self._aliases_given):
            self._aliases_given = self._aliases_given()
        return self._aliases_given or {}

    @property
    def source(self) -> str:
        """What the entries belong to."""
        return self._source

    def _canonical(self, address: object) -> str | None:
        """The address under which the entry stands that any address leads to; None if none."""
        if not isinstance(address, str):
            return None
        if address in self._entries:
            return address
        found = self._aliases.get(address)
        if found is None and self._resolve is not None:
            found = self._resolve(address)
        return found if found in self._entries else None

    def __getitem__(self, address: str) -> E:
        """The entry at an address, an alias, or a path of attributes.

        Raises:
            UnknownAddress: Nothing is there; the message names the nearest addresses.
        """
        found = self._canonical(address)
        if found is None:
            message, hint = self._unknown(address)
            raise UnknownAddress(message, hint=hint)
        return self._entries[found]

    @overload
    def get(self, address: str, default: None = None, /) -> E | None: ...

    @overload
    def get(self, address: str, default: E | T, /) -> E | T: ...

    def get(self, address: str, default: Any = None, /) -> Any:
        """The entry at an address, or the default; without looking for the nearest addresses."""
        found = self._canonical(address)
        return default if found is None else self._entries[found]

    def _unknown(self, address: object) -> tuple[str, str]:
        where = f" in {self._source}" if self._source else ""
        if not isinstance(address, str):
            return (
                f"an address is text, {type(address).__name__} {address!r} was given{where}",
                f"by position: list({self.plural.replace(' ', '_')})[index]",
            )
        if self._matches_any(address):
            return (
                f"{address!r} is a pattern, not the address of one {self.noun}{where}",
                f"select({address!r}) gives all that match",
            )
        below = sum(1 for known in self._entries if known.startswith(address + "/"))
        if below and address:
            return (
                f"no {self.noun} has the address {address!r}{where}, "
                f"but {below} {'lies' if below == 1 else 'lie'} below it",
                f"select({escape(address) + '/**'!r}) gives them",
            )
        return f"no {self.noun} has the address {address!r}{where}", self._nearest_hint(address)

    def _matches_any(self, pattern: str) -> bool:
        try:
            return is_pattern(pattern) and any(
                map(compile_pattern(pattern).fullmatch, self._entries)
            )
        except PatternError:
            return False

    def _nearest_hint(self, address: str) -> str:
        if not self._entries:
            return f"there are no {self.plural} at all"
        close = nearest(address, self._entries)
        if close:
            return f"nearest: {', '.join(close)}"
        first = ", ".join(list(self._entries)[:3])
        return f"there are {len(self._entries)}, beginning with {first}"

    def __contains__(self, address: object) -> bool:
        """Whether a look-up of the address would find an entry."""
        return self._canonical(address) is not None

    def __iter__(self) -> Iterator[str]:
        """The canonical addresses, in the model's order."""
        return iter(self._entries)

    def __len__(self) -> int:
        """How many entries there are; what is shared counts once."""
        return len(self._entries)

    # `Mapping` would look each address up anew, aliases and all, which shows with 90,000 of them.
    def values(self) -> ValuesView[E]:
        """The entries, in the model's order."""
        return self._entries.values()

    def items(self) -> ItemsView[str, E]:
        """The canonical addresses with their entries, in the model's order."""
        return self._entries.items()

    def __eq__(self, other: object) -> bool:
        """Whether both hold equal entries under the same addresses, in any order."""
        if not isinstance(other, Mapping):
            return NotImplemented
        if isinstance(other, AddressMapping) and self.noun != other.noun:
            return False
        return dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment]

    def select(
        self: Self,
        *patterns: str,
        where: Callable[[Any], bool] | None = None,
        missing_ok: bool = False,
    ) -> Self:
        """The entries whose address, or an alias, matches any of the patterns.

        Args:
            *patterns: Globs over addresses: ``**/kernel``, ``encoder/*``; none means all.
            where: Keeps the entries for which it is true.
            missing_ok: Give an empty mapping where nothing matches, instead of an error.

        Raises:
            NothingMatched: Nothing is left and ``missing_ok`` is false. A pattern that matches
                nothing is an error beside others that do.
            PatternError: A pattern cannot be read.
        """
        return self._select(patterns, [] if where is None else [where], missing_ok)

    def _select(
        self: Self,
        patterns: tuple[str, ...],
        tests: Iterable[Callable[[Any], bool]],
        missing_ok: bool,
    ) -> Self:
        kept = self._matching(patterns, missing_ok) if patterns else set(self._entries)
        tests = list(tests)
        chosen = {
            address: entry
            for address, entry in self._entries.items()
            if address in kept and all(test(entry) for test in tests)
        }
        if not chosen and not missing_ok:
            shown = ", ".join(map(repr, patterns)) or "'**'"
            raise NothingMatched(
                f"{shown} matches {len(kept)} {self.plural}"
                f"{f' in {self._source}' if self._source else ''}, and the filters leave none",
                hint="loosen a filter, or pass missing_ok=True",
            )
        aliases = {alias: target for alias, target in self._aliases.items() if target in chosen}
        return type(self)(chosen, source=self._source, aliases=aliases, resolve=self._resolve)

    def _matching(self, patterns: tuple[str, ...], missing_ok: bool) -> set[str]:
        kept: set[str] = set()
        for pattern in patterns:
            if not is_pattern(pattern):
                found = self._canonical(pattern)
                matched = set() if found is None else {found}
            else:
                matches = compile_pattern(pattern).fullmatch
                matched = {address for address in self._entries if matches(address)}
                matched.update(
                    target
                    for alias, target in self._aliases.items()
                    if target in self._entries and matches(alias)
                )
            if not matched and not missing_ok:
                raise NothingMatched(
                    f"{pattern!r} matches no {self.noun}"
                    f"{f' in {self._source}' if self._source else ''}",
                    hint=self._unmatched_hint(pattern),
                )
            kept |= matched
        return kept

    def _unmatched_hint(self, pattern: str) -> str:
        if not is_pattern(pattern):
            return self._unknown(pattern)[1]
        if self._canonical(pattern) is not None:
            return f"the address holds signs of a pattern: select({escape(pattern)!r})"
        if self._entries and "**" not in pattern:
            deeper = f"**/{pattern}"
            if self._matches_any(deeper):
                return f"'*' stays within one part; {deeper!r} would match"
        literal = pattern.replace("**/", "").replace("*", "")
        return f"{self._nearest_hint(literal)}; missing_ok=True allows none"

    def to_dict(self) -> dict[str, Any]:
        """All entries as JSON-ready data: address to what `Entry.to_dict` tells."""
        return {address: entry.to_dict() for address, entry in self._entries.items()}

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON text; NaN and the infinities are ``{"$float": "nan"}``."""
        return json_text(self.to_dict(), indent=indent)

    def to_yaml(self) -> str:
        """`to_dict` as YAML text, in the model's order."""
        return yaml_text(self.to_dict())

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with a row for each entry, indexed by address.

        Raises:
            FrameworkMissing: pandas is not installed.
        """
        from parametry.core.frames import imported_pandas

        pandas = imported_pandas()
        rows = self.to_dict()
        frame = pandas.DataFrame.from_records(list(rows.values()), index=list(rows))
        frame.index.name = "address"
        return frame

    def __repr__(self) -> str:
        """A plain table, cut after some lines."""
        return str(render("parametry.show.text:mapping", self))

    def __rich__(self) -> Any:
        """A table for rich."""
        return render("parametry.show.terminal:mapping", self)

    def _repr_html_(self) -> str:
        """A table for notebooks, at most 200 KB."""
        return str(render("parametry.show.html:mapping", self))

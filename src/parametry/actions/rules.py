"""Rules for initialisation: which of them sets which parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from parametry.core.address import escape
from parametry.core.dtype import kind, numpy_dtype
from parametry.core.mappings import Parameters
from parametry.core.parameter import Parameter
from parametry.core.pattern import compile_pattern, is_pattern
from parametry.errors import NothingMatched, RuleError

__all__ = ["reached", "winners"]


def winners(rules: Mapping[str, Any], parameters: Parameters) -> dict[str, str]:
    """The rule that sets each parameter: the last whose pattern matches, as in CSS.

    Args:
        rules: Pattern to what it sets.
        parameters: A model's parameters.

    Returns:
        Canonical address to pattern, in the parameters' order; without those that no rule reaches.

    Raises:
        NothingMatched: A pattern reaches nothing.
        PatternError: A pattern cannot be read.
        RuleError: A tied array is reached by different rules through different addresses.
    """
    by_rule = {pattern: reached(pattern, parameters) for pattern in rules}
    out: dict[str, str] = {}
    for address, parameter in parameters.items():
        found = {
            name: pattern
            for name in (address, *parameter.aliases)
            if (pattern := _last(by_rule, address, name)) is not None
        }
        if found:
            _agree(parameter, found, rules)
            out[address] = next(iter(found.values()))
    return out


def reached(pattern: str, parameters: Parameters) -> dict[str, frozenset[str]]:
    """The parameters that a pattern reaches, each with those of its addresses that it matches.

    A pattern with signs reaches floating-point and complex numbers alone: integers are seeds,
    counters and packed weights, which only their exact address means.

    Args:
        pattern: A pattern, or the address of one parameter.
        parameters: A model's parameters.

    Raises:
        NothingMatched: It reaches nothing.
        PatternError: It cannot be read.
    """
    if not isinstance(pattern, str):
        raise RuleError(
            f"a rule's pattern is text, not {pattern!r}", hint="as in {'**/kernel': 0.0}"
        )
    try:
        matched = parameters.select(pattern)
    except NothingMatched as error:
        hint = (error.hint or "").partition("; missing_ok")[0]
        raise NothingMatched(error.message, hint=hint) from None
    if not is_pattern(pattern):
        (parameter,) = matched.values()
        names = frozenset({pattern}) & {parameter.address, *parameter.aliases}
        return {parameter.address: names or frozenset({parameter.address})}
    kept = {address: entry for address, entry in matched.items() if _is_continuous(entry)}
    if not kept:
        first = next(iter(matched))
        raise NothingMatched(
            f"{pattern!r} matches integers alone in {parameters.source}: seeds, counters, "
            "quantized weights",
            hint=f"name one exactly: {escape(first)!r}",
        )
    matches = compile_pattern(pattern).fullmatch
    return {
        address: frozenset(name for name in (address, *entry.aliases) if matches(name))
        for address, entry in kept.items()
    }


def _is_continuous(parameter: Parameter) -> bool:
    if parameter.dtype == "string":
        return False
    return kind(numpy_dtype(parameter.dtype)) in ("float", "complex")


def _last(
    by_rule: Mapping[str, Mapping[str, frozenset[str]]], address: str, name: str
) -> str | None:
    """The last rule that matches one of an array's addresses."""
    return next(
        (p for p, found in reversed(list(by_rule.items())) if name in found.get(address, ())), None
    )


def _agree(parameter: Parameter, found: Mapping[str, str], rules: Mapping[str, Any]) -> None:
    """Refuse rules that say different things of one array."""
    (name, pattern), *others = found.items()
    for other, theirs in others:
        if theirs != pattern and not _equal(rules[pattern], rules[theirs]):
            either = "{" + ",".join(escape(each) for each in found) + "}"
            raise RuleError(
                f"{name} and {other} are one array, and two rules set it differently: {pattern!r} "
                f"by {name}, {theirs!r} by {other}",
                hint=f"one last rule for all its addresses decides: {either!r}",
            )


def _equal(first: Any, second: Any) -> bool:
    if first is second:
        return True
    if type(first) is not type(second) or isinstance(first, np.ndarray):
        return False
    try:
        return bool(first == second)
    except Exception:  # a user's object may not compare
        return False

"""`parametry.tie` and `parametry.untie`: several parameters become one array, and several again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from parametry.actions.subjects import Subject, subject_of
from parametry.core.mappings import Parameters
from parametry.core.parameter import Parameter
from parametry.core.pattern import compile_pattern, is_pattern
from parametry.core.tie import Tie
from parametry.errors import NotBuilt, TieError, UnknownAddress

__all__ = ["tie", "untie"]

_BUILD_FIRST = "build it first: call it on a batch, or parametry.inspect(model, sample=x[:1])"


def tie(model: Any, address: str, *others: str, transpose: bool = False) -> Tie:
    """Make parameters of a built model one array, which trains, counts and saves as one.

    The first address gives the values, and the optimizer's slots; **the values of the others are
    lost**. So are their regularizers and constraints: those of the first hold. Gradients flow into
    the array from every use. What was tied to one of the others comes along.

    A compiled model goes on as it is: its steps are traced anew, its optimizer stays the same
    object with its step and the slots of all that it trains. What your own code compiled
    (``tf.function``, ``jax.jit``) or fetched before (a list of ``trainable_variables``) holds the
    old variables: make it again. An optimizer that no model holds is not known here.

    Args:
        model: A live model or layer, changed in place. Give the outermost one that you train.
        address: The parameter whose array all get: an address, or a pattern that matches one.
        *others: Addresses, or patterns that may match several; parameters of one layer or of
            different submodels. What is tied to the first already stays so.
        transpose: Whether the others see the array transposed: matrices alone, as an embedding of
            shape (words, width) and the projection back with (width, words).

    Returns:
        The tie, with all addresses of the array.

    Raises:
        TieError: Shapes or dtypes do not fit, a parameter would be tied to itself, one is trained
            and another frozen, or one is state, which a layer updates by itself. Nothing was
            changed then.
        UnknownAddress: Nothing is at an address.
        NothingMatched: A pattern matches nothing.
        NotBuilt: The model has no parameters yet.
        NotAModel: It is no live model.
        NotSupported: The framework's variables cannot be tied once built (Keras 2).

    Example:
        >>> pm.tie(net, "embedding/embeddings", "head/kernel", transpose=True)   # doctest: +SKIP
        Tie(address='embedding/embeddings', aliases=('head/kernel',), ...)
        >>> pm.tie(net, "block_0/dense/kernel", "block_*/dense/kernel")          # doctest: +SKIP
    """
    if not others:
        raise TieError(
            f"{address!r} alone is no tie", hint="tie(model, address, other): name both ends"
        )
    subject = _subject(model, "tie")
    kept = _one(subject, address)
    joined = [end for other in others for end in _ends(subject, other, kept)]
    _check(subject, kept, joined, transpose)
    for end in joined:
        parameters = _subject(model, "tie").view.parameters
        if parameters[end.address] is not parameters[kept.address]:
            subject.framework.tie(model, kept.address, end.address, transpose=transpose)
    return next(known for known in _subject(model, "tie").view.ties if kept.address in known)


def untie(model: Any, address: str) -> None:
    """Give a tied parameter an array of its own again, with a copy of the values.

    It undoes `tie`, and any other sharing of one variable by several layers. The canonical address
    (the first in `inspect(model).ties`) keeps the array and the optimizer's slots; the address that
    leaves starts with slots as a new variable does. Asked for the canonical address itself, all
    others leave together, and stay one array among themselves.

    Args:
        model: A live model or layer, changed in place; a compiled one goes on, as with `tie`.
        address: The address that is to leave, or a pattern that matches one. Where its layer is at
            several addresses, it leaves with all of them.

    Raises:
        TieError: The parameter is tied to no other, or is shared because the model uses one layer
            several times: such a layer computes with one array wherever it is used.
        UnknownAddress: Nothing is at the address.
        NothingMatched: The pattern matches nothing.
        NotAModel: It is no live model.
        NotSupported: The framework's variables cannot be tied once built (Keras 2).

    Example:
        >>> pm.untie(net, "head/kernel")                                         # doctest: +SKIP
    """
    subject = _subject(model, "untie")
    end = _one(subject, address)
    if not end.entry.aliases:
        tied = ", ".join(str(known) for known in subject.view.ties) or "none"
        raise TieError(f"{end.address} is tied to no other parameter", hint=f"the ties are: {tied}")
    subject.framework.untie(model, end.address)


@dataclass(frozen=True, slots=True)
class _End:
    """An address as it was named, canonical or not, and the parameter that it leads to."""

    address: str
    entry: Parameter

    @property
    def transposed(self) -> bool:
        """Whether the array is seen transposed here to what its canonical address sees."""
        return self.address in self.entry.transposed

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that is seen here."""
        return self.entry.shape[::-1] if self.transposed else self.entry.shape


def _subject(model: Any, action: str) -> Subject:
    try:
        return subject_of(model, action)
    except NotBuilt as error:
        raise NotBuilt(error.message, hint=_BUILD_FIRST) from None


def _one(subject: Subject, address: str) -> _End:
    found = list(_matching(subject, address))
    if len(found) > 1:
        few = ", ".join(end.address for end in found[:3])
        raise TieError(
            f"{address!r} matches {len(found)} parameters, where one is meant: {few}"
            + (", …" if len(found) > 3 else ""),
            hint="name one address",
        )
    return found[0]


def _ends(subject: Subject, other: str, kept: _End) -> list[_End]:
    """What one of the other addresses or patterns leads to."""
    found = list(_matching(subject, other))
    if is_pattern(other):
        found = [end for end in found if end.address != kept.address]
    if not found or any(end.address == kept.address for end in found):
        raise TieError(
            f"{other!r} leads to {kept.address} itself, which cannot be tied to itself",
            hint="name another parameter",
        )
    return found


def _matching(subject: Subject, text: str) -> Iterator[_End]:
    parameters: Parameters = subject.view.parameters
    try:
        selected = parameters.select(text).values()
    except LookupError:
        if not is_pattern(text) and (error := subject.not_built()) is not None:
            raise NotBuilt(error.message, hint=_BUILD_FIRST) from None
        if is_pattern(text):
            raise
        parameters[text]  # says which addresses are near
        raise
    for entry in selected:
        addresses = (entry.address, *entry.aliases)
        if is_pattern(text):
            matches = compile_pattern(text).fullmatch
            yield from (_End(known, entry) for known in addresses if matches(known))
        elif text in addresses or not entry.aliases:
            yield _End(text if text in addresses else entry.address, entry)
        else:
            raise UnknownAddress(
                f"{text!r} leads to an array with several addresses, and does not say to which",
                hint=f"name one of {', '.join(addresses)}",
            )


def _check(subject: Subject, kept: _End, joined: list[_End], transpose: bool) -> None:
    """Check everything before anything is changed."""
    orientations: dict[str, tuple[bool, str]] = {kept.entry.address: (kept.transposed, "")}
    for end in joined:
        _check_kinds(kept, end)
        _check_shapes(kept, end, transpose)
        flips = end.transposed ^ transpose
        known, before = orientations.setdefault(end.entry.address, (flips, end.address))
        if known != flips:
            also = f" as {before} is" if before else ""
            raise TieError(
                f"{end.address} cannot be tied {'transposed' if transpose else 'as it is'} to "
                f"{kept.address}{also}: the two ends are tied already, the other way around",
                hint=f"untie(model, {end.address!r}) first",
            )


def _check_kinds(kept: _End, end: _End) -> None:
    for one in (kept, end):
        if one.entry.role == "state":
            raise TieError(
                f"{one.address} is state of its layer, not a weight: each layer would go on "
                "updating it by itself",
                hint="weights can be tied; state that is to be equal wants one layer, used twice",
            )
    if kept.entry.dtype != end.entry.dtype:
        raise TieError(
            f"{end.address} has the dtype {end.entry.dtype}, {kept.address} has {kept.entry.dtype}",
            hint="one array has one dtype: give both layers the same dtype policy",
        )
    if kept.entry.role != end.entry.role:
        frozen, trained = sorted((kept, end), key=lambda one: one.entry.role)
        raise TieError(
            f"{frozen.address} is frozen, {trained.address} is trained",
            hint=f"one array is one or the other: freeze(model, {trained.address!r}) or "
            f"unfreeze(model, {frozen.address!r}) first",
        )


def _check_shapes(kept: _End, end: _End, transpose: bool) -> None:
    wanted = kept.shape[::-1] if transpose else kept.shape
    if transpose and len(kept.shape) != 2:
        raise TieError(
            f"{kept.address} has the shape {kept.shape}, and only matrices can be tied transposed",
            hint="leave out transpose=True" if kept.shape == end.shape else None,
        )
    if end.shape == wanted:
        return
    hint = "only parameters of one shape can be one array"
    if not transpose and len(end.shape) == 2 and end.shape == kept.shape[::-1]:
        hint = "it would fit with transpose=True"
    elif transpose and end.shape == kept.shape:
        hint = "it would fit without transpose=True"
    raise TieError(
        f"{end.address} has the shape {end.shape}, {kept.address} has {kept.shape}"
        + (f", which is {wanted} transposed" if transpose else ""),
        hint=hint,
    )

"""`parametry.load`: the values of a file or another model into a model, by address."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parametry.actions.matching import Match, Matching, Side, match
from parametry.actions.renaming import AddressMap, renaming
from parametry.actions.restoring import Restoring
from parametry.actions.uncopied import uncopied
from parametry.actions.viewing import view_of
from parametry.actions.writing import all_or_nothing
from parametry.core.address import nearest
from parametry.core.dtype import cast, kind, numpy_dtype
from parametry.core.load_report import Loaded, LoadReport
from parametry.core.manifest import Manifest
from parametry.core.mappings import Parameters
from parametry.core.model import Model
from parametry.core.parameter import Parameter
from parametry.core.value import class_name
from parametry.errors import DtypeMismatch, LoadError, NotAModel, NotBuilt
from parametry.frameworks.registry import Framework, find

if TYPE_CHECKING:
    from parametry.formats.contents import Contents

__all__ = ["Source", "fill", "load", "source_of"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from.

    Attributes:
        name: For messages: ``file 'net.safetensors'``.
        view: What it holds.
        contents: The opened file; None for a model.
        manifest: What parametry wrote beside the arrays; None where there is none.
    """

    name: str
    view: Model
    contents: Contents | None = None
    manifest: Manifest | None = None

    @property
    def knows_roles(self) -> bool:
        """Whether what it says of trainable and frozen is known, and not supposed."""
        return self.contents is None or self.manifest is not None

    def check(self) -> None:
        """Read what the values stand in, so that reading it again finds no fault."""
        if self.contents is not None:
            self.contents.check()

    def values(self, entry: Parameter) -> NDArray[Any]:
        """The values of one parameter, without a copy where the file can be mapped."""
        return uncopied(entry).numpy()


def source_of(source: Any) -> Source:
    """What `parametry.load` can take values from: a path, a live model, or what `inspect` gave."""
    if isinstance(source, Model):
        return Source(source.parameters.source or f"model {source.name!r}", source)
    if isinstance(source, (str, bytes, os.PathLike)):
        from parametry.formats.registry import open_file

        contents = open_file(os.fsdecode(source))
        name = f"file {Path(contents.path).name!r}"
        return Source(name, contents.model, contents, contents.manifest)
    view = view_of(source)
    if view is None:
        raise NotAModel(
            f"an object of class {class_name(type(source))} has no parameters to load from",
            hint="give a file's path, a live model, or what parametry.inspect gave",
        )
    return Source(f"model {view.name!r}", view)


def load(
    model: Any,
    source: Any,
    *,
    map: AddressMap | None = None,
    strict: bool = True,
    select: str | Iterable[str] | None = None,
    optimizer: bool = False,
    dry_run: bool = False,
) -> LoadReport:
    """Load values into a live model by address, and make it again what was saved.

    Aliases count as addresses, on both sides. What the source has tied and the model has not is
    tied again; weights that were frozen or trainable when the source was saved are so again; the
    provenance of initial values comes along. The state of random generators is state as any other,
    and loaded where the file holds it.

    Everything is worked out and checked first: each array's bytes are read once, each cast is
    tried. Then the arrays are written one by one, from the mapped file where the format allows. The
    old values are kept until the last is written (what exceeds 64 MiB in a temporary file), and put
    back if anything fails.

    Args:
        model: A live model or layer that is built.
        source: A file's path (``.safetensors``, ``.npz``, ``.keras``, ``.weights.h5``, whoever
            wrote it), a live model, or what `parametry.inspect` gave.
        map: Where arrays go that stand elsewhere in the model: a mapping from patterns over the
            source's addresses to the model's (the n-th wildcard of the one is put into the n-th of
            the other; the last that matches wins), or a function from address to address. None as
            the goal leaves an array out; ``(address, "T")`` transposes it.
        strict: Whether it is an error if a parameter gets nothing, an array is left over, or a
            shape differs. ``False`` loads what fits, and the report tells the rest.
        select: Patterns over the model's addresses: only these are loaded and must be there.
        optimizer: Whether the optimizer's slots are loaded too; the optimizer must be built.
        dry_run: Whether to only work out and check.

    Returns:
        What was loaded, and what not. It is true where both fit each other whole.

    Raises:
        LoadError: The source and the model do not fit together: every fault is listed.
        DtypeMismatch: Values are of another kind (integers for floats) or overflow.
        FormatError: The file is cut short, damaged, hostile or unknown.
        NotBuilt: The model has no parameters yet.
        NothingMatched: A pattern in ``map=`` or ``select=`` matches nothing.
        FileNotFoundError: There is no such file.

        Nothing was changed after any of these.

    Example:
        >>> pm.load(net, "net.safetensors")                          # doctest: +SKIP
        >>> pm.load(net, "bert.safetensors", strict=False,           # doctest: +SKIP
        ...         map={"encoder/layer/*/weight": ("body/block_*/kernel", "T")})
    """
    framework = find(model)
    if framework is None or not framework.is_model(model):
        raise NotAModel(
            f"an object of class {class_name(type(model))} is no live model",
            hint="parametry.load(model, source): the model first, then what it is loaded from",
        )
    if not getattr(model, "built", True):
        raise NotBuilt(
            f"{framework.inspect(model).name} has no parameters yet to load into",
            hint="call it on a sample first, or parametry.inspect(model, sample=batch)",
        )
    return fill(
        model,
        framework,
        source_of(source),
        rules=map,
        strict=strict,
        select=[select] if isinstance(select, str) else select,
        optimizer=optimizer,
        dry_run=dry_run,
    )


def fill(
    model: Any,
    framework: Framework,
    source: Source,
    *,
    rules: AddressMap | None = None,
    strict: bool = True,
    select: Iterable[str] | None = None,
    parameters: bool = True,
    optimizer: bool = False,
    dry_run: bool = False,
) -> LoadReport:
    """`load`, once it is known what the model and the source are.

    Args:
        model: The live model.
        framework: Knows it.
        source: Where values come from.
        rules: ``map=`` of `load`.
        strict: As in `load`.
        select: As in `load`.
        parameters: Whether the model's own parameters are loaded.
        optimizer: Whether the optimizer's slots are loaded.
        dry_run: As in `load`.
    """
    view = framework.inspect(model)
    names = framework.names_in_file(model) if source.contents is not None else {}
    held, given = (_taken(side, parameters, optimizer) for side in (view, source.view))
    wanted = dict(held if select is None else held.select(*select))
    also = {} if source.manifest is not None else _also(given, held, names)
    theirs = Side(given, source.view.ties)
    rename = renaming(rules, [name for name, _, _ in theirs.names()])
    found = match(Side(held, view.ties, also), theirs, rename, wanted)
    unheld = _unheld(source, names, wanted, found.missing)
    found = Matching(
        found.matches,
        tuple(address for address in found.missing if address not in unheld),
        () if select is not None else _left_over(source, found.extra),
        found.shape_differs,
    )
    # Of an optimizer that the model does not have more may be left over.
    slots = source.view.optimizer_parameters
    unused = any(address not in slots for address in found.extra)
    if strict and (found.missing or unused or found.shape_differs):
        raise _does_not_fit(view, source, found)
    source.check()
    chosen = [_chosen(source, matches) for matches in found.matches.values()]
    for each in chosen:
        _must_cast(source, each)
    restoring = Restoring.planned(framework, model, source.view, chosen, source.knows_roles)
    report = LoadReport(
        source.name,
        loaded=tuple(_loaded(each) for each in chosen),
        missing=found.missing,
        extra=found.extra,
        shape_differs=found.shape_differs,
        unheld=unheld,
        retied=restoring.ties,
        trainable=restoring.trainable,
        dry_run=dry_run,
    )
    return report if dry_run else _done(report, source, chosen, restoring)


def _taken(view: Model, parameters: bool, optimizer: bool) -> Parameters:
    """The parameters of a side that take part, under all the addresses that it knows."""
    if not optimizer:
        return view.parameters
    own = view.parameters if parameters else {}
    return Parameters({**own, **view.optimizer_parameters}, source=view.parameters.source)


def _also(given: Parameters, held: Parameters, names: Mapping[str, str]) -> dict[str, str]:
    """Arrays that the framework's own file calls as it would call a parameter of the model.

    A file from elsewhere may not tell what a layer calls its variables; then their place says it,
    as it does to the framework itself.
    """
    by_name = {name: address for address, name in names.items()}
    out: dict[str, str] = {}
    for address, entry in given.items():
        known = by_name.get(entry.native_name)
        if known is not None and address not in held and known not in given:
            found = held.get(known)
            if found is not None:
                out[address] = found.address
    return out


def _left_over(source: Source, extra: tuple[str, ...]) -> tuple[str, ...]:
    """What leads nowhere, but for what the framework wrote twice: the manifest names one."""
    names = {} if source.manifest is None else source.manifest.names
    return tuple(address for address in extra if not names or address in names)


def _unheld(
    source: Source,
    names: Mapping[str, str],
    wanted: Mapping[str, Parameter],
    missing: tuple[str, ...],
) -> tuple[str, ...]:
    """State that the framework itself would not have written to such a file."""
    written = set(names.values())
    entries = source.view.parameters.values()
    if not any(entry.native_name in written for entry in entries):
        return ()
    return tuple(
        address for address in missing if address not in names and wanted[address].role == "state"
    )


def _does_not_fit(view: Model, source: Source, found: Matching) -> LoadError:
    """Every fault, the nearest addresses beside what is missing."""
    most = 20
    lines = [
        f"  shape differs: {each.address} is {each.expected}, the source has {each.got}"
        + (f" at {each.source}" if each.source != each.address else "")
        for each in found.shape_differs
    ]
    for address in found.missing:
        close = ", ".join(nearest(address, found.extra))
        lines.append(f"  missing: {address}" + (f" (nearest: {close})" if close else ""))
    lines += [f"  extra: {address}" for address in found.extra]
    if len(lines) > most:
        lines[most:] = [f"  … {len(lines) - most:,} more"]
    hint = "map= says where renamed arrays go; strict=False loads what fits"
    turned = [each for each in found.shape_differs if each.got == each.expected[::-1]]
    if turned:
        first = turned[0]
        hint = f"it fits transposed: map={{{first.source!r}: ({first.address!r}, 'T')}}; {hint}"
    return LoadError(
        f"{source.name} and model {view.name!r} do not fit together; nothing was changed\n"
        + "\n".join(lines),
        hint=hint,
    )


def _chosen(source: Source, matches: tuple[Match, ...]) -> Match:
    """The array that a parameter gets; several may lead to addresses that the model has tied."""
    first, *others = matches
    for other in others:
        if not _equal(_turned(source, first), _turned(source, other)):
            raise LoadError(
                f"the model has {first.target.address} as one array at several addresses, and "
                f"{source.name} has different values for them: {first.through} and "
                f"{other.through}",
                hint=f"leave one out with map={{{other.through!r}: None}}, or untie the model",
            )
    return first


def _equal(left: NDArray[Any], right: NDArray[Any]) -> bool:
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    return np.ascontiguousarray(left).tobytes() == np.ascontiguousarray(right).tobytes()


def _turned(source: Source, each: Match) -> NDArray[Any]:
    values = source.values(each.source)
    return values.T if each.transposed else values


def _must_cast(source: Source, each: Match) -> None:
    """Try the cast where it might fail; the result is let go."""
    if each.source.dtype == each.target.dtype:
        return
    given, wanted = numpy_dtype(each.source.dtype), numpy_dtype(each.target.dtype)
    if kind(given) == kind(wanted) and np.can_cast(given, wanted, "safe"):
        return
    try:
        cast(source.values(each.source), each.target.dtype, address=each.target.address)
    except DtypeMismatch as error:
        raise DtypeMismatch(f"{source.name}: {error.message}", hint=error.hint) from None


def _loaded(each: Match) -> Loaded:
    return Loaded(
        each.target.address, each.through, each.target.dtype, each.source.dtype, each.transposed
    )


def _done(
    report: LoadReport, source: Source, chosen: list[Match], restoring: Restoring
) -> LoadReport:
    """Write everything; put the old values back if anything fails."""
    undo: list[Callable[[], None]] = []
    try:
        retied, refused = restoring.tie(undo)
        gone = {alias for tie in retied for alias in tie.aliases}
        with all_or_nothing() as writer:
            for each in chosen:
                if each.target.address not in gone:
                    writer.write(uncopied(each.target), _values(source, each))
            restoring.remember(source.name, undo)
            restoring.set_trainable(undo)
    except BaseException:
        for step in reversed(undo):
            step()
        raise
    return replace(report, retied=retied, not_tied=refused)


def _values(source: Source, each: Match) -> NDArray[Any]:
    values = _turned(source, each)
    if each.source.dtype == each.target.dtype:
        return values
    return cast(values, each.target.dtype, address=each.target.address)

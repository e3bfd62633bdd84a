"""From the arrays that a reader found, and the manifest beside them, to a model's read view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from parametry.conventions.configuration import ConfigurationRefused
from parametry.conventions.variable_names import is_state
from parametry.core.address import levels, parent, part, unpart
from parametry.core.coverage import Gap
from parametry.core.dtype import numpy_dtype
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.layer import Layer
from parametry.core.manifest import Manifest
from parametry.core.manifest_reading import hyperparameter_of
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import Model
from parametry.core.parameter import Parameter, Role
from parametry.core.phase import Phases
from parametry.core.tie import Tie
from parametry.core.value import Plain
from parametry.errors import DtypeMismatch, FormatError
from parametry.formats.file_store import Backing, FileStore, Layout

__all__ = ["Found", "address_of_name", "addresses_of_names", "assemble"]

# Layers within layers, and how many characters the addresses of all of them may have together: a
# name of many parts gives as many layers, each address a little longer than the one above.
_DEEPEST: Final = 1_000
_MOST_LAYER_TEXT: Final = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """An array that a reader found in a file.

    Attributes:
        name: What the file calls it.
        address: Where it stands in the model.
        layout: How its bytes are to be understood.
        backing: Where they are.
        role: Its role, where the reader knows one; the manifest's word goes before.
        layer: The address of its layer, likewise.
        layer_class: That layer's class, likewise.
    """

    name: str
    address: str
    layout: Layout
    backing: Backing
    role: Role | None = None
    layer: str | None = None
    layer_class: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What a reader knows of a model beside its arrays, where the manifest says nothing.

    Attributes:
        name: The model's own name.
        class_name: Its class.
        framework: What wrote it.
        layers: The class of each layer, by address.
        hyperparameters: Worked out when they are asked for.
        gaps: What the file holds that is not shown.
    """

    name: str = ""
    class_name: str = ""
    framework: str = ""
    layers: Mapping[str, str] = field(default_factory=dict)
    hyperparameters: Callable[[], Mapping[str, Hyperparameter]] = dict
    gaps: tuple[Gap, ...] = ()


def assemble(
    path: str,
    arrays: Iterable[Found],
    manifest: Manifest | None,
    described: Described | None = None,
) -> Model:
    """The read view over a file.

    Args:
        path: The file.
        arrays: What it holds, in the order in which the model lists it.
        manifest: What parametry wrote beside the arrays.
        described: What the reader knows otherwise.

    Raises:
        FormatError: Two arrays have one address, or the manifest speaks of an array that is not
            there or cannot be what it says.
    """
    known = described or Described()
    said = manifest or Manifest()
    source = f"file {Path(path).name!r}"
    ties = {tie.address: tie for tie in said.ties}
    tied = {alias for tie in said.ties for alias in tie.aliases}
    classes = {**known.layers, **said.layers}
    parameters: dict[str, Parameter] = {}
    slots: dict[str, Parameter] = {}
    for found in arrays:
        if found.address in tied:
            continue  # a view of another array, which the framework wrote out once more
        if found.address in parameters or found.address in slots:
            raise FormatError("two arrays have this address", path=path, address=found.address)
        entry = _parameter(path, found, said, classes, ties.get(found.address))
        (slots if entry.role == "optimizer" else parameters)[entry.address] = entry
    for address in ties:
        if address not in parameters:
            raise FormatError(
                "the manifest says that it is tied, and the file holds no such array",
                path=path,
                address=address,
            )
    aliases = {alias: tie.address for tie in said.ties for alias in tie.aliases}
    chosen = said.hyperparameters
    return Model(
        name=said.name or known.name or Path(path).name,
        class_name=said.class_name or known.class_name,
        framework=said.framework or known.framework,
        parameters=Parameters(parameters, source=source, aliases=aliases),
        optimizer_parameters=Parameters(slots, source=f"the optimizer of {source}"),
        hyperparameters=Hyperparameters(
            (lambda: {at: hyperparameter_of(at, found) for at, found in chosen.items()})
            if chosen
            else lambda: _chosen(path, known.hyperparameters),
            source=source,
        ),
        layers=Layers(lambda: _layers(path, parameters, classes), source=source),
        ties=tuple(tie for address, tie in ties.items()),
        phases=Phases({}),
        gaps=lambda: known.gaps,
    )


def _parameter(
    path: str, found: Found, said: Manifest, classes: Mapping[str, str], tie: Tie | None
) -> Parameter:
    address = found.address
    layer = found.layer if found.layer is not None else _layer_of(address, classes)
    layout = _with_dtype(path, found, said.dtypes.get(address))
    store = FileStore(path, address, layout, found.backing, said.provenance.get(address))
    role = said.roles.get(address) or found.role or _usual_role(address)
    return Parameter(
        address,
        found.name,
        layout.shape,
        layout.dtype,
        role,  # type: ignore[arg-type]  # the manifest's roles were checked when it was read
        layer,
        classes.get(layer, found.layer_class),
        store,
        () if tie is None else tie.aliases,
        frozenset() if tie is None else tie.transposed,
    )


def _usual_role(address: str) -> Role:
    if address.startswith("optimizer/"):
        return "optimizer"
    return "state" if is_state(address.rpartition("/")[2]) else "trainable"


def _layer_of(address: str, classes: Mapping[str, str]) -> str:
    """The nearest layer above that is known, else what stands above."""
    above = parent(address)
    candidate = above if classes else ""
    while candidate and candidate not in classes:
        candidate = parent(candidate)
    return candidate or above


def _with_dtype(path: str, found: Found, name: str | None) -> Layout:
    """The layout with the dtype that the manifest says the bits are of."""
    layout = found.layout
    if name is None or name == layout.dtype:
        return layout
    try:
        wanted = numpy_dtype(name)
    except DtypeMismatch:
        raise FormatError(
            f"the manifest says that it is of dtype {name[:100]!r}, which there is not",
            path=path,
            address=found.address,
        ) from None
    if wanted.itemsize != numpy_dtype(layout.dtype).itemsize or layout.packed > 1:
        raise FormatError(
            f"the manifest says that it is of dtype {name}, and the file has {layout.dtype}",
            path=path,
            address=found.address,
        )
    return Layout(layout.shape, name, layout.big_endian, layout.by_columns)


def _layers(
    path: str, parameters: Mapping[str, Parameter], classes: Mapping[str, str]
) -> dict[str, Layer]:
    """The layers that the addresses tell, each after those that it lies in."""
    sizes: dict[str, list[int]] = {}
    room = _MOST_LAYER_TEXT
    held = [(address, 0, 0) for address in classes]
    held += [(entry.layer, entry.size, entry.nbytes) for entry in parameters.values()]
    for address, count, nbytes in held:
        if address.count("/") > _DEEPEST:
            raise FormatError(f"its layers lie more than {_DEEPEST:,} deep", path=path)
        for above in levels(address):
            size = sizes.get(above)
            if size is None:
                size = sizes[above] = [0, 0]
                room -= len(above)
                if room < 0:
                    raise FormatError("the addresses of its layers take too much room", path=path)
            size[0] += count
            size[1] += nbytes
    return {
        address: Layer(
            address=address,
            class_name=classes.get(address, ""),
            native_name=unpart(address.rpartition("/")[2]),
            built=True,
            uses=1,
            aliases=(),
            parameters=count,
            nbytes=nbytes,
            depth=address.count("/") + 1,
            shapes=_no_shapes,
            native=None,
        )
        for address, (count, nbytes) in sizes.items()
    }


def _chosen(
    path: str, work_out: Callable[[], Mapping[str, Hyperparameter]]
) -> Mapping[str, Hyperparameter]:
    try:
        return work_out()
    except ConfigurationRefused as refused:
        raise FormatError(str(refused), path=path) from None


def _no_shapes() -> tuple[Plain, Plain]:
    return None, None


def address_of_name(name: str, *, is_address: bool) -> str:
    """The address of an array in a file that knows names alone.

    A name without ``/`` is taken apart at its dots, as torch's are: ``layers.0.weight`` is
    ``layers/0/weight``. What would disturb an address is escaped.

    Args:
        name: What the file calls it.
        is_address: Whether parametry wrote the file, with addresses as names.

    Example:
        >>> address_of_name("layers.0.weight", is_address=False)
        'layers/0/weight'
    """
    if is_address:
        return "/".join(part(unpart(one)) for one in name.split("/"))
    return "/".join(map(part, name.split("/" if "/" in name else ".")))


def addresses_of_names(names: Iterable[str], *, is_address: bool) -> dict[str, str]:
    """The addresses of a file's arrays, all different, by their names.

    Args:
        names: What the file calls them.
        is_address: Whether parametry wrote the file, with addresses as names.

    Example:
        >>> addresses_of_names(["a.b", "a/b"], is_address=False)
        {'a.b': 'a/b', 'a/b': 'a%2Fb'}
    """
    out: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        address = address_of_name(name, is_address=is_address)
        if address in taken:  # two names that differ by what parts them
            address = part(name)
        while address in taken:
            address += "%"
        taken.add(address)
        out[name] = address
    return out

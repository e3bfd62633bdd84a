"""The arrays of a model's weights as Keras 3 stores them in HDF5, with their addresses.

They are the same in a ``.keras`` archive, in ``.weights.h5`` and in the shards of one.
"""

from __future__ import annotations

from parametry.core.manifest import MEMBER, Manifest
from parametry.errors import FormatError
from parametry.formats.assembling import Found
from parametry.formats.hdf5_file import Array, Hdf5
from parametry.formats.keras_layers import Said
from parametry.formats.keras_layout import found_in, is_laid_out, layer_classes, tree_of

__all__ = ["arrays_and_layers"]


def arrays_and_layers(
    path: str, file: Hdf5, manifest: Manifest | None, root: Said
) -> tuple[list[Found], dict[str, str]]:
    """The arrays with their addresses, and the class of each layer, by address.

    The manifest's names go before; what it does not name is found by Keras's own layout, and what
    does not follow that by its path in the file.

    Args:
        path: The file, for messages.
        file: What it holds.
        manifest: What parametry wrote beside it.
        root: What the model's configuration says.

    Raises:
        FormatError: The manifest names an array that is not there.
    """
    tree = tree_of(file, root)
    names = manifest.names if manifest is not None else {}
    named: list[Found] = []
    for address, name in names.items():
        array = file.arrays.get(name)
        if array is None:
            raise FormatError(
                f"the manifest says that it is {name[:200]!r}, which the file does not hold",
                path=path,
                address=address,
            )
        named.append(_named(address, array))
    known = frozenset(names.values())
    if len(known) != len(named):
        raise FormatError("the manifest gives one array two addresses", path=path)
    laid_out = list(found_in(tree, known))
    plain = [
        _named(at, array)
        for at, array in file.arrays.items()
        if at not in known and at != MEMBER and not is_laid_out(at)
    ]
    others = [found for found in laid_out + plain if found.address not in names]
    return named + others, layer_classes(tree)


def _named(address: str, array: Array) -> Found:
    return Found(array.path, address, array.layout, array.backing)

"""Reading Keras's weights in shards: ``net.weights.json``, and ``net_00000.weights.h5`` beside it.

The index says in ``weight_map`` which shards have the group ``vars`` of each layer. One layer's
variables may be in two of them, where the first became full between them.

Source: ``keras.src.saving.saving_lib.ShardedH5IOStore``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from parametry.core.address import part
from parametry.core.coverage import Gap
from parametry.core.strict_json import JsonRefused, parse
from parametry.errors import FormatError
from parametry.formats.assembling import Described, assemble
from parametry.formats.contents import Contents
from parametry.formats.file_bytes import FileBytes
from parametry.formats.hdf5_bytes import Region
from parametry.formats.hdf5_file import Array, Group, Hdf5
from parametry.formats.keras_layers import UNKNOWN
from parametry.formats.keras_weights import arrays_and_layers
from parametry.formats.peek import Peek

__all__ = ["NAME", "read", "recognises"]

NAME: Final = "keras_sharded"
_SUFFIX: Final = ".weights.json"
_MAP: Final = "weight_map"
_LONGEST_INDEX: Final = 64 << 20
_MOST_SHARDS: Final = 10_000


def recognises(peek: Peek) -> bool:
    """Whether it begins as an index that names shards of Keras's weights."""
    if peek.start.lstrip()[:1] != b"{":
        return False
    told = b'"weight_map"' in peek.start and b'.weights.h5"' in peek.start
    return told or peek.path.endswith(_SUFFIX)


def read(path: str | os.PathLike[str]) -> Contents:
    """What the shards that an index names hold together.

    Raises:
        FormatError: The index or a shard is damaged or hostile, or a shard is missing.
    """
    index = FileBytes.of(path)
    merged = _Merged(index.path)
    for shard, groups in _groups_by_shard(index).items():
        merged.add(shard, groups)
    file = Hdf5(merged.groups, merged.arrays, tuple(merged.gaps))
    arrays, layers = arrays_and_layers(index.path, file, None, UNKNOWN)
    described = Described(framework="keras", layers=layers, gaps=file.gaps)
    return Contents(index.path, NAME, assemble(index.path, arrays, None, described), None)


def _groups_by_shard(index: FileBytes) -> dict[str, set[str]]:
    """The groups that each shard is said to have, the shards in the order of their names."""
    if index.size > _LONGEST_INDEX:
        raise FormatError(f"an index of {index.size:,} bytes", path=index.path)
    try:
        said = parse(index.read(0, index.size))
    except JsonRefused as refused:
        raise FormatError(f"it cannot be read: {refused}", path=index.path) from None
    out: dict[str, set[str]] = {}
    for group, shard in _entries(index.path, said):
        out.setdefault(shard, set()).add("/".join(part(step) for step in group.split("/") if step))
    if len(out) > _MOST_SHARDS:
        raise FormatError(f"it names {len(out):,} shards", path=index.path, address=_MAP)
    return dict(sorted(out.items()))


def _entries(path: str, said: Any) -> Iterator[tuple[str, str]]:
    """Each group with each shard that has a part of it."""
    entries = said.get(_MAP) if isinstance(said, dict) else None
    if not isinstance(entries, dict):
        raise FormatError("it has no map of weights", path=path, address=_MAP)
    for group, shards in entries.items():
        for shard in shards if isinstance(shards, list) else [shards]:
            is_name = isinstance(shard, str) and shard not in ("", ".", "..")
            if not is_name or not set(shard).isdisjoint("/\\:\0"):
                raise FormatError(
                    f"a shard is called {str(shard)[:200]!r}, which is no name of a file beside it",
                    path=path,
                    address=group[:1000],
                )
            yield group, shard


class _Merged:
    """What several HDF5 files hold as if it were one.

    Args:
        path: The index, whose folder the shards are in.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.groups: dict[str, Group] = {}
        self.arrays: dict[str, Array] = {}
        self.gaps: list[Gap] = []

    def add(self, shard: str, groups: set[str]) -> None:
        """Add what one shard holds of some groups.

        Args:
            shard: The name of its file.
            groups: The groups that the index says it has.
        """
        file = self._opened(shard)
        missing = groups - file.groups.keys()
        if missing:
            raise self._fault(f"the shard {shard!r} does not hold it", min(missing))
        for path, group in file.groups.items():
            known = self.groups.get(path)
            if known is None or known.name is None:
                self.groups[path] = group
        for path, array in file.arrays.items():
            if path.rpartition("/")[0] not in groups:
                reason = f"the index does not say that {shard} holds it"
                self.gaps.append(Gap(path, reason))
            elif path in self.arrays:
                raise self._fault(f"the shard {shard!r} holds it, and one before it too", path)
            else:
                self.arrays[path] = array
        self.gaps.extend(file.gaps)

    def _opened(self, shard: str) -> Hdf5:
        at = Path(self._path).with_name(shard)
        if Path(os.path.realpath(at)).parent != Path(os.path.realpath(at.parent)):
            raise self._fault(f"the shard {shard!r} is a link that leaves the folder", None)
        try:
            source = FileBytes.of(at)
        except OSError as error:
            reason = error.strerror or "it is missing"
            raise self._fault(f"the shard {shard[:200]!r} cannot be read: {reason}", None) from None
        return Hdf5.of(Region(source, 0, source.size))

    def _fault(self, message: str, address: str | None) -> FormatError:
        return FormatError(message, path=self._path, address=address and address[:1000])

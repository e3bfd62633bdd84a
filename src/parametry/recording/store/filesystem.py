"""Which file systems SQLite's write-ahead log does not work on.

Its readers and its writer share a file mapped into memory, so all must be on one machine:
https://www.sqlite.org/wal.html, "Overview", disadvantage 2. SQLite notices only some of them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["without_shared_memory"]

_NAMES = """
9p afs beegfs beegfs_nodev ceph cifs cvmfs davfs fhgfs fuse.ceph fuse.davfs fuse.gcsfuse
fuse.glusterfs fuse.goofys fuse.juicefs fuse.rclone fuse.s3fs fuse.sshfs glusterfs gpfs lustre
ncpfs nfs nfs3 nfs4 ocfs2 orangefs panfs pvfs2 smb3 smbfs wekafs
"""
_NETWORK: Final = frozenset(_NAMES.split())
_MOUNTS = Path("/proc/mounts")
_OCTAL = re.compile(rb"\\([0-7]{3})")


def without_shared_memory(path: Path, mounts: Path = _MOUNTS) -> str | None:
    """The kind of network file system that a path is on; None where it is on none that is known.

    Args:
        path: A file or folder, there or not.
        mounts: The table of what is mounted, as Linux has it; without one, nothing is known.
    """
    try:
        lines = mounts.read_bytes().splitlines()
        place = path.absolute().resolve()
    except (OSError, RuntimeError):
        return None
    found, longest = "", -1
    for line in lines:
        fields = line.split(b" ")
        if len(fields) < 3:
            continue
        # A space in a name is written as \040; see fstab(5).
        folder = Path(_OCTAL.sub(_character, fields[1]).decode("utf-8", "surrogateescape"))
        # What was mounted later at the same place lies over what was there.
        if len(folder.parts) >= longest and (place == folder or folder in place.parents):
            found, longest = fields[2].decode("ascii", "replace"), len(folder.parts)
    return found if found in _NETWORK else None


def _character(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 8) & 0xFF])

"""File systems on which a store cannot be: those that several machines share."""

from __future__ import annotations

import re
from pathlib import Path

from db import StoreError

SHARED_FILE_SYSTEMS = re.compile(  # by their types in the table of mounts
    r"nfs\d*|cifs|smb\w*|ncpfs|9p|k?afs|coda|davfs2?|ceph|lustre\w*|gpfs|beegfs|fhgfs|glusterfs|orangefs|pvfs2?|panfs"
    r"|ocfs2|gfs2?|acfs|cvfs|stornext|wekafs|quobyte|xtreemfs|moosefs|lizardfs|juicefs|s3fs|cephfs"
    r"|virtiofs|vboxsf|vmhgfs|prl_fs|drvfs"  # a machine and its host
)
LOCAL_FUSE = ("fuse.fuse-overlayfs",)  # the root of a container that needs no privileges


def refuse_network_file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Refuse a network file system, because its locks and memory maps are not reliable enough for SQLite.

    A file system of a program (`fuse`) is refused too: most are on a network, and few share memory between processes.

    Raises:
        StoreError: the file is on a network file system. The message has its type.
    """
    kind = file_system_type(path.resolve().parent, mounts)
    if is_shared_file_system(kind):
        raise StoreError(
            f"{path} is on a network file system ({kind}).",
            why="SQLite's write-ahead log needs shared memory and locks that network file systems do not provide.",
            fix="Put the store on a local disk, and copy it with `observatory store backup`.",
        )


def is_shared_file_system(kind: str) -> bool:
    """Return whether a file system, by its type in the table of mounts, is shared between machines (pure).

    >>> [is_shared_file_system(kind) for kind in ("ext4", "lustre", "fuse.rclone", "fuseblk", "fuse.fuse-overlayfs")]
    [False, True, True, False, False]
    """
    is_program = kind == "fuse" or (kind.startswith("fuse.") and kind not in LOCAL_FUSE)
    return is_program or SHARED_FILE_SYSTEMS.fullmatch(kind) is not None


def file_system_type(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the type of the file system that holds a folder, '' where the system does not report it."""
    if not mounts.exists():
        return ""
    longest_mount, folder_type = "", ""
    for line in mounts.read_text("utf-8", errors="replace").split("\n"):
        mount, mount_type = line.split(" ")[1:3] if line.count(" ") > 2 else ("", "")
        mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount)
        is_inside = mount == "/" or str(folder) == mount or str(folder).startswith(mount + "/")
        if is_inside and len(mount) >= len(longest_mount):
            longest_mount, folder_type = mount, mount_type
    return folder_type

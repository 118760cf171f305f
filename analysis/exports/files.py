"""Files and folders of a bundle, written so that a bundle is either complete on the disk or absent."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from db.maintenance.files import sync_path

if TYPE_CHECKING:
    from analysis.exports.tables import Part

RENAME_EXCHANGE, AT_FDCWD = 2, -100  # constants of Linux


@dataclass(frozen=True)
class WrittenFile:
    """A file of a bundle. `key` identifies the source of its rows, and `columns` are the columns with values."""

    path: Path
    format: str
    table: str | None
    registry: str | None
    snapshot: int | None
    rows: int | None
    key: str | None = None
    columns: tuple[str, ...] = ()


def make_file_stem(part: Part) -> str:
    """Return a file name for a part, made of letters, digits and - only for every name of a registry.

    >>> from analysis.exports.tables import Part
    >>> make_file_stem(Part("huggingface/models", 12, lambda: iter(())))
    'huggingface-models-000012'
    >>> make_file_stem(Part("../a", None, lambda: iter(()))), make_file_stem(Part(None, None, lambda: iter(())))
    ('a-61b4c98b', 'all')
    """
    if part.registry is None:
        return "all"
    name = re.sub("[^a-z0-9]+", "-", part.registry.lower()).strip("-")[:40]
    if part.registry != name.replace("huggingface-", "huggingface/", 1):
        name += "-" + hashlib.sha256(part.registry.encode("utf-8")).hexdigest()[:8]
    return name if part.snapshot is None else f"{name}-{part.snapshot:06d}"


@contextmanager
def create_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file for writing and flush it to the disk when the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def write_file(path: Path, content: bytes) -> None:
    """Write a new file with this content."""
    with create_file(path) as stream:
        stream.write(content)


def hash_file(path: Path) -> str:
    """Return the SHA-256 hash of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def reuse_equal_files(new_folder: Path, old_folder: Path) -> int:
    """Replace new files by links to old files with the same bytes, and return their number.

    An old file keeps its inode and its time of modification.
    """
    count = 0
    for path in sorted(new_folder.rglob("*")):
        old_path = old_folder / path.relative_to(new_folder)
        if not (path.is_file() and old_path.is_file()) or old_path.is_symlink():
            continue
        if path.samefile(old_path):
            count += 1
        elif _has_equal_bytes(path, old_path):
            path.unlink()
            path.hardlink_to(old_path)
            count += 1
    return count


def _has_equal_bytes(first: Path, second: Path) -> bool:
    return first.stat().st_size == second.stat().st_size and first.read_bytes() == second.read_bytes()


def replace_folder(new_folder: Path, old_folder: Path) -> None:
    """Move a folder to the path of another, which may exist, in one step, and remove the other."""
    for path in [*(path for path in new_folder.rglob("*") if path.is_dir()), new_folder]:
        sync_path(path)
    if not old_folder.exists():
        new_folder.rename(old_folder)
    else:
        _exchange_folders(new_folder, old_folder)
        shutil.rmtree(new_folder)
    sync_path(old_folder.parent)


def _exchange_folders(first: Path, second: Path) -> None:
    """Exchange the paths of two folders.

    Without `renameat2`, there is a moment in which `second` does not exist.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 and renameat2(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE) == 0:
        return
    aside = second.with_name(f".{second.name}.old")
    second.rename(aside)
    first.rename(second)
    aside.rename(first)

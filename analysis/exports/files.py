"""Files of a bundle: each is new, whole and on the disk before the next; a bundle is there whole or not at all."""

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

if TYPE_CHECKING:
    from analysis.exports.tables import Part

RENAME_EXCHANGE, AT_FDCWD = 2, -100  # RENAME_EXCHANGE and AT_FDCWD of Linux


@dataclass(frozen=True)
class WrittenFile:
    """A file of a bundle and what is in it. `key` is what it is made of, with `columns` that have values in it."""

    path: Path
    format: str
    table: str | None
    registry: str | None
    snapshot: int | None
    rows: int | None
    key: str | None = None
    columns: tuple[str, ...] = ()


def make_file_stem(part: Part) -> str:
    """A name for a file of one part: letters, digits and - only, whatever a registry is called.

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
    """A new file to write; it is on the disk when the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with create_file(path) as stream:
        stream.write(content)


def reuse_equal_files(new_folder: Path, old_folder: Path) -> int:
    """Put the old file in the place of each new one with the same bytes, so that it stays as it is; how many."""
    kept = 0
    for path in sorted(new_folder.rglob("*")):
        before = old_folder / path.relative_to(new_folder)
        if not (path.is_file() and before.is_file()) or before.is_symlink():
            continue
        if os.path.samefile(path, before):
            kept += 1
        elif _has_equal_bytes(path, before):
            os.remove(path)
            os.link(before, path)
            kept += 1
    return kept


def _has_equal_bytes(first: Path, second: Path) -> bool:
    return first.stat().st_size == second.stat().st_size and first.read_bytes() == second.read_bytes()


def replace_folder(new_folder: Path, old_folder: Path) -> None:
    """Put a folder where another one is or is not, in one step; the other one is gone afterwards."""
    for path in [*(one for one in new_folder.rglob("*") if one.is_dir()), new_folder]:
        sync_folder(path)
    if not old_folder.exists():
        os.rename(new_folder, old_folder)
    else:
        _exchange_folders(new_folder, old_folder)
        shutil.rmtree(new_folder)
    sync_folder(old_folder.parent)


def _exchange_folders(first: Path, second: Path) -> None:
    """Let two folders change places. Where the system cannot do it in one step, there is a moment without `other`."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename and rename(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE) == 0:
        return
    aside = second.with_name(f".{second.name}.old")
    os.rename(second, aside)
    os.rename(first, second)
    os.rename(aside, first)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

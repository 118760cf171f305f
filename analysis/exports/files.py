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

EXCHANGE, HERE = 2, -100  # RENAME_EXCHANGE and AT_FDCWD of Linux


@dataclass(frozen=True)
class Written:
    """A file of a bundle and what is in it. `key` is what it is made of, with `columns` that have values in it."""

    path: Path
    format: str
    table: str | None
    registry: str | None
    snapshot: int | None
    rows: int | None
    key: str | None = None
    columns: tuple[str, ...] = ()


def plain_name(part: Part) -> str:
    """A name for a file of one part: letters, digits and - only, whatever a registry is called.

    >>> from analysis.exports.tables import Part
    >>> plain_name(Part("huggingface/models", 12, lambda: iter(())))
    'huggingface-models-000012'
    >>> plain_name(Part("../a", None, lambda: iter(()))), plain_name(Part(None, None, lambda: iter(())))
    ('a-61b4c98b', 'all')
    """
    if part.registry is None:
        return "all"
    name = re.sub("[^a-z0-9]+", "-", part.registry.lower()).strip("-")[:40]
    if part.registry != name.replace("huggingface-", "huggingface/", 1):
        name += "-" + hashlib.sha256(part.registry.encode("utf-8")).hexdigest()[:8]
    return name if part.snapshot is None else f"{name}-{part.snapshot:06d}"


@contextmanager
def create(path: Path) -> Iterator[IO[bytes]]:
    """A new file to write; it is on the disk when the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def put(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with create(path) as stream:
        stream.write(content)


def keep_equal(new: Path, old: Path) -> int:
    """Put the old file in the place of each new one with the same bytes, so that it stays as it is; how many."""
    kept = 0
    for path in sorted(new.rglob("*")):
        before = old / path.relative_to(new)
        if not (path.is_file() and before.is_file()) or before.is_symlink():
            continue
        if os.path.samefile(path, before):
            kept += 1
        elif _equal(path, before):
            os.remove(path)
            os.link(before, path)
            kept += 1
    return kept


def _equal(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()


def replace_folder(new: Path, old: Path) -> None:
    """Put a folder where another one is or is not, in one step; the other one is gone afterwards."""
    for path in [*(one for one in new.rglob("*") if one.is_dir()), new]:
        _sync(path)
    if not old.exists():
        os.rename(new, old)
    else:
        _exchange(new, old)
        shutil.rmtree(new)
    _sync(old.parent)


def _exchange(one: Path, other: Path) -> None:
    """Let two folders change places. Where the system cannot do it in one step, there is a moment without `other`."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename and rename(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) == 0:
        return
    aside = other.with_name(f".{other.name}.old")
    os.rename(other, aside)
    os.rename(one, other)
    os.rename(aside, one)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, completely or not at all.

    A link stays a link, and a file keeps its mode. A device or a pipe is written to, and so is a file in a folder that
    cannot be written to, because neither can be replaced.

    Raises:
        OSError: the file cannot be written. An old file is then what it was.
    """
    if not path.exists() or (path.is_file() and os.access(_follow_links(path).parent, os.W_OK)):
        with new_file_beside(path) as new_file:
            new_file.write_bytes(data)
    elif path.is_file():
        _overwrite(path, data)
    else:
        path.write_bytes(data)


@contextmanager
def new_file_beside(path: Path) -> Iterator[Path]:
    """Provide the path of a new file, which takes the place of the file when the block ends without an error.

    The new file is deleted if there is an error.
    """
    target = _follow_links(path)
    new_file = target.with_name(f".{target.name}.new")
    new_file.unlink(missing_ok=True)
    try:
        yield new_file
        if target.exists():
            new_file.chmod(stat.S_IMODE(target.stat().st_mode))
        new_file.replace(target)
    finally:
        new_file.unlink(missing_ok=True)


def explain_unwritable(path: Path) -> str | None:
    """Return why a file cannot be written, or None if nothing speaks against it."""
    folder = _follow_links(path).parent
    if path.is_dir():
        return "It is a folder."
    if not folder.is_dir():
        return f"There is no folder {folder}."
    needed = path if path.exists() else folder
    return None if os.access(needed, os.W_OK) else f"{needed} is not writable."


def _follow_links(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _overwrite(path: Path, data: bytes) -> None:
    """Write over the bytes of a file. Room is reserved first, so that a full disk leaves the file as it is."""
    with os.fdopen(os.open(path, os.O_WRONLY), "wb") as file:  # this way of opening keeps the bytes
        if data and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, len(data))
        file.write(data)
        file.truncate()

"""Open, unpack and hash the files to import."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from db import ObservatoryError

MAX_FILE_BYTES = 2 * 1024**3
GZIP_MAGIC = b"\x1f\x8b"
READ_ERRORS = (OSError, EOFError, zlib.error)  # a damaged gzip file raises any of these


class ImportFailedError(ObservatoryError):
    """A past list that cannot be read."""


@dataclass(frozen=True)
class FileIdentity:
    """Size and hash of a file. If the format is read whole, they are those of the unpacked content."""

    size: int
    sha256: str


def read_unpacked(file: Path) -> bytes:
    """Return the bytes of a file, unpacked if the file is gzip.

    Raises:
        ImportFailedError: the file is missing, is cut off, or is too large.
    """
    try:
        with open_binary(file) as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except READ_ERRORS as error:
        raise unreadable_file_error(file, error) from error
    if len(content) > MAX_FILE_BYTES:
        raise ImportFailedError(
            f"{file} unpacks to more than {MAX_FILE_BYTES >> 30} GiB.", fix="Split the file by day."
        )
    return content


def open_binary(file: Path) -> BinaryIO | gzip.GzipFile:
    """Open a file as bytes, unpacked if the file is gzip."""
    return gzip.open(file) if is_gzip(file) else file.open("rb")


def open_text(file: Path, encoding: str, newline: str | None = None) -> TextIO:
    """Open a file as text, unpacked if the file is gzip."""
    if is_gzip(file):
        return gzip.open(file, "rt", encoding=encoding, newline=newline)
    return file.open(encoding=encoding, newline=newline)


def is_gzip(file: Path) -> bool:
    """Return whether a file begins with the two bytes of gzip."""
    with file.open("rb") as stream:
        return stream.read(2) == GZIP_MAGIC


def identify_content(content: bytes) -> FileIdentity:
    """Return the size and hash of content in memory."""
    return FileIdentity(len(content), hashlib.sha256(content).hexdigest())


def identify_file(file: Path) -> FileIdentity:
    """Return the size and hash of a file on disk.

    Raises:
        ImportFailedError: the file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return FileIdentity(file.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise unreadable_file_error(file, error) from error


def unreadable_file_error(file: Path, error: Exception) -> ImportFailedError:
    """Return the error of a file that cannot be read."""
    return ImportFailedError(
        f"{file} cannot be read: {error}.", fix="Check the name of the file, and whether the file is whole."
    )

"""Open, unpack and hash the files to import."""

from __future__ import annotations

import gzip
import hashlib
import stat
import zlib
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, TextIO

from db import ObservatoryError
from db.causes import describe_cause

MAX_FILE_BYTES = 2 * 1024**3
GZIP_MAGIC = b"\x1f\x8b"
HEAD_BYTES = 4096
JSON_FORMATS = ("hub-api", "top-pypi-packages", "ptmtorrent", "cards")
HEADS = (  # how files begin, what they are, and the formats that read them
    (b"PAR1", "Parquet", ("hub-stats", "hub-weekly-snapshots", "librarian-bots")),
    (b"SQLite format 3", "a SQLite database", ("peatmoss",)),
    (b"-- MySQL", "a dump of SQL", ("hfcommunity",)),
    (b"{", "JSON", JSON_FORMATS),
    (b"[", "JSON", JSON_FORMATS),
)
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
    return gzip.open(file) if is_gzip(file) else open_regular(file)


def open_text(file: Path, encoding: str, newline: str | None = None) -> TextIO:
    """Open a file as text, unpacked if the file is gzip."""
    if is_gzip(file):
        return gzip.open(file, "rt", encoding=encoding, newline=newline)
    return file.open(encoding=encoding, newline=newline)


def open_regular(file: Path) -> BufferedReader:
    """Open a file as bytes, unless it is a pipe or a device: those are gone once they were read, or never end.

    Raises:
        ImportFailedError: the file is a pipe or a device.
    """
    mode = file.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ImportFailedError(
            f"{file} is a pipe or a device, not a file.",
            why="A list is read more than once, and a pipe can be read only once.",
            fix="Write its content into a file, and import that.",
        )
    return file.open("rb")


def is_gzip(file: Path) -> bool:
    """Return whether a file begins with the two bytes of gzip."""
    with open_regular(file) as stream:
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
        with open_regular(file) as stream:
            return FileIdentity(file.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise unreadable_file_error(file, error) from error


def suggest_format(content: bytes, format_name: str) -> str:
    """Return the question "Did you mean X?" for content that begins like a file of another format, '' for any other.

    >>> suggest_format(b'rank,project,download_count', "hub-api")
    'hub-api does not read a table of text. Did you mean `csv`?'
    """
    kind, formats = _describe_head(content[:HEAD_BYTES])
    if not kind or format_name in formats:
        return ""
    return f"{format_name} does not read {kind}. Did you mean {' or '.join(f'`{name}`' for name in formats)}?"


def _describe_head(head: bytes) -> tuple[str, tuple[str, ...]]:
    """Return what content is by its first bytes, and the formats that read it."""
    for start, kind, formats in HEADS:
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(start):
            return kind, formats
    first_line = head.split(b"\n", 1)[0]
    if any(first_line.count(delimiter) for delimiter in (b",", b";", b"\t", b"|")) and first_line.isascii():
        return "a table of text", ("ecosystems-csv", "csv") if b"ecosystem" in first_line.lower() else ("csv",)
    return "", ()


def unreadable_file_error(file: Path, error: Exception) -> ImportFailedError:
    """Return the error of a file that cannot be read."""
    return ImportFailedError(
        f"{file} cannot be read.",
        why=describe_cause(error),
        fix="Check the name of the file, and whether the file is whole.",
    )

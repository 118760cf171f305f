"""The causes of errors in words: why a file could not be read or written (pure)."""

from __future__ import annotations

import errno
import json
import sqlite3
import tomllib
import zlib

OS_ERRORS = {
    errno.ENOSPC: "The disk is full.",
    errno.EFBIG: "The file would be larger than this user may write.",
    errno.EDQUOT: "The quota of this user on the disk is used up.",
    errno.EACCES: "This user may not read or write there.",
    errno.EPERM: "This user may not read or write there.",
    errno.EROFS: "The file system is read-only.",
    errno.ENOENT: "There is no such file or folder, or none can be made there.",
    errno.ENOTDIR: "A part of the path is a file, not a folder.",
    errno.EISDIR: "It is a folder, not a file.",
    errno.EEXIST: "Something else has that name.",
    errno.ENAMETOOLONG: "The name is too long.",
    errno.EIO: "The disk reported an error.",
    errno.ENXIO: "The device is not there.",
    errno.ENODEV: "The device is not there.",
    errno.ESTALE: "The file system was taken away.",
    errno.EBUSY: "The system needs the file for something else.",
    errno.ELOOP: "Too many links name one another.",
    errno.EINVAL: "The file system cannot do that with it.",
    errno.ENOMEM: "The system has no memory left.",
    errno.EMFILE: "This process has too many files open.",
    errno.ENFILE: "The system has too many files open.",
}

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}  # of the disk, whatever the path
SQLITE_ERRORS = {
    sqlite3.SQLITE_BUSY: "Another program holds the file.",
    sqlite3.SQLITE_LOCKED: "Another program holds the file.",
    sqlite3.SQLITE_FULL: "The disk is full.",
}


def primary_code(error: BaseException) -> int:
    """Return the result code of SQLite without its details, 0 if Python raised the error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def describe_cause(error: BaseException) -> str:
    """Return the sentence on why a file could not be read or written.

    >>> describe_cause(FileNotFoundError(2, "No such file or directory"))
    'There is no such file or folder, or none can be made there.'
    >>> describe_cause(json.JSONDecodeError("Expecting value", "[1,\\n,", 4))
    'Line 2 is not JSON.'
    >>> describe_cause(KeyError("card")), describe_cause(EOFError("Compressed file ended"))
    ("It has no 'card'.", 'The compressed file is cut off or damaged.')
    """
    if isinstance(error, json.JSONDecodeError):
        return f"Line {error.lineno} is not JSON."
    if isinstance(error, tomllib.TOMLDecodeError):
        return f"It is not TOML: {error}."
    if isinstance(error, UnicodeDecodeError):
        return f"Byte {error.start + 1:,} is not UTF-8."
    if isinstance(error, (EOFError, zlib.error)):
        return "The compressed file is cut off or damaged."
    if isinstance(error, sqlite3.Error):
        return SQLITE_ERRORS.get(primary_code(error), f"SQLite says: {error}.")
    if isinstance(error, KeyError):
        return f"It has no {error}."
    if isinstance(error, OSError) and error.errno:
        return OS_ERRORS.get(error.errno, f"The system says: {error.strerror}.")
    return f"{str(error).rstrip('.') or type(error).__name__}."

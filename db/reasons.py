"""Why a command failed, as a word that a program can act on, and the pipe on which the daemon gets the word.

The pipe is inherited. Its variable holds the descriptor and the inode, because a process that does not inherit the pipe
may have another file under that number.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum

from db.causes import primary_code

REASON_PIPE = "OBSERVATORY_REASON_PIPE"
FULL_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
FULL_DISK_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class FailureReason(StrEnum):
    """A reason that passes: the same command may succeed later."""

    OFFLINE = "offline"
    RATE_LIMITED = "rate limited"
    SERVER_FAILING = "server failing"
    DISK_FULL = "disk full"
    ANOTHER_WRITER = "another writer"


def find_reason(error: BaseException) -> FailureReason | None:
    """Return the reason that an error or one of its causes has, or None.

    >>> find_reason(OSError(errno.ENOSPC, "No space left on device")), find_reason(ValueError())
    (<FailureReason.DISK_FULL: 'disk full'>, None)
    """
    return next(filter(None, map(_own_reason, _error_and_causes(error))), None)


def _error_and_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        yield error
        seen.append(error)
        error = error.__cause__ or error.__context__


def _own_reason(error: BaseException) -> FailureReason | None:
    reason = getattr(error, "reason", None)
    if isinstance(reason, FailureReason):
        return reason
    if isinstance(error, OSError) and error.errno in FULL_DISK_ERRORS:
        return FailureReason.DISK_FULL
    code = primary_code(error)
    if code in FULL_DISK_CODES:
        return FailureReason.DISK_FULL
    return FailureReason.ANOTHER_WRITER if code in BUSY_CODES else None


def read_reason(word: object) -> FailureReason | None:
    """Return the reason of a word, None for any other value.

    >>> read_reason("offline"), read_reason("tired"), read_reason(None)
    (<FailureReason.OFFLINE: 'offline'>, None, None)
    """
    return next((reason for reason in FailureReason if reason == word), None)


def report_reason(reason: FailureReason | None) -> None:
    """Report the reason of a failure to the daemon, if a daemon has started this process."""
    with suppress(OSError, ValueError, OverflowError):
        descriptor, inode = map(int, os.environ.get(REASON_PIPE, "").split(":"))
        status = os.fstat(descriptor)
        if reason is not None and stat.S_ISFIFO(status.st_mode) and status.st_ino == inode:
            os.write(descriptor, f"{reason}\n".encode())


class ReasonPipe:
    """The end of the pipe that the daemon reads. `descriptor` is for the command, and closed after its start."""

    def __init__(self) -> None:
        self._reading, self.descriptor = os.pipe()
        os.set_blocking(self._reading, False)
        self.variable = f"{self.descriptor}:{os.fstat(self.descriptor).st_ino}"

    def close_descriptor(self) -> None:
        """Close the end of the command, which has its own copy."""
        os.close(self.descriptor)

    def read(self) -> FailureReason | None:
        """Return the last reason that the command gave, and close the pipe."""
        words: list[str] = []
        with suppress(OSError):  # nothing was written, and a process that the command started has the other end
            words = os.read(self._reading, 4096).decode("utf-8", "replace").split("\n")
        os.close(self._reading)
        return next(filter(None, map(read_reason, reversed(words))), None)

"""The reason of a failure reaches the daemon as a word, and no other file."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from db import ObservatoryError, StoreBusyError
from db.cli import describe_exception
from db.reasons import REASON_PIPE, FailureReason, ReasonPipe, find_reason, report_reason


def wrap(error: BaseException) -> ObservatoryError:
    """Return an error of the program that another error caused."""
    try:
        raise ObservatoryError("The file cannot be written.") from error
    except ObservatoryError as wrapped:
        return wrapped


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreBusyError("busy"), "another writer"),
        (OSError(errno.ENOSPC, "full"), "disk full"),
        (wrap(OSError(errno.EDQUOT, "full")), "disk full"),
        (wrap(UnicodeDecodeError("utf-8", b"", 0, 1, "no")), None),
        (OSError(errno.ENOENT, "none"), None),
        (ObservatoryError("The disk is full of No answer from hub."), None),
    ],
)
@pytest.mark.fault("C18")
def test_an_error_has_the_reason_of_its_cause_and_not_of_its_words(error: Exception, reason: str | None) -> None:
    assert describe_exception(error).reason == reason


def test_a_full_database_is_a_full_disk() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as raised:
        connection.execute("CREATE TABLE a (b)")
    assert find_reason(raised.value) == "disk full"


@pytest.mark.fault("C18")
def test_the_last_reason_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = ReasonPipe()
    monkeypatch.setenv(REASON_PIPE, pipe.variable)
    for reason in (FailureReason.OFFLINE, None, FailureReason.RATE_LIMITED):
        report_reason(reason)
    os.write(pipe.descriptor, b"something else\n")
    assert pipe.read() == "rate limited", "the other end is open still, and is not waited for"
    pipe.close_descriptor()


@pytest.mark.parametrize("variable", ["{number}:1", "{number}", "none", "", "-1:1", "99999999999999999999:1"])
@pytest.mark.fault("C18")
def test_a_file_that_is_not_the_pipe_is_not_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    path = tmp_path / "store.db"
    with path.open("wb") as file:
        monkeypatch.setenv(REASON_PIPE, variable.format(number=file.fileno()))
        report_reason(FailureReason.OFFLINE)
        monkeypatch.setenv(REASON_PIPE, f"{file.fileno()}:{os.fstat(file.fileno()).st_ino}")
        report_reason(FailureReason.OFFLINE)
    assert path.read_bytes() == b""


def test_a_command_that_gave_no_reason_has_none() -> None:
    pipe = ReasonPipe()
    pipe.close_descriptor()
    assert pipe.read() is None

"""The causes of errors are told in words."""

from __future__ import annotations

import errno
import json
import sqlite3
import tomllib

import pytest

from db.causes import describe_cause


def raised_by(function: object, argument: object) -> Exception:
    try:
        function(argument)  # type: ignore[operator]
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full."),
        (OSError(errno.EFBIG, "File too large"), "The file would be larger than this user may write."),
        (OSError(errno.EPIPE, "Broken pipe"), "The system says: Broken pipe."),
        (OSError("Not a gzipped file"), "Not a gzipped file."),
        (raised_by(json.loads, '{"a": 1\n'), "Line 2 is not JSON."),
        (raised_by(tomllib.loads, "a ="), "It is not TOML: Invalid value (at end of document)."),
        (raised_by(bytes.decode, b"ab\xff"), "Byte 3 is not UTF-8."),
        (raised_by({}.__getitem__, "card"), "It has no 'card'."),
        (raised_by(sqlite3.connect(":memory:").execute, "SELEC"), 'SQLite says: near "SELEC": syntax error.'),
        (StopIteration(), "StopIteration."),
    ],
)
def test_a_cause_is_one_sentence(error: Exception, sentence: str) -> None:
    assert describe_cause(error) == sentence

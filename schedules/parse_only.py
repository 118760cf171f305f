"""Parse command lines without running them: lists of words come as JSON on stdin, and results go as JSON to stdout.

This is a process of its own, because it imports the packages of the commands. `PARSE_ONLY` must be set.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from schedules.cli import main as run_words


def parse_words(words: Sequence[str]) -> dict[str, object]:
    """Let a command parse its arguments, and return its exit code and what it printed."""
    with redirect_stdout(StringIO()) as stdout, redirect_stderr(StringIO()) as stderr:
        code = run_words(words)
    return {"code": code, "stdout": stdout.getvalue(), "stderr": stderr.getvalue()}


if __name__ == "__main__":
    lines = json.load(sys.stdin)
    json.dump([parse_words(words) for words in lines], sys.stdout)

"""What a terminal adds to a report: colour and a pager. A pipe or a file gets plain text."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import TextIO

DEFAULT_PAGER = "less -FRX"


def allows_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether colour is shown: on a terminal that knows colour, unless NO_COLOR is set."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def choose_pager(stream: TextIO, environment: Mapping[str, str]) -> list[str]:
    """Return the command of the pager, or nothing where the text is printed: in a pipe, a file or without a pager.

    >>> choose_pager(sys.__stdout__, {"PAGER": ""})
    []
    """
    return shlex.split(environment.get("PAGER", DEFAULT_PAGER)) if stream.isatty() else []


def show_text(text: str, use_pager: bool) -> None:
    """Print a text, on a terminal through the pager."""
    command = choose_pager(sys.stdout, os.environ) if use_pager else []
    environment = {"LESS": "FRX", **os.environ}
    try:
        # No check: whoever leaves the pager early has read enough.
        done = bool(command) and subprocess.run(command, input=f"{text}\n", text=True, env=environment, check=False)
    except OSError:  # there is no such pager
        done = False
    if not done:
        print(text)

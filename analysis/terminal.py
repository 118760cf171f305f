"""What a terminal adds to a report: colour and a pager. A pipe or a file gets plain text."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
    try:
        return shlex.split(environment.get("PAGER", DEFAULT_PAGER)) if stream.isatty() else []
    except ValueError:  # an unclosed quotation mark
        return []


def show_text(text: str, use_pager: bool) -> None:
    """Print a text, on a terminal through the pager."""
    command = choose_pager(sys.stdout, os.environ) if use_pager else []
    try:
        if command:
            _run_pager(command, text)
    except OSError:  # there is no such pager
        command = []
    if not command:
        print(text)


def _run_pager(command: Sequence[str], text: str) -> None:
    """Show a text in the pager. Ctrl-C is for the pager, which may stop a search on it, and does not end this program.

    The exit code of the pager is not read: whoever leaves the pager early has read enough.
    """
    environment = {"LESS": "FRX", **os.environ}
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=environment) as pager:
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)  # after the start: the pager would inherit it
        try:
            pager.communicate(f"{text}\n")
        finally:
            signal.signal(signal.SIGINT, previous)

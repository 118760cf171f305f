"""What is wrong with the command line of a schedule, as far as it shows without the command (pure)."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress

from db.cli import add_common_options, did_you_mean
from schedules.commands import COMMANDS

RUN_EXAMPLE = 'run = "crawl snapshot npm --top 1000"'


def run_faults(run: object) -> Iterator[str]:
    """Report what is wrong with a command line. The command itself checks its options: `parse_commands`."""
    if not isinstance(run, str):
        return  # reported with the types
    try:
        arguments = shlex.split(run)
    except ValueError as error:
        yield f"run cannot be split into words: {error}"
        return
    yield from _command_faults(arguments)
    if names_store(arguments):
        yield "run may not name another store: --db is an option of the daemon"


def names_store(arguments: Sequence[str]) -> bool:
    """Return whether the options that every command has name a store, as their parser reads them.

    >>> [names_store(line.split()) for line in ("report --db=x", "report --debug", "report --top 5 -- --db x")]
    [True, False, False]
    """
    options = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    add_common_options(options)
    with suppress(argparse.ArgumentError, SystemExit):
        return "db" in options.parse_known_args([*arguments])[0]
    return True


def has_command(run: str) -> bool:
    """Return whether a command line names a command that can check its own options."""
    try:
        return not list(_command_faults(shlex.split(run)))
    except ValueError:
        return False


def _command_faults(arguments: Sequence[str]) -> Iterator[str]:
    """Report what is wrong with the first word of a command line."""
    if not arguments:
        yield f"run is missing: the command line after `observatory`, as in {RUN_EXAMPLE}"
    elif arguments[0] == "observatory":
        yield "run is the command line after `observatory`: leave that word out"
    elif arguments[0] == "schedule":
        yield "run may not start or inspect the daemon"
    elif arguments[0] not in COMMANDS:
        yield f"run: there is no command {arguments[0]!r}. {did_you_mean(arguments[0], COMMANDS)}".rstrip()

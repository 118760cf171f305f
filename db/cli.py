"""How every command line of ours reads its words, fails, and ends."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from db import GUIDE, ObservatoryError, UsageError, __version__

DONE, FAILED, USAGE, PARTIAL = 0, 1, 2, 3
ONLY_READ = "OBSERVATORY_ONLY_READ_WORDS"  # how a schedule's line is checked: its command reads it, and does nothing
OTHERWISE = {
    "--date": "--as-of",
    "--limit": "--top",
    "--database": "--db",
}  # what other programs call an option of ours
Handler = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """An argument parser that answers a wrong word in four parts, with the word that was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake as a UsageError; `run` prints it and ends with 2."""
        raise UsageError(
            f"{self.prog}: {message}.",
            why=_meant(message, self),
            fix=f"See `{self.prog} --help`.",
            more="docs/commands.md",
        )


def parser(program: str, description: str) -> Parser:
    """A parser with the options every command has: --db, --debug and --version."""
    made = Parser(prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--version", action="version", version=f"hub-observatory {__version__}")
    add_store(made)
    return made


def add_store(to: argparse.ArgumentParser) -> None:
    """The options that every command takes, before or after its own."""
    default = argparse.SUPPRESS
    to.add_argument("--db", metavar="FILE", type=Path, default=default,
                    help="the store (or OBSERVATORY_DB; default: observatory.db in this folder)")  # fmt: skip
    to.add_argument("--debug", action="store_true", default=default, help="show the traceback of an error")


def run(make_parser: Callable[[], argparse.ArgumentParser], argv: Sequence[str] | None) -> int:
    """Read the words, do what they say, print any error in four parts; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        options = make_parser().parse_args(words)
        options.db = Path(getattr(options, "db", None) or os.environ.get("OBSERVATORY_DB") or "observatory.db")
        return DONE if os.environ.get(ONLY_READ) else options.do(options)
    except ObservatoryError as error:
        if debug:
            raise
        complain(error)
        return error.exit_code
    except sqlite3.OperationalError as error:
        if debug:
            raise
        complain(cannot_write(error))
        return FAILED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return PARTIAL
    except Exception as error:
        if debug:
            raise
        complain(
            ObservatoryError(
                f"Something went wrong that we did not foresee: {type(error).__name__}: {error}",
                why="This is a mistake of ours.",
                fix="Run the same command with --debug and send us what it prints.",
                more="CONTRIBUTING.md",
            )
        )
        return FAILED


def cannot_write(error: sqlite3.OperationalError) -> ObservatoryError:
    """What the file system or another program kept us from doing."""
    held = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    cause = "Another program holds the file." if held else "The disk is full or read-only, or cannot be reached."
    return ObservatoryError(
        f"The store cannot be read or written: {error}.",
        why=f"{cause} What was half written was rolled back.",
        fix="Make room or let the file go, then run the same command again; a crawl goes on with --resume.",
    )


def complain(error: ObservatoryError) -> None:
    """Print an error for a person: what happened, why, what to do, where to read more."""
    print(f"error: {plain(error.what)}", file=sys.stderr)
    for word, text in (("why", error.why), ("fix", error.fix), ("more", error.more or GUIDE)):
        if text:
            print(f"  {word:<5}{plain(text)}", file=sys.stderr)


def plain(text: str) -> str:
    r"""Text with control and direction characters shown, not obeyed: remote text may reach a terminal.

    >>> plain("a\x1b[31mb\u202ec")
    'a⟨U+001B⟩[31mb⟨U+202E⟩c'
    """
    return re.sub(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]",
        lambda found: f"⟨U+{ord(found[0]):04X}⟩",
        text,
    )


def day(text: str) -> int:
    """The first second of a UTC day, as an argument type.

    >>> day("2022-02-15")
    1644883200

    Raises:
        argparse.ArgumentTypeError: with the form that is wanted.
    """
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as 2022-02-15") from None


def count(text: str) -> int:
    """A whole number above zero, as an argument type.

    Raises:
        argparse.ArgumentTypeError: if it is not.
    """
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def instant(seconds: int) -> str:
    """Seconds since 1970 as ISO 8601, UTC.

    >>> instant(1644883200)
    '2022-02-15T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _meant(message: str, made: argparse.ArgumentParser) -> str:
    found = re.search(r"(?:invalid choice: |unrecognized arguments: )'?([^' ]+)", message)
    if not found:
        return ""
    words = list(_words_of(made))
    near = [OTHERWISE[found[1]]] if OTHERWISE.get(found[1]) in words else difflib.get_close_matches(found[1], words, 1)
    return f"Did you mean {near[0]}?" if near else ""


def _words_of(made: argparse.ArgumentParser) -> Iterator[str]:
    """Every word and option, those of its words among them: argparse tells of a wrong option without saying whose."""
    for action in made._actions:
        yield from action.option_strings
        yield from (str(choice) for choice in action.choices or ())
        if isinstance(action.choices, dict):
            for word in action.choices.values():
                yield from _words_of(word)

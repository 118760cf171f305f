"""How every command line of ours reads its words, fails, and ends."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from db import GUIDE, ObservatoryError, UsageError, __version__

DONE, FAILED, USAGE, PARTIAL = 0, 1, 2, 3
PARSE_ONLY = "OBSERVATORY_ONLY_READ_WORDS"  # how a schedule's line is checked: its command reads it, and does nothing
OPTION_SYNONYMS = {
    "--date": "--as-of",
    "--limit": "--top",
    "--database": "--db",
}  # what other programs call an option of ours
Handler = Callable[[argparse.Namespace], int]


class CommandParser(argparse.ArgumentParser):
    """An argument parser that answers a wrong word in four parts, with the word that was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake as a UsageError; `run` prints it and ends with 2."""
        raise UsageError(
            f"{self.prog}: {message}.",
            why=_suggest_option(message, self),
            fix=f"See `{self.prog} --help`.",
            more="docs/commands.md",
        )


def create_parser(program: str, description: str) -> CommandParser:
    """A parser with the options every command has: --db, --debug and --version."""
    made = CommandParser(prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--version", action="version", version=f"hub-observatory {__version__}")
    add_common_options(made)
    return made


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """The options that every command takes, before or after its own."""
    default = argparse.SUPPRESS
    parser.add_argument("--db", metavar="FILE", type=Path, default=default,
                    help="the store (or OBSERVATORY_DB; default: observatory.db in this folder)")  # fmt: skip
    parser.add_argument("--debug", action="store_true", default=default, help="show the traceback of an error")


def add_hidden_alias(parser: argparse.ArgumentParser, option: argparse.Action, *old_names: str) -> None:
    """Accept the old names of a renamed option. `--help` and suggestions show the new name only.

    >>> parser = argparse.ArgumentParser()
    >>> add_hidden_alias(parser, parser.add_argument("--quota-share", type=float), "--share")
    >>> parser.parse_args(["--share", "0.5"])
    Namespace(quota_share=0.5)
    """
    for name in old_names:
        parser._option_string_actions[name] = option


def run_command(make_parser: Callable[[], argparse.ArgumentParser], argv: Sequence[str] | None) -> int:
    """Read the words, do what they say, print any error in four parts; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        options = make_parser().parse_args(words)
        options.db = Path(getattr(options, "db", None) or os.environ.get("OBSERVATORY_DB") or "observatory.db")
        return DONE if os.environ.get(PARSE_ONLY) else options.do(options)
    except ObservatoryError as error:
        if debug:
            raise
        print_error(error)
        return error.exit_code
    except sqlite3.OperationalError as error:
        if debug:
            raise
        print_error(describe_sqlite_error(error))
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
        print_error(
            ObservatoryError(
                f"Something went wrong that we did not foresee: {type(error).__name__}: {error}",
                why="This is a mistake of ours.",
                fix="Run the same command with --debug and send us what it prints.",
                more="CONTRIBUTING.md",
            )
        )
        return FAILED


def describe_sqlite_error(error: sqlite3.OperationalError) -> ObservatoryError:
    """What the file system or another program kept us from doing."""
    held = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    cause = "Another program holds the file." if held else "The disk is full or read-only, or cannot be reached."
    return ObservatoryError(
        f"The store cannot be read or written: {error}.",
        why=f"{cause} What was half written was rolled back.",
        fix="Make room or let the file go, then run the same command again; a crawl goes on with --resume.",
    )


def print_error(error: ObservatoryError) -> None:
    """Print an error for a person: what happened, why, what to do, where to read more."""
    print(f"error: {escape_control_characters(error.message)}", file=sys.stderr)
    for word, text in (("why", error.why), ("fix", error.fix), ("more", error.more or GUIDE)):
        if text:
            print(f"  {word:<5}{escape_control_characters(text)}", file=sys.stderr)


def escape_control_characters(text: str) -> str:
    r"""Text with control and direction characters shown, not obeyed: remote text may reach a terminal.

    >>> escape_control_characters("a\x1b[31mb\u202ec")
    'a⟨U+001B⟩[31mb⟨U+202E⟩c'
    """
    return re.sub(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]",
        lambda found: f"⟨U+{ord(found[0]):04X}⟩",
        text,
    )


def parse_day(text: str) -> int:
    """The first second of a UTC day, as an argument type.

    >>> parse_day("2022-02-15")
    1644883200

    Raises:
        argparse.ArgumentTypeError: with the form that is wanted.
    """
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as 2022-02-15") from None


def positive_int(text: str) -> int:
    """A whole number above zero, as an argument type.

    Raises:
        argparse.ArgumentTypeError: if it is not.
    """
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def isoformat_utc(seconds: int) -> str:
    """Seconds since 1970 as ISO 8601, UTC.

    >>> isoformat_utc(1644883200)
    '2022-02-15T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def did_you_mean(text: str, choices: Iterable[str]) -> str:
    """Return the question "Did you mean X?" for the choice closest to a text, '' if no choice is close.

    >>> did_you_mean("turnovr", ["flows", "turnover"])
    'Did you mean turnover?'
    """
    closest = difflib.get_close_matches(text, list(choices), 1)
    return f"Did you mean {closest[0]}?" if closest else ""


def _suggest_option(message: str, parser: argparse.ArgumentParser) -> str:
    found = re.search(r"(?:invalid choice: |unrecognized arguments: )'?([^' ]+)", message)
    if not found:
        return ""
    words = list(_command_words(parser))
    near = (
        [OPTION_SYNONYMS[found[1]]]
        if OPTION_SYNONYMS.get(found[1]) in words
        else difflib.get_close_matches(found[1], words, 1)
    )
    return f"Did you mean {near[0]}?" if near else ""


def _command_words(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Every word and option, those of its words among them: argparse tells of a wrong option without saying whose."""
    for action in parser._actions:
        yield from action.option_strings
        yield from (str(choice) for choice in action.choices or ())
        if isinstance(action.choices, dict):
            for word in action.choices.values():
                yield from _command_words(word)

"""The command line that the whole program shares: arguments, error messages and exit codes."""

from __future__ import annotations

import argparse
import difflib
import errno
import io
import json
import os
import re
import shutil
import sqlite3
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from db import GUIDE, ObservatoryError, UsageError, __version__
from db.argument_errors import ArgumentFault, describe_argument_error
from db.causes import DISK_ERRORS, SQLITE_ERRORS, describe_cause, primary_code
from db.certificates import trust_named_authorities
from db.documents import locate_document
from db.libraries import describe_missing_library
from db.reasons import find_reason, report_reason

DONE, FAILED, USAGE, PARTIAL = 0, 1, 2, 3
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
PARSE_ONLY = "OBSERVATORY_ONLY_READ_WORDS"  # set to read a schedule: the command prints what it parsed, and ends
OPTION_SYNONYMS = {"--date": "--as-of", "--limit": "--top", "--database": "--db"}  # the names in other programs


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose errors have four parts and suggest the closest command or option."""

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError. `run_command` prints it and returns 2."""
        fault = describe_argument_error(message)
        raise UsageError(
            fault.message, why=_suggest_word(fault, self), fix=f"See `{self.prog} --help`.", more="docs/commands.md"
        )

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print the help. argparse itself would end with 0 where the help cannot be written."""
        (file or sys.stdout).write(message)


def create_parser(program: str, description: str) -> CommandParser:
    """Return a parser with the options of every command: --db, --debug and --version."""
    parser = CommandParser(prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"hub-observatory {__version__}")
    add_common_options(parser)
    return parser


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add --db and --debug, which are accepted before and after the options of a command."""
    default = argparse.SUPPRESS
    parser.add_argument(
        "--db",
        metavar="FILE",
        type=Path,
        default=default,
        help="the store (or OBSERVATORY_DB; default: observatory.db in this folder)",
    )
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
    """Parse the arguments, run the command, print any error in four parts, and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return guard_command(lambda: _parse_and_run(make_parser, arguments), "--debug" in arguments)


def guard_command(run: Callable[[], int], debug: bool = False) -> int:
    """Run a command, print any error in four parts, and return the exit code.

    What was printed is flushed here, so that a full disk under it is an error like any other.
    """
    if sys.stdout is None or sys.stderr is None:  # whoever started this process has closed them
        nothing = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
        sys.stdout, sys.stderr = sys.stdout or nothing, sys.stderr or nothing
    escape_unprintable_output()
    trust_named_authorities(os.environ)
    try:
        try:
            return run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has closed the pipe
        return DONE
    except KeyboardInterrupt:
        with suppress(OSError):
            print("interrupted", file=sys.stderr)
        return PARTIAL
    except Exception as error:
        if debug:
            raise
        report = describe_exception(error)
        print_error(report)
        return report.exit_code
    finally:
        _discard_unwritten_output()


def _parse_and_run(make_parser: Callable[[], argparse.ArgumentParser], arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    if os.environ.get(PARSE_ONLY):
        return _print_options(options)
    options.db = Path(getattr(options, "db", None) or os.environ.get("OBSERVATORY_DB") or "observatory.db")
    return int(options.do(options))


def _discard_unwritten_output() -> None:
    """Let output that cannot be written go. Python would try again at its end, and change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _print_options(options: argparse.Namespace) -> int:
    """Print the function that would run and its options as JSON, for a program that has to understand the line."""
    words = dict(vars(options))
    function = words.pop("do")
    print(json.dumps({"function": f"{function.__module__}.{function.__name__}", "options": words}, default=str))
    return DONE


def escape_unprintable_output() -> None:
    """Let stdout escape the characters that it cannot encode, such as half of a character in the name of a file."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def describe_exception(error: Exception) -> ObservatoryError:
    """Return the error to print for an exception, with the reason that the exception or one of its causes has."""
    report = _describe_exception(error)
    report.reason = report.reason or find_reason(error)
    return report


def _describe_exception(error: Exception) -> ObservatoryError:
    if isinstance(error, ObservatoryError):
        return error
    if isinstance(error, sqlite3.OperationalError):
        return describe_sqlite_error(error)
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return describe_os_error(error)
    if isinstance(error, ImportError) and (missing := describe_missing_library(error)):
        return missing
    return ObservatoryError(
        f"Unexpected error: {type(error).__name__}: {error}",
        why="This is a bug in hub-observatory.",
        fix="Run the same command with --debug, and report what it prints.",
        more="CONTRIBUTING.md",
    )


def describe_os_error(error: OSError, path: Path | str | None = None) -> ObservatoryError:
    """Return the error to print when the system refused to read or write a file."""
    subject = path or error.filename or "A file"
    return ObservatoryError(
        f"{subject} cannot be read or written.",
        why=describe_cause(error),
        fix="Make room, or name another path, then run the same command again."
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        else "Name another path, then run the same command again.",
    )


def describe_sqlite_error(error: sqlite3.OperationalError) -> ObservatoryError:
    """Return the error to print when SQLite could not read or write the store."""
    cause = SQLITE_ERRORS.get(primary_code(error), "The disk is full, read-only or unreachable.")
    return ObservatoryError(
        f"The store cannot be read or written: {error}.",
        why=f"{cause} The unfinished transaction was rolled back.",
        fix="Make room or close the other program, then run the same command again. A crawl resumes with --resume.",
    )


def print_error(error: ObservatoryError) -> None:
    """Print an error on stderr: what happened, why, how to fix it, where to read more. A closed stderr gets nothing.

    The daemon gets the reason of the error.
    """
    report_reason(error.reason)
    parts = (("why", error.why), ("fix", error.fix), ("more", locate_document(error.more or GUIDE)))
    lines = [f"error: {escape_control_characters(error.message)}"]
    lines += [f"  {label:<5}{escape_control_characters(text)}" for label, text in parts if text]
    with suppress(OSError):
        print("\n".join(lines), file=sys.stderr, flush=True)


def escape_control_characters(text: str) -> str:
    r"""Replace control and direction characters by visible ones, because remote text may reach a terminal.

    >>> escape_control_characters("a\x1b[31mb\u202ec")
    'a⟨U+001B⟩[31mb⟨U+202E⟩c'
    """
    return CONTROL_CHARACTERS.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def wrap_for_terminal(line: str, indent: int) -> str:
    """Break a line at the width of the terminal, its further lines indented. A pipe or a file gets the whole line."""
    if not sys.stdout.isatty():
        return line
    width = max(60, shutil.get_terminal_size().columns)
    return textwrap.fill(line, width, subsequent_indent=" " * indent, break_on_hyphens=False)


def parse_day(text: str) -> int:
    """Return the first second of a UTC day, as an argument type.

    >>> parse_day("2022-02-15")
    1644883200

    Raises:
        argparse.ArgumentTypeError: the text is not a date. The message shows the format.
    """
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as 2022-02-15") from None


def positive_int(text: str) -> int:
    """Return a whole number above zero and below 2**31, as an argument type.

    Raises:
        argparse.ArgumentTypeError: the text is not such a number.
    """
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def isoformat_utc(seconds: int) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC.

    >>> isoformat_utc(1644883200)
    '2022-02-15T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def pluralize(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> pluralize(1, "list"), pluralize(1200, "snapshot")
    ('1 list', '1,200 snapshots')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def did_you_mean(text: str, choices: Iterable[str]) -> str:
    """Return the question "Did you mean X?" for the choice closest to a text, '' if no choice is close.

    >>> did_you_mean("turnovr", ["flows", "turnover"])
    'Did you mean turnover?'
    """
    with_one_dash = {choice.replace("--", "-", 1): choice for choice in choices}  # two make all options similar
    closest = difflib.get_close_matches(text.replace("--", "-", 1), with_one_dash, 1)
    return f"Did you mean {with_one_dash[closest[0]]}?" if closest else ""


def _suggest_word(fault: ArgumentFault, parser: argparse.ArgumentParser) -> str:
    """Return a hint at the word that was meant instead of the rejected one, or the words that could be meant."""
    if not fault.word:
        return ""
    if fault.choices:
        return did_you_mean(fault.word, fault.choices) or f"It can be {', '.join(fault.choices)}."
    words = list(_command_words(parser))
    if fault.word.startswith("-") and fault.word in words:
        return f"{fault.word} is an option of another command."
    synonym = OPTION_SYNONYMS.get(fault.word)
    return f"Did you mean {synonym}?" if synonym in words else did_you_mean(fault.word, words)


def _command_words(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield every command and option, of subcommands too: argparse does not say whose option is wrong."""
    for action in parser._actions:
        yield from action.option_strings
        yield from (str(choice) for choice in action.choices or ())
        if isinstance(action.choices, dict):
            for subparser in action.choices.values():
                yield from _command_words(subparser)

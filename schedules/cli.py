"""`observatory COMMAND …`: run the module of a command in this process, as `python -m MODULE …` would."""

from __future__ import annotations

import runpy
import signal
import sys
from collections.abc import Sequence

from db import UsageError, __version__
from db.cli import DONE, FAILED, USAGE, did_you_mean, guard_command
from schedules.commands import COMMANDS


def main(argv: Sequence[str] | None = None) -> int:
    """Run the module of the first word with the words after it, and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["schedule"] and "run" in words:  # the daemon has nothing to reload before it has imported itself
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return guard_command(lambda: _run_words(words), "--debug" in words)


def _run_words(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(format_overview())
        return DONE if words else USAGE
    name, *arguments = words
    if name == "--version":
        print(f"hub-observatory {__version__}")
        return DONE
    if name not in COMMANDS:
        raise unknown_command_error(name)
    return _run_module(name, arguments)


def _run_module(name: str, arguments: Sequence[str]) -> int:
    sys.argv = [f"observatory {name}", *arguments]
    try:
        runpy.run_module(COMMANDS[name].module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE if end.code is None else FAILED
    return DONE


def format_overview() -> str:
    """Return the list of commands that `observatory --help` prints."""
    lines = ["usage: observatory COMMAND …", "", "Dated snapshots of software registries, and what they show.", ""]
    lines += [f"  {name:<9} {command.help}" for name, command in COMMANDS.items()]
    return "\n".join([*lines, "", "`observatory COMMAND --help` describes a command. Start with: observatory demo"])


def unknown_command_error(name: str) -> UsageError:
    """Return the error for a command that does not exist."""
    return UsageError(
        f"There is no command {name!r}.",
        why=did_you_mean(name, COMMANDS) or f"There are: {', '.join(COMMANDS)}.",
        fix="See `observatory --help`.",
        more="docs/commands.md",
    )


if __name__ == "__main__":
    sys.exit(main())

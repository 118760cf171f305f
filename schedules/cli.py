"""`observatory`: one word, one module.

Each word is also `python -m …`, and each runs in this process as if it had been started so.
"""

from __future__ import annotations

import difflib
import runpy
import sys
from collections.abc import Sequence

from db import UsageError, __version__
from db.cli import USAGE, print_error

COMMANDS = {
    "crawl": ("crawler", "look at registries and write down what they say"),
    "compute": ("analysis", "work out the results that are missing"),
    "score": ("analysis.scoring", "read cards: which of five questions each answers"),
    "report": ("analysis.report", "results for a person"),
    "export": ("analysis.export", "history for a program, as a bundle that can be cited"),
    "schedule": ("schedules", "the daemon: run it, list and check its schedules, see how it is"),
    "store": ("db", "the file itself: migrate, check, schema, backup, restore"),
    "demo": ("schedules.demo", "a whole run without a network, on a simulated Hub"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the module of the first word with the words after it; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(format_overview())
        return 0 if words else USAGE
    if words[0] == "--version":
        print(f"hub-observatory {__version__}")
        return 0
    if words[0] not in COMMANDS:
        print_error(unknown_command_error(words[0]))
        return USAGE
    module, _ = COMMANDS[words[0]]
    sys.argv = [f"observatory {words[0]}", *words[1:]]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def format_overview() -> str:
    """What there is, in a few lines."""
    lines = ["usage: observatory WORD …", "", "Dated snapshots of software registries, and what they tell.", ""]
    lines += [f"  {word:<9} {does}" for word, (_, does) in COMMANDS.items()]
    return "\n".join([*lines, "", "`observatory WORD --help` tells more. Start with: observatory demo"])


def unknown_command_error(name: str) -> UsageError:
    """The error for a word that is none."""
    near = difflib.get_close_matches(name, COMMANDS, 1)
    return UsageError(
        f"There is no command {name!r}.",
        why=f"Did you mean {near[0]}?" if near else f"There are: {', '.join(COMMANDS)}.",
        fix="See `observatory --help`.",
        more="docs/commands.md",
    )


if __name__ == "__main__":
    sys.exit(main())

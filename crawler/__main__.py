"""`python -m crawler`: its words are the files of `words/`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from crawler.commands import load_commands
from db.cli import CommandParser, create_parser, run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Look at a registry, or bring in a past list; the exit code."""
    return run_command(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """The words of this room. Nothing heavy is imported before they are read."""
    made = create_parser("observatory crawl", "Look at registries and write down what they say.")
    words = made.add_subparsers(title="what to do", metavar="WORD", required=True, parser_class=CommandParser)
    for add in load_commands():
        add(words)
    return made


if __name__ == "__main__":
    # sqlite-utils takes pandas in if it is there: half a second and 60 MB that nothing here uses.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    sys.exit(main())

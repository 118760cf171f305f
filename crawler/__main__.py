"""`python -m crawler`: the commands of `observatory crawl`, one file each in `commands/`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from crawler.commands import load_commands
from db.cli import CommandParser, create_parser, run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command of `observatory crawl` and return the exit code."""
    return run_command(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands. It imports no heavy module, so that errors of usage are fast."""
    parser = create_parser("observatory crawl", "Crawl registries and store what they list.")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=CommandParser)
    for add_parser in load_commands():
        add_parser(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())

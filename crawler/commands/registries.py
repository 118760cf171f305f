"""`observatory crawl registries`: what can be observed."""

from __future__ import annotations

import argparse
import json

from crawler.commands import Subparsers, add_command, add_format_option
from db.cli import DONE


def add_parser(subparsers: Subparsers) -> None:
    """Add the word."""
    word = add_command(subparsers, "registries", "what can be observed, and what its counter means")
    add_format_option(word)
    word.set_defaults(do=run_registries)


def run_registries(options: argparse.Namespace) -> int:
    """List what can be observed."""
    from crawler.registries import format_table, list_registries

    found = list_registries(options.db)
    print(
        json.dumps({"schema": 1, "registries": found}, ensure_ascii=False)
        if options.format == "json"
        else format_table(found)
    )
    return DONE

"""`observatory crawl registries`: list the registries that can be observed."""

from __future__ import annotations

import argparse
import json

from crawler.commands import Subparsers, add_command, add_format_option
from db.cli import DONE


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers, "registries", "list the registries that can be observed, and what their counters mean"
    )
    add_format_option(parser)
    parser.set_defaults(do=run_registries)


def run_registries(options: argparse.Namespace) -> int:
    """List the registries and return the exit code."""
    from crawler.registries import format_table, list_registries

    registries = list_registries(options.db)
    if options.format == "json":
        print(json.dumps({"schema": 1, "registries": registries}, ensure_ascii=False))
    else:
        print(format_table(registries))
    return DONE

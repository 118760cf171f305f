"""`python -m analysis.top`: one list of the store, and what came and went. It never writes to the store."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Sequence

from analysis.lookup.fetching import END_OF_TIME, SqlRow, end_of_day, fetch_rows, open_for_lookup
from analysis.lookup.list_text import render_csv, render_list
from analysis.lookup.plain_table import terminal_width
from analysis.lookup.ranked_list import ListRequest, build_document
from analysis.reporting.names import counter_words
from analysis.stored_registries import require_registry
from db import ObservatoryError
from db.cli import DONE, create_parser, escape_control_characters, isoformat_utc, parse_day, positive_int, run_command
from db.registry_names import parse_registry
from db.rows import ORDERS


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command."""
    parser = create_parser(
        "observatory top", "Show the first packages of one complete list, who came and who went since another, and why."
    )
    parser.add_argument(
        "registry", type=parse_registry, metavar="REGISTRY", help="the registry: huggingface/models, npm, …"
    )
    parser.add_argument(
        "--date", metavar="DATE", type=parse_day, help="the newest list of this day or earlier (default: the newest)"
    )
    parser.add_argument(
        "--since", metavar="DATE", type=parse_day,
        help="compare with the newest list of this day or earlier (default: the newest list of an earlier day)",
    )  # fmt: skip
    parser.add_argument("--limit", metavar="N", type=positive_int, default=20, help="the depth (default: 20)")
    parser.add_argument("--by", choices=ORDERS, default="downloads", help="the order of the list")
    parser.add_argument(
        "--format", choices=("csv", "json", "text"), default="text", help="csv, json or text (default: text)"
    )
    parser.set_defaults(do=run_top)
    return parser


def run_top(options: argparse.Namespace) -> int:
    """Print the list."""
    since = None if options.since is None else end_of_day(options.since)
    with open_for_lookup(options.db) as connection:
        registry = require_registry(connection, options.registry)
        request = ListRequest(registry, options.by, options.limit, end_of_day(options.date), since)
        document = build_document(connection, request)
        if document is None:
            raise no_list_error(connection, request)
    if options.format == "json":
        print(json.dumps(document, indent=2, allow_nan=False))
        return DONE
    text = render_csv(document) if options.format == "csv" else render_list(document, terminal_width())
    print(escape_control_characters(text))
    return DONE


def no_list_error(connection: sqlite3.Connection, request: ListRequest) -> ObservatoryError:
    """Return the error for a registry without such a list, with the lists that the store has."""
    rows = fetch_rows(connection, "orders_of_registry", registry=request.registry)
    lists = "; ".join(map(describe_orders, rows))
    has_order = any(row["by"] == request.by for row in rows)
    day = "" if request.until == END_OF_TIME else f" of {isoformat_utc(request.until - 1)[:10]} or earlier"
    return ObservatoryError(
        f"The store has no complete list of {request.registry} by {request.by}{day}.",
        why=f"It has: {lists}." if lists else "It has no complete list of this registry. Partial lists are not shown.",
        fix="Choose a later day, or import an older list with `observatory crawl import`."
        if has_order
        else "Choose an order that it has with --by."
        if rows
        else f"Take one with `observatory crawl snapshot {request.registry}`.",
        more="docs/commands.md",
    )


def describe_orders(row: SqlRow) -> str:
    """Return the number of lists of one order and counter, with their first and last day."""
    return f"{row['lists']:,} by {counter_words(row['by'], row['counter'])}, from {row['oldest']} to {row['newest']}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(make_parser, argv)


if __name__ == "__main__":
    sys.exit(main())

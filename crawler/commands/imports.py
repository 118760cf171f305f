"""`observatory crawl import`: import past lists as snapshots."""

from __future__ import annotations

import argparse
import json

from crawler.commands import Subparsers, add_command, add_format_option
from db.cli import DONE, FAILED, escape_control_characters, parse_day
from db.registry_names import parse_registry


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    from crawler.importers import list_formats

    formats = list_formats()
    parser = add_command(
        subparsers, "import", "import a past list as a snapshot; a file that was imported before changes nothing"
    )
    parser.add_argument("form", choices=formats, metavar="FORMAT", help=", ".join(formats))
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file of the format; a text format may be .gz")
    _add_list_options(parser)
    _add_column_options(parser)
    parser.add_argument("--top", type=int, metavar="K", help="import the first K rows only (default: all)")
    parser.add_argument("--source", help="where the list comes from, in a few words")
    add_format_option(parser)
    parser.set_defaults(do=run_import)


def _add_list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--registry", required=True, type=parse_registry, metavar="R", help="the registry of the list: npm, pypi, …"
    )
    parser.add_argument("--date", required=True, type=parse_day, metavar="YYYY-MM-DD", help="the day of the list")
    parser.add_argument(
        "--by",
        choices=("downloads", "likes", "trending", "dependents"),
        default="downloads",
        help="the counter the list is ordered by",
    )
    parser.add_argument(
        "--counter", help="what the counter counts: last-month, total, … (default: the Hub's own, else unstated)"
    )


def _add_column_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", metavar="COLUMN", help="csv: the column of the names")
    parser.add_argument(
        "--value",
        metavar="COLUMN",
        help="csv: the column of the counter; cards: downloads or likes, to store the lines as a list too",
    )
    parser.add_argument("--rank", metavar="COLUMN", help="csv: the column of the ranks")


def run_import(options: argparse.Namespace) -> int:
    """Import past lists and return the exit code."""
    from crawler.importers import ImportSpec, import_file

    columns = {"id": options.id, "value": options.value, "rank": options.rank}
    spec = ImportSpec(options.registry, options.date, options.by, options.counter, options.source, columns, options.top)
    outcomes = [import_file(options.db, options.form, file, spec) for file in options.files]
    if options.format == "json":
        print(json.dumps({"schema": 1, "imports": [outcome.as_json() for outcome in outcomes]}, ensure_ascii=False))
    else:
        for outcome in outcomes:
            print(escape_control_characters(outcome.as_text()))
    return DONE if all(outcome.status == "complete" for outcome in outcomes) else FAILED

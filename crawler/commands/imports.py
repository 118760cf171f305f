"""`observatory crawl import`: past lists as snapshots."""

from __future__ import annotations

import argparse
import json

from crawler.commands import Subparsers, add_command, add_format_option
from db.cli import DONE, FAILED, escape_control_characters, parse_day


def add_parser(subparsers: Subparsers) -> None:
    """Add the word."""
    from crawler.importers import list_formats

    word = add_command(subparsers, "import", "bring in a past list as a snapshot; the same file twice changes nothing")
    word.add_argument("form", choices=list_formats(), metavar="FORMAT", help=", ".join(list_formats()))
    word.add_argument("files", nargs="+", metavar="FILE", help="plain, or .gz where it is text")
    word.add_argument("--registry", required=True, metavar="R", help="of which it is a list: npm, pypi, …")
    word.add_argument("--date", required=True, type=parse_day, metavar="YYYY-MM-DD", help="the day the list shows")
    word.add_argument(
        "--by", choices=("downloads", "likes", "trending", "dependents"), default="downloads", help="its order"
    )
    word.add_argument(
        "--counter", help="what its number counts: last-month, total, … (default: the Hub's own, else unstated)"
    )
    word.add_argument("--id", metavar="COLUMN", help="csv: the column with the names")
    word.add_argument(
        "--value",
        metavar="COLUMN",
        help="csv: the column with the counts; cards: downloads or likes, to store the lines as a list too",
    )
    word.add_argument("--rank", metavar="COLUMN", help="csv: the column with the ranks")
    word.add_argument("--top", type=int, metavar="K", help="only its first K (default: all)")
    word.add_argument("--source", help="where the list came from, in a few words")
    add_format_option(word)
    word.set_defaults(do=run_import)


def run_import(options: argparse.Namespace) -> int:
    """Bring in past lists."""
    from crawler.importers import ImportSpec, import_file

    wanted = ImportSpec(options.registry, options.date, options.by, options.counter, options.source,
                    {"id": options.id, "value": options.value, "rank": options.rank}, options.top)  # fmt: skip
    brought = [import_file(options.db, options.form, file, wanted) for file in options.files]
    if options.format == "json":
        print(json.dumps({"schema": 1, "imports": [one.as_json() for one in brought]}, ensure_ascii=False))
    else:
        for one in brought:
            print(escape_control_characters(one.as_text()))
    return DONE if all(one.status == "complete" for one in brought) else FAILED

"""`observatory crawl import`: past lists as snapshots."""

from __future__ import annotations

import argparse
import json

from crawler.commands import Words, add_format, add_word
from db.cli import DONE, FAILED, day, plain


def add(words: Words) -> None:
    """Add the word."""
    from crawler.importers import formats

    word = add_word(words, "import", "bring in a past list as a snapshot; the same file twice changes nothing")
    word.add_argument("form", choices=formats(), metavar="FORMAT", help=", ".join(formats()))
    word.add_argument("files", nargs="+", metavar="FILE", help="plain, or .gz where it is text")
    word.add_argument("--registry", required=True, metavar="R", help="of which it is a list: npm, pypi, …")
    word.add_argument("--date", required=True, type=day, metavar="YYYY-MM-DD", help="the day the list shows")
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
    add_format(word)
    word.set_defaults(do=import_lists)


def import_lists(options: argparse.Namespace) -> int:
    """Bring in past lists."""
    from crawler.importers import Wanted, bring_in

    wanted = Wanted(options.registry, options.date, options.by, options.counter, options.source,
                    {"id": options.id, "value": options.value, "rank": options.rank}, options.top)  # fmt: skip
    brought = [bring_in(options.db, options.form, file, wanted) for file in options.files]
    if options.format == "json":
        print(json.dumps({"schema": 1, "imports": [one.as_json() for one in brought]}, ensure_ascii=False))
    else:
        for one in brought:
            print(plain(one.line()))
    return DONE if all(one.status == "complete" for one in brought) else FAILED

"""`observatory crawl check`: the assumptions a crawl rests on, tried."""

from __future__ import annotations

import argparse
import json

from crawler.commands import Words, add_format, add_manner, add_word, manner
from db.cli import DONE, FAILED, plain


def add(words: Words) -> None:
    """Add the word."""
    word = add_word(words, "check", "try the assumptions the crawl of a registry rests on, with a handful of requests")
    word.add_argument("registry", metavar="REGISTRY", help="huggingface/models, npm, pypi, …")
    add_manner(word)
    add_format(word)
    word.set_defaults(do=check)


def check(options: argparse.Namespace) -> int:
    """Try the assumptions a crawl rests on."""
    from crawler.api_check import check_registry, table

    found = check_registry(options.db, options.registry, manner(options))
    if options.format == "json":
        print(json.dumps({"schema": 1, "registry": options.registry, "assumptions": found}, ensure_ascii=False))
    else:
        print(plain(table(options.registry, found)))
    verdicts = {one["verdict"] for one in found}
    return DONE if "holds" in verdicts and "differs" not in verdicts else FAILED

"""`observatory crawl cards`: the model cards that are new or changed."""

from __future__ import annotations

import argparse
import dataclasses
import json

from crawler.commands import Subparsers, add_command, add_crawl_options, add_format_option, make_crawl_options
from db import ObservatoryError
from db.cli import escape_control_characters, positive_int, print_error


def add_parser(subparsers: Subparsers) -> None:
    """Add the word."""
    word = add_command(
        subparsers,
        "cards",
        "look at the cards (README.md) of the newest list whose repositories have changed since",
        epilog="exit codes: 0 complete, 1 failed, 2 wrong usage, 3 partial: run it again for the rest",
    )
    word.add_argument("registry", metavar="REGISTRY", help="huggingface/models or huggingface/spaces")
    word.add_argument("--top", type=positive_int, default=1000, metavar="K", help="how deep (default: 1000)")
    add_crawl_options(word)
    word.add_argument("--quiet", action="store_true", help="no progress")
    add_format_option(word)
    word.set_defaults(do=run_cards)


def run_cards(options: argparse.Namespace) -> int:
    """Look at cards."""
    from crawler.cards.crawl import crawl_cards

    how = dataclasses.replace(make_crawl_options(options), quiet=options.quiet)
    looked = crawl_cards(options.db, options.registry, options.top, how)
    if options.format == "json":
        print(json.dumps({"schema": 1, "cards": looked.as_json()}, ensure_ascii=False))
    else:
        print(escape_control_characters(looked.as_text()))
        if looked.error:
            print_error(ObservatoryError(**looked.error))
    return looked.exit_code

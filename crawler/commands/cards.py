"""`observatory crawl cards`: the model cards that are new or changed."""

from __future__ import annotations

import argparse
import dataclasses
import json

from crawler.commands import Words, add_format, add_manner, add_word, manner
from db import ObservatoryError
from db.cli import complain, count, plain


def add(words: Words) -> None:
    """Add the word."""
    word = add_word(
        words,
        "cards",
        "look at the cards (README.md) of the newest list whose repositories have changed since",
        epilog="exit codes: 0 complete, 1 failed, 2 wrong usage, 3 partial: run it again for the rest",
    )
    word.add_argument("registry", metavar="REGISTRY", help="huggingface/models or huggingface/spaces")
    word.add_argument("--top", type=count, default=1000, metavar="K", help="how deep (default: 1000)")
    add_manner(word)
    word.add_argument("--quiet", action="store_true", help="no progress")
    add_format(word)
    word.set_defaults(do=cards)


def cards(options: argparse.Namespace) -> int:
    """Look at cards."""
    from crawler.cards.crawl import look

    how = dataclasses.replace(manner(options), quiet=options.quiet)
    looked = look(options.db, options.registry, options.top, how)
    if options.format == "json":
        print(json.dumps({"schema": 1, "cards": looked.as_json()}, ensure_ascii=False))
    else:
        print(plain(looked.line()))
        if looked.error:
            complain(ObservatoryError(**looked.error))
    return looked.exit_code

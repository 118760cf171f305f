"""`observatory crawl registries`: what can be observed."""

from __future__ import annotations

import argparse
import json

from crawler.commands import Words, add_format, add_word
from db.cli import DONE


def add(words: Words) -> None:
    """Add the word."""
    word = add_word(words, "registries", "what can be observed, and what its counter means")
    add_format(word)
    word.set_defaults(do=registries)


def registries(options: argparse.Namespace) -> int:
    """List what can be observed."""
    from crawler.registries import listed, table

    found = listed(options.db)
    print(
        json.dumps({"schema": 1, "registries": found}, ensure_ascii=False) if options.format == "json" else table(found)
    )
    return DONE

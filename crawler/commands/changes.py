"""`observatory crawl changes`: what was made or modified since the last look, and what became of what vanished."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from crawler.commands import Words, add_format, add_manner, add_word, manner
from db import ObservatoryError
from db.cli import complain, count, instant, plain

if TYPE_CHECKING:
    from crawler.changes.crawl import Looked


def add(words: Words) -> None:
    """Add the word."""
    word = add_word(words, "changes", "what was made or modified since the last look, and what became of what vanished")
    word.add_argument("registry", metavar="REGISTRY", help="huggingface/models, huggingface/datasets, …")
    word.add_argument("--most", type=count, default=50, metavar="PAGES", help="of each order, at most (default: 50)")
    word.add_argument(
        "--probes", type=count, default=200, metavar="N", help="absent packages to ask for at most (default: 200)"
    )
    add_manner(word)
    word.add_argument("--clock", choices=("local", "registry"), default="local", help="whose clock dates what is seen")
    word.add_argument("--quiet", action="store_true", help="no progress")
    add_format(word)
    word.set_defaults(do=changes)


def changes(options: argparse.Namespace) -> int:
    """Look once."""
    import dataclasses

    from crawler.changes.crawl import take_look

    how = dataclasses.replace(manner(options), clock=options.clock, quiet=options.quiet)
    show = _silent if options.quiet else _show
    told = take_look(options.db, options.registry, how, options.most, options.probes, show)
    if options.format == "json":
        print(json.dumps({"schema": 1, "look": told.as_json()}, ensure_ascii=False))
    else:
        print(plain(_text(told)))
        if told.error:
            complain(ObservatoryError(**told.error))
    return told.exit_code


def _text(told: Looked) -> str:
    lines = [
        f"{told.status:<10}{told.registry}  {told.new:,} new, {told.edited:,} edited, {told.known:,} as they were"
        f" ({told.duplicates:,} seen twice), {told.requests:,} requests"
    ]
    known = [f"{order} {instant(mark)}" for order, mark in told.marks.items() if mark is not None]
    lines += [f"          known up to: {', '.join(known)}"] if known else []
    vanished = [f"{number:,} {state}" for state, number in sorted(told.absent.items())]
    lines += [f"          absent packages asked for: {', '.join(vanished)}"] if vanished else []
    return "\n".join(lines + ([f"          {told.reason}"] if told.reason and not told.error else []))


def _show(told: Looked, quota: str) -> None:
    line = f"{told.registry}: {told.requests} requests, {told.new} new, {told.edited} edited, {quota}"
    print(plain(line), file=sys.stderr, flush=True)


def _silent(told: Looked, quota: str) -> None:
    pass

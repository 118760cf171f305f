"""`observatory crawl changes`: what was made or modified since the last look, and what became of what vanished."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from crawler.commands import Subparsers, add_command, add_crawl_options, add_format_option, make_crawl_options
from db import ObservatoryError
from db.cli import escape_control_characters, isoformat_utc, positive_int, print_error

if TYPE_CHECKING:
    from crawler.changes.crawl import ChangeCrawlOutcome


def add_parser(subparsers: Subparsers) -> None:
    """Add the word."""
    word = add_command(
        subparsers, "changes", "what was made or modified since the last look, and what became of what vanished"
    )
    word.add_argument("registry", metavar="REGISTRY", help="huggingface/models, huggingface/datasets, …")
    word.add_argument(
        "--most", type=positive_int, default=50, metavar="PAGES", help="of each order, at most (default: 50)"
    )
    word.add_argument(
        "--probes",
        type=positive_int,
        default=200,
        metavar="N",
        help="absent packages to ask for at most (default: 200)",
    )
    add_crawl_options(word)
    word.add_argument("--clock", choices=("local", "registry"), default="local", help="whose clock dates what is seen")
    word.add_argument("--quiet", action="store_true", help="no progress")
    add_format_option(word)
    word.set_defaults(do=run_changes)


def run_changes(options: argparse.Namespace) -> int:
    """Look once."""
    import dataclasses

    from crawler.changes.crawl import crawl_changes

    how = dataclasses.replace(make_crawl_options(options), clock=options.clock, quiet=options.quiet)
    show = _ignore_progress if options.quiet else _print_progress
    told = crawl_changes(options.db, options.registry, how, options.most, options.probes, show)
    if options.format == "json":
        print(json.dumps({"schema": 1, "look": told.as_json()}, ensure_ascii=False))
    else:
        print(escape_control_characters(_format_outcome(told)))
        if told.error:
            print_error(ObservatoryError(**told.error))
    return told.exit_code


def _format_outcome(outcome: ChangeCrawlOutcome) -> str:
    lines = [
        f"{outcome.status:<10}{outcome.registry}  {outcome.new:,} new, {outcome.edited:,} edited, {outcome.known:,} as they were"
        f" ({outcome.duplicates:,} seen twice), {outcome.requests:,} requests"
    ]
    known = [f"{order} {isoformat_utc(mark)}" for order, mark in outcome.marks.items() if mark is not None]
    lines += [f"          known up to: {', '.join(known)}"] if known else []
    vanished = [f"{number:,} {state}" for state, number in sorted(outcome.absent.items())]
    lines += [f"          absent packages asked for: {', '.join(vanished)}"] if vanished else []
    return "\n".join(lines + ([f"          {outcome.reason}"] if outcome.reason and not outcome.error else []))


def _print_progress(outcome: ChangeCrawlOutcome, quota: str) -> None:
    line = f"{outcome.registry}: {outcome.requests} requests, {outcome.new} new, {outcome.edited} edited, {quota}"
    print(escape_control_characters(line), file=sys.stderr, flush=True)


def _ignore_progress(outcome: ChangeCrawlOutcome, quota: str) -> None:
    pass

"""`observatory crawl changes`: what was created or edited since the last crawl of changes, and what disappeared."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from crawler.commands import (
    Subparsers,
    add_clock_option,
    add_command,
    add_crawl_options,
    add_format_option,
    add_quiet_option,
    make_crawl_options,
)
from crawler.errors import error_from_json, report_failure
from db.cli import add_hidden_alias, escape_control_characters, isoformat_utc, pluralize, positive_int, print_error
from db.registry_names import parse_registry

if TYPE_CHECKING:
    from crawler.changes.crawl import ChangeCrawlOutcome

STATUS_WORDS = {"caught up": "complete", "bounded": "limited"}  # JSON and the store have the words of version 1


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "changes",
        "fetch what was created or edited since the last crawl of changes, and find out why packages disappeared",
    )
    parser.add_argument(
        "registry", type=parse_registry, metavar="REGISTRY", help="huggingface/models, huggingface/datasets, …"
    )
    _add_limits(parser)
    add_crawl_options(parser)
    add_clock_option(parser, "the changes")
    add_quiet_option(parser)
    add_format_option(parser)
    parser.set_defaults(do=run_changes)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    max_pages = parser.add_argument(
        "--max-pages", type=positive_int, default=50, metavar="N",
        help="fetch at most N pages of each order (default: 50)",
    )  # fmt: skip
    max_probes = parser.add_argument(
        "--max-probes", type=positive_int, default=200, metavar="N",
        help="probe at most N missing packages (default: 200)",
    )  # fmt: skip
    add_hidden_alias(parser, max_pages, "--most")
    add_hidden_alias(parser, max_probes, "--probes")


def run_changes(options: argparse.Namespace) -> int:
    """Crawl the changes of a registry and return the exit code."""
    from crawler.endpoints import require_readable_hub_variable

    require_readable_hub_variable()
    from crawler.changes.crawl import crawl_changes

    show = _ignore_progress if options.quiet else _print_progress
    outcome = crawl_changes(
        options.db, options.registry, make_crawl_options(options), options.max_pages, options.max_probes, show
    )
    report_failure(outcome.error)
    if options.format == "json":
        print(json.dumps({"schema": 1, "look": outcome.as_json()}, ensure_ascii=False))
    else:
        print(escape_control_characters(_format_outcome(outcome)))
        if outcome.error:
            print_error(error_from_json(outcome.error))
    return outcome.exit_code


def _format_outcome(outcome: ChangeCrawlOutcome) -> str:
    status = STATUS_WORDS.get(outcome.status, outcome.status)
    lines = [
        f"{status:<10}{outcome.registry}  {outcome.new:,} new, {outcome.edited:,} edited, {outcome.known:,} unchanged"
        f" ({outcome.duplicates:,} seen twice), {pluralize(outcome.requests, 'request')}"
    ]
    marks = [f"{order} {isoformat_utc(mark)}" for order, mark in outcome.marks.items() if mark is not None]
    lines += [f"          complete up to: {', '.join(marks)}"] if marks else []
    states = [f"{count:,} {state}" for state, count in sorted(outcome.absent.items())]
    lines += [f"          missing packages probed: {', '.join(states)}"] if states else []
    lines += [f"          {outcome.reason}"] if outcome.reason and not outcome.error else []
    return "\n".join(lines)


def _print_progress(outcome: ChangeCrawlOutcome, quota: str) -> None:
    requests = pluralize(outcome.requests, "request")
    line = f"{outcome.registry}: {requests}, {outcome.new} new, {outcome.edited} edited, {quota}"
    print(escape_control_characters(line), file=sys.stderr, flush=True)


def _ignore_progress(outcome: ChangeCrawlOutcome, quota: str) -> None:
    """Print no progress."""

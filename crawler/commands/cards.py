"""`observatory crawl cards`: fetch the new and changed model cards."""

from __future__ import annotations

import argparse
import json

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
from db.cli import escape_control_characters, positive_int, print_error
from db.registry_names import parse_registry


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "cards",
        "fetch the cards (README.md) of the latest list whose repositories have changed",
        "0 complete, 1 failed, 2 wrong usage, 3 partial: run the command again for the rest",
    )
    parser.add_argument(
        "registry", type=parse_registry, metavar="REGISTRY", help="huggingface/models or huggingface/spaces"
    )
    parser.add_argument(
        "--top", type=positive_int, default=1000, metavar="K", help="fetch down to rank K (default: 1000)"
    )
    add_crawl_options(parser)
    add_clock_option(parser, "the collection")
    add_quiet_option(parser)
    add_format_option(parser)
    parser.set_defaults(do=run_cards)


def run_cards(options: argparse.Namespace) -> int:
    """Fetch cards and return the exit code."""
    from crawler.endpoints import require_readable_hub_variable

    require_readable_hub_variable()
    from crawler.cards.crawl import crawl_cards

    outcome = crawl_cards(options.db, options.registry, options.top, make_crawl_options(options))
    report_failure(outcome.error)
    if options.format == "json":
        print(json.dumps({"schema": 1, "cards": outcome.as_json()}, ensure_ascii=False))
    else:
        print(escape_control_characters(outcome.as_text()))
        if outcome.error:
            print_error(error_from_json(outcome.error))
    return outcome.exit_code

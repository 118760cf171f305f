"""`observatory crawl check`: the assumptions a crawl rests on, tried."""

from __future__ import annotations

import argparse
import json

from crawler.commands import Subparsers, add_command, add_crawl_options, add_format_option, make_crawl_options
from db.cli import DONE, FAILED, escape_control_characters


def add_parser(subparsers: Subparsers) -> None:
    """Add the word."""
    word = add_command(
        subparsers, "check", "try the assumptions the crawl of a registry rests on, with a handful of requests"
    )
    word.add_argument("registry", metavar="REGISTRY", help="huggingface/models, npm, pypi, …")
    add_crawl_options(word)
    add_format_option(word)
    word.set_defaults(do=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Try the assumptions a crawl rests on."""
    from crawler.api_check import check_registry, format_table

    found = check_registry(options.db, options.registry, make_crawl_options(options))
    if options.format == "json":
        print(json.dumps({"schema": 1, "registry": options.registry, "assumptions": found}, ensure_ascii=False))
    else:
        print(escape_control_characters(format_table(options.registry, found)))
    verdicts = {one["verdict"] for one in found}
    return DONE if "holds" in verdicts and "differs" not in verdicts else FAILED

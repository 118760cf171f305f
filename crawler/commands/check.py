"""`observatory crawl check`: test what the crawler assumes about the API of a registry."""

from __future__ import annotations

import argparse
import json

from crawler.commands import Subparsers, add_command, add_crawl_options, add_format_option, make_crawl_options
from db.cli import DONE, FAILED, escape_control_characters
from db.registry_names import parse_registry


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    summary = "test what the crawler assumes about the API of a registry, with a few requests"
    parser = add_command(subparsers, "check", summary, aliases=("check-api",))
    parser.add_argument("registry", type=parse_registry, metavar="REGISTRY", help="huggingface/models, npm, pypi, …")
    add_crawl_options(parser)
    add_format_option(parser)
    parser.set_defaults(do=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Test the assumptions about a registry and return the exit code."""
    from crawler.api_check import check_registry, format_table
    from crawler.registries import resolve_registry
    from db.stored_registries import load_stored_registries

    registry = resolve_registry(options.registry, load_stored_registries(options.db))
    results = check_registry(options.db, registry, make_crawl_options(options))
    if options.format == "json":
        print(json.dumps({"schema": 1, "registry": registry, "assumptions": results}, ensure_ascii=False))
    else:
        print(escape_control_characters(format_table(registry, results)))
    verdicts = {result["verdict"] for result in results}
    return DONE if "holds" in verdicts and "differs" not in verdicts else FAILED

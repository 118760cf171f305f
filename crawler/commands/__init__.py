"""The words of `observatory crawl`: one file each, found by being here; and the options that several of them take."""

from __future__ import annotations

import argparse
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from db.cli import add_common_options

if TYPE_CHECKING:
    from crawler.fetching.settings import CrawlOptions

Subparsers = argparse._SubParsersAction


def load_commands() -> Iterator[Callable[[Subparsers], None]]:
    """The function of each word that adds it to a parser, in the order of their files."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        yield import_module(f"{__name__}.{module.name}").add_parser


def add_command(subparsers: Subparsers, name: str, summary: str, **more: str) -> argparse.ArgumentParser:
    """A word with the options every command has."""
    added = subparsers.add_parser(name, help=summary, description=summary, **more)
    add_common_options(added)
    return added


def add_crawl_options(parser: argparse.ArgumentParser) -> None:
    """How to behave towards a registry."""
    parser.add_argument("--contact", help="your e-mail or page, told to the registry (or OBSERVATORY_CONTACT)")
    parser.add_argument(
        "--share",
        type=_parse_fraction,
        default=1.0,
        metavar="PART",
        help="of the quota to use, above 0 up to 1 (default: 1)",
    )
    parser.add_argument(
        "--patience", type=float, default=120.0, metavar="SECONDS", help="to keep trying one page (default: 120)"
    )
    parser.add_argument(
        "--pause", type=float, metavar="SECONDS", help="between two requests (default: Ecosyste.ms 1, the Hub 0)"
    )


def add_format_option(parser: argparse.ArgumentParser) -> None:
    """For whom to print."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for a person or a program")


def add_storage_options(parser: argparse.ArgumentParser) -> None:
    """What dates a snapshot, and what is kept of it."""
    parser.add_argument(
        "--clock", choices=("local", "registry"), default="local", help="whose clock dates the snapshot"
    )
    parser.add_argument(
        "--keep-bodies", type=int, default=400, metavar="DAYS", help="that page bodies are kept (default: 400; 0: not)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")


def make_crawl_options(options: argparse.Namespace) -> CrawlOptions:
    """The behaviour that the options ask for."""
    from crawler.fetching.settings import CrawlOptions

    polite = (options.contact, options.share, options.patience, options.pause)
    return CrawlOptions(*polite, debug=getattr(options, "debug", False))


def _parse_fraction(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a part above 0 and up to 1")
    return share

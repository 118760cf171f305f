"""The commands of `observatory crawl`, one file each, and the options that several of them share."""

from __future__ import annotations

import argparse
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from crawler.contact import find_contact, parse_contact
from db.cli import CommandParser, add_common_options, add_hidden_alias

if TYPE_CHECKING:
    from crawler.fetching.settings import CrawlOptions

Subparsers: TypeAlias = "argparse._SubParsersAction[CommandParser]"


def load_commands() -> Iterator[Callable[[Subparsers], None]]:
    """Yield the function of each file that adds its command to a parser, in the order of the files."""
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        yield import_module(f"{__name__}.{name}").add_parser


def add_command(
    subparsers: Subparsers, name: str, summary: str, exit_codes: str | None = None, aliases: tuple[str, ...] = ()
) -> argparse.ArgumentParser:
    """Add a command with the options that every command has."""
    epilog = f"exit codes: {exit_codes}" if exit_codes else None
    parser = subparsers.add_parser(name, help=summary, description=summary, epilog=epilog, aliases=aliases)
    add_common_options(parser)
    return parser


def add_crawl_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that sends requests."""
    parser.add_argument(
        "--contact",
        type=parse_contact,
        help="your e-mail address or page, sent to the registry (or OBSERVATORY_CONTACT)",
    )
    quota_share = parser.add_argument(
        "--quota-share", type=_parse_fraction, default=1.0, metavar="FRACTION",
        help="use this share of the quota, above 0 up to 1 (default: 1)",
    )  # fmt: skip
    retry_for = parser.add_argument(
        "--retry-for", type=float, default=120.0, metavar="SECONDS", help="retry one page for this long (default: 120)"
    )
    delay = parser.add_argument(
        "--delay", type=float, metavar="SECONDS", help="wait between two requests (default: Ecosyste.ms 1, the Hub 0)"
    )
    for option, alias in ((quota_share, "--share"), (retry_for, "--patience"), (delay, "--pause")):
        add_hidden_alias(parser, option, alias)


def add_format_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for the form of the output."""
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="print for a person or for a program"
    )


def add_quiet_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that turns progress off."""
    parser.add_argument("--quiet", action="store_true", help="print no progress")


def add_clock_option(parser: argparse.ArgumentParser, dated: str) -> None:
    """Add the option for the clock that dates the stored rows."""
    parser.add_argument("--clock", choices=("local", "registry"), default="local", help=f"the clock that dates {dated}")


def add_storage_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the date of a snapshot and for the stored bodies."""
    add_clock_option(parser, "the snapshot")
    body_retention = parser.add_argument(
        "--body-retention", type=int, default=400, metavar="DAYS",
        help="keep the bodies of pages for this long (default: 400; 0: not at all)",
    )  # fmt: skip
    add_hidden_alias(parser, body_retention, "--keep-bodies")
    add_quiet_option(parser)


def make_crawl_options(options: argparse.Namespace) -> CrawlOptions:
    """Return the crawl options of a command line.

    Raises:
        UsageError: the contact of the environment cannot be sent, or nobody can be reached by it.
    """
    from crawler.fetching.settings import CrawlOptions

    return CrawlOptions(
        find_contact(options.contact), options.quota_share, options.retry_for, options.delay,
        clock=getattr(options, "clock", "local"), keep_bodies_days=getattr(options, "body_retention", 400),
        quiet=getattr(options, "quiet", False), debug=getattr(options, "debug", False),
    )  # fmt: skip


def _parse_fraction(text: str) -> float:
    try:
        fraction = float(text)
    except ValueError:
        fraction = 0.0
    if not 0 < fraction <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a fraction above 0 and up to 1")
    return fraction

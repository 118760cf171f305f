"""`python -m analysis.show`: everything that the store has about one package. It never writes to the store."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Sequence

from analysis.lookup.fetching import END_OF_TIME, SqlRow, end_of_day, fetch_rows, open_for_lookup
from analysis.lookup.near_names import name_patterns, nearest_names
from analysis.lookup.package import SCHEMA, build_document, find_packages, format_day, summarize_package
from analysis.lookup.package_text import render_package, render_summaries
from analysis.lookup.plain_table import terminal_width
from analysis.stored_registries import list_registries, require_registry
from db import ObservatoryError, UsageError, __version__
from db.cli import DONE, create_parser, escape_control_characters, parse_day, run_command
from db.registry_names import parse_registry
from db.rows import ORDERS

MAX_CANDIDATES = 300


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command."""
    parser = create_parser(
        "observatory show", "Show one package: its names, ranks and counters over time, parents, children and events."
    )
    parser.add_argument("name", metavar="NAME", help="its name, a former name, or its id")
    parser.add_argument("--registry", type=parse_registry, metavar="R", help="the registry, if several have the name")
    parser.add_argument("--by", choices=ORDERS, default="downloads", help="the order of the lists")
    parser.add_argument("--as-of", metavar="DATE", type=parse_day, help="only what was observed on this day or earlier")
    parser.add_argument("--format", choices=("json", "text"), default="text", help="json or text (default: text)")
    parser.set_defaults(do=run_show)
    return parser


def run_show(options: argparse.Namespace) -> int:
    """Print everything about the package, or a short text if several registries have the name."""
    until = end_of_day(options.as_of)
    with open_for_lookup(options.db) as connection:
        rows = select_packages(connection, options.name, options.registry, until)
        leading = newest_by_registry(rows, options.name)
        if len(leading) > 1:
            print_summaries(leading, options.format)
            return DONE
        others = [row for row in rows if row is not leading[0]]
        document = build_document(connection, leading[0], others, options.by, until)
    if options.format == "json":
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        print(escape_control_characters(render_package(document, terminal_width())))
    return DONE


def print_summaries(rows: Sequence[SqlRow], form: str) -> None:
    """Print a short text, or a short document, about several packages."""
    summaries = [summarize_package(row) for row in rows]
    if form == "json":
        document = {"schema": SCHEMA, "generated_by": f"hub-observatory {__version__}", "packages": summaries}
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        print(escape_control_characters(render_summaries(summaries)))


def select_packages(connection: sqlite3.Connection, name: str, registry: str | None, until: int) -> list[SqlRow]:
    """Return the packages that have or had a name, or have it as their id.

    Raises:
        UsageError: there is no such registry, or only other registries have the name.
        ObservatoryError: no package has the name.
    """
    if registry is not None:
        registry = require_registry(connection, registry)
    rows = find_packages(connection, name, until)
    if not rows:
        later = [row for row in find_packages(connection, name, END_OF_TIME) if registry in (None, row["registry"])]
        raise later_name_error(name, until, later) if later else unknown_name_error(connection, name, registry)
    in_registry = [row for row in rows if registry in (None, row["registry"])]
    if not in_registry:
        raise wrong_registry_error(name, str(registry), [row["registry"] for row in rows])
    return in_registry


def newest_by_registry(rows: Sequence[SqlRow], name: str) -> list[SqlRow]:
    """Return one package for each registry: one that has the name now before one that had it, the last seen first.

    >>> rows = [{"registry": "npm", "name": name, "package": name, "seen_at": at} for name, at in (("a", 1), ("b", 2))]
    >>> [row["name"] for row in newest_by_registry(rows, "a")]
    ['a']
    """
    newest: dict[str, SqlRow] = {}
    for row in sorted(rows, key=lambda row: (name in (row["name"], row["package"]), row["seen_at"])):
        newest[row["registry"]] = row
    return [newest[registry] for registry in sorted(newest)]


def wrong_registry_error(name: str, registry: str, registries: Sequence[str]) -> UsageError:
    """Return the error for a name that only other registries have."""
    return UsageError(
        f"{registry} has no package called {name!r} in this store.",
        why=f"It is in {', '.join(sorted(set(registries)))}.",
        fix=f"Add --registry {registries[0]}, or omit --registry.",
        more="docs/commands.md",
    )


def later_name_error(name: str, until: int, rows: Sequence[SqlRow]) -> ObservatoryError:
    """Return the error for a name that was observed only after the day of --as-of."""
    first = format_day(min(row["first_seen_at"] for row in rows))
    return ObservatoryError(
        f"{name!r} was not observed up to {format_day(until - 1)}; it is first seen on {first}.",
        fix=f"Use --as-of {first} or a later day, or import an older list with `observatory crawl import`.",
        more="docs/commands.md",
    )


def unknown_name_error(connection: sqlite3.Connection, name: str, registry: str | None) -> ObservatoryError:
    """Return the error for a name that no package has, with the names that resemble it."""
    patterns = json.dumps(name_patterns(name))
    rows = fetch_rows(
        connection, "similar_names", patterns=patterns, name=name, registry=registry, limit=MAX_CANDIDATES
    )
    names = nearest_names(name, [row["name"] for row in rows])
    place = registry or ", ".join(list_registries(connection)) or "this store"
    return ObservatoryError(
        f"There is no package called {name!r} in {place}.",
        why=f"Similar names: {', '.join(names)}." if names else "No package of a stored list has a similar name.",
        fix="Write the name as its registry writes it. A package that no snapshot lists is not in the store.",
        more="docs/commands.md",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(make_parser, argv)


if __name__ == "__main__":
    sys.exit(main())

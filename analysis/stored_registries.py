"""The registries of a store, under the names that people give them on a command line."""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Sequence

from db import UsageError
from db.cli import did_you_mean
from db.registry_names import match_registry, parse_registry


def add_registries_option(parser: argparse.ArgumentParser) -> None:
    """Add --registry, which selects registries of the store and may be repeated."""
    parser.add_argument(
        "--registry", metavar="R", type=parse_registry, action="append", default=[],
        help="only this registry; may be repeated",
    )  # fmt: skip


def list_registries(connection: sqlite3.Connection) -> list[str]:
    """Return the names of the registries of the store."""
    return [str(name) for (name,) in connection.execute("SELECT name FROM registry ORDER BY name")]


def require_registry(connection: sqlite3.Connection, name: str) -> str:
    """Return the registry of a name, or of the name that its service gives it.

    Raises:
        UsageError: the store has no such registry.
    """
    registries = list_registries(connection)
    registry = match_registry(name, connection.execute("SELECT name, service_name FROM registry"))
    if registry not in registries:
        raise UsageError(
            f"The store has no registry called {name!r}.",
            why=did_you_mean(name, registries),
            fix=f"It has: {', '.join(registries) or 'none yet'}.",
            more="docs/commands.md",
        )
    return registry


def select_registries(connection: sqlite3.Connection, requested: Sequence[str]) -> tuple[str, ...]:
    """Return the requested registries, or all registries of the store.

    Raises:
        UsageError: a requested registry is not in the store.
    """
    names = [require_registry(connection, name) for name in requested]
    return tuple(dict.fromkeys(names or list_registries(connection)))

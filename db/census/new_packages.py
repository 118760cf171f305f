"""New packages of a census, which are inserted directly, because there is nothing to compare them with."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from db.ids import compact_id, short_hash
from db.rows import Observation
from db.store import PageParameters

HAS_PACKAGES_BY_NAME = (
    "SELECT EXISTS (SELECT 1 FROM package WHERE registry_id = ? AND key >= 'name:' AND key < 'name;')"
)


def has_packages_by_name(connection: sqlite3.Connection, registry: int) -> bool:
    """Return whether a registry has packages of which only the name is known."""
    return bool(connection.execute(HAS_PACKAGES_BY_NAME, (registry,)).fetchone()[0])


def write_new_packages(
    connection: sqlite3.Connection, term_ids: Mapping[tuple[str, str], int], parameters: PageParameters,
    observations: Sequence[Observation], fingerprints: Sequence[int],
) -> list[int]:  # fmt: skip
    """Insert new packages with their attributes and libraries but without lineage, and return their numbers."""
    (last,) = connection.execute("SELECT coalesce(max(package_id), 0) FROM package").fetchone()
    numbers = list(range(last + 1, last + 1 + len(observations)))
    registry, at = parameters["registry"], parameters["at"]
    connection.executemany(
        "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, created_at, modified_at,"
        " revision, downloads, likes, downloads_all_time, trending, dependents, dependent_repos, seen_at, fingerprint)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, registry, compact_id(package.stable_id), package.name, short_hash(package.name), at,
             package.created_at, package.modified_at, compact_id(package.sha), package.downloads, package.likes,
             package.downloads_all_time, package.trending, package.dependents, package.dependent_repos, at, fingerprint)
            for number, package, fingerprint in zip(numbers, observations, fingerprints, strict=True)
        ],
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO package_attribute (package_id, term_id, valid_from) VALUES (?, ?, 0)",
        [
            (number, term_ids[name, value])
            for number, package in zip(numbers, observations, strict=True)
            for name, value in package.attributes.items()
            if value is not None
        ],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO package_library_interval (package_id, term_id, valid_from) VALUES (?, ?, 0)",
        [
            (number, term_ids[kind, name])
            for number, package in zip(numbers, observations, strict=True)
            for name, kind in package.libraries or ()
        ],
    )
    return numbers

"""Packages that a census shows for the first time: straight into their tables, for there is nothing to compare with."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from db.ids import compact_id, short_hash
from db.rows import Observation

HAS_PACKAGES_BY_NAME = (
    "SELECT EXISTS (SELECT 1 FROM package WHERE registry_id = ? AND key >= 'name:' AND key < 'name;')"
)


def has_packages_by_name(connection: sqlite3.Connection, registry: object) -> bool:
    """Whether a registry has packages of which only a name is known: a new id may be one of them."""
    return bool(connection.execute(HAS_PACKAGES_BY_NAME, (registry,)).fetchone()[0])


def write_new_packages(
    connection: sqlite3.Connection, term_ids: Mapping[tuple[str, str], int], values: Mapping[str, object],
    observations: Sequence[Observation], fingerprints: Sequence[int],
) -> list[int]:  # fmt: skip
    """Write new packages with their attributes and libraries, but not yet their lineage; their numbers."""
    (last,) = connection.execute("SELECT coalesce(max(package_id), 0) FROM package").fetchone()
    numbers = list(range(last + 1, last + 1 + len(observations)))
    registry, at = values["registry"], values["at"]
    connection.executemany(
        "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, created_at, modified_at,"
        " revision, downloads, likes, downloads_all_time, trending, dependents, dependent_repos, seen_at, fingerprint)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, registry, compact_id(one.stable_id), one.name, short_hash(one.name), at, one.created_at,
             one.modified_at, compact_id(one.sha), one.downloads, one.likes, one.downloads_all_time, one.trending,
             one.dependents, one.dependent_repos, at, fingerprint)
            for number, one, fingerprint in zip(numbers, observations, fingerprints, strict=True)
        ],
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO package_attribute (package_id, term_id, valid_from) VALUES (?, ?, 0)",
        [
            (number, term_ids[said])
            for number, one in zip(numbers, observations, strict=True)
            for said in one.attributes.items()
            if said[1] is not None
        ],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO package_library_interval (package_id, term_id, valid_from) VALUES (?, ?, 0)",
        [
            (number, term_ids[kind, name])
            for number, one in zip(numbers, observations, strict=True)
            for name, kind in one.libraries or ()
        ],
    )
    return numbers

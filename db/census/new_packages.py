"""Packages that a census shows for the first time: straight into their tables, for there is nothing to compare with."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from db.ids import compact, short_hash
from db.rows import Observation

ANY_BY_NAME = "SELECT EXISTS (SELECT 1 FROM package WHERE registry_id = ? AND key >= 'name:' AND key < 'name;')"


def may_be_known_by_name(connection: sqlite3.Connection, registry: object) -> bool:
    """Whether a registry has packages of which only a name is known: a new id may be one of them."""
    return bool(connection.execute(ANY_BY_NAME, (registry,)).fetchone()[0])


def write(
    connection: sqlite3.Connection, words: Mapping[tuple[str, str], int], values: Mapping[str, object],
    seen: Sequence[Observation], fingerprints: Sequence[int],
) -> list[int]:  # fmt: skip
    """Write new packages with their attributes and libraries, but not yet their lineage; their numbers."""
    (last,) = connection.execute("SELECT coalesce(max(package_id), 0) FROM package").fetchone()
    numbers = list(range(last + 1, last + 1 + len(seen)))
    registry, at = values["registry"], values["at"]
    connection.executemany(
        "INSERT INTO package (package_id, registry_id, key, name, name_hash, known_at, created_at, modified_at,"
        " revision, downloads, likes, downloads_all_time, trending, dependents, dependent_repos, seen_at, fingerprint)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, registry, compact(one.stable_id), one.name, short_hash(one.name), at, one.created_at,
             one.modified_at, compact(one.sha), one.downloads, one.likes, one.downloads_all_time, one.trending,
             one.dependents, one.dependent_repos, at, fingerprint)
            for number, one, fingerprint in zip(numbers, seen, fingerprints, strict=True)
        ],
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO package_attribute (package_id, word_id, since) VALUES (?, ?, 0)",
        [
            (number, words[said])
            for number, one in zip(numbers, seen, strict=True)
            for said in one.attributes.items()
            if said[1] is not None
        ],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO package_use (package_id, word_id, since) VALUES (?, ?, 0)",
        [
            (number, words[kind, name])
            for number, one in zip(numbers, seen, strict=True)
            for name, kind in one.libraries or ()
        ],
    )
    return numbers

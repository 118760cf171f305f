"""Migration 0009: an older store reads as before, and its ended snapshots keep their digests."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from db.connection import PRAGMAS, open_for_writing
from db.maintenance.check import BROKEN, check_store
from db.migrate import load_migrations
from db.rows import RELATIONS
from db.store import compute_digest
from tests.db.builders import query, run_in_child
from tests.db.store.test_kill import call_at_statements

READ = {
    "package": "package_id, registry_id, stable_id, name, created_at, modified_at, sha, downloads, likes,"
    " downloads_all_time, trending, dependents, dependent_repos, seen_at, fingerprint",
    "alias": "package_id, name, since, until",
    "attribute": "package_id, name, value, since, until",
    "package_library": "package_id, library, kind, since, until",
    "lineage_edge": "child_id, parent_id, parent_name, relation, since, until",
    "v1_ranking": "*", "v1_alias": "*", "v1_attribute": "*", "v1_library": "*", "v1_lineage_edge": "*",
}  # fmt: skip
RENAMED = {"since": "valid_from", "until": "valid_to"}  # by migration 0012, in all but the stable views
DIGEST_ROWS = """
SELECT k.rank, (SELECT a.name FROM alias a WHERE a.package_id = k.package_id AND a.since <= s.taken_at
                ORDER BY a.since DESC LIMIT 1) AS name,
       k.downloads, k.likes, k.downloads_all_time, k.trending, k.dependents, k.dependent_repos
FROM ranking k JOIN snapshot s ON s.snapshot_id = k.snapshot_id WHERE k.snapshot_id = ? ORDER BY k.rank
"""
NAMES = [f"maker-{number % 5}/model-{number}" for number in range(40)] + ["123", "gpt2", "grüße/模型"]


def make_older_store(path: Path) -> sqlite3.Connection:
    """Return a store with the migrations up to 0008."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS.strip().splitlines():
        connection.execute(pragma)
    load_migrations().apply(Database(connection), stop_before="0009_compact")
    return connection


def compute_old_digest(connection: sqlite3.Connection, snapshot: int) -> str:
    """Return the digest as version 0008 computed it."""
    rows = connection.execute(DIGEST_ROWS, (snapshot,))
    return hashlib.sha256(b"".join(json.dumps(list(row)).encode() + b"\n" for row in rows)).hexdigest()


def fill_older_store(connection: sqlite3.Connection, rng: random.Random, packages: int = 60) -> None:
    """Save packages of every kind with histories of every kind, and two ended snapshots that list them."""
    connection.execute("BEGIN")
    connection.execute("INSERT INTO registry VALUES (1, 'huggingface/models', 'huggingface', 'models')")
    connection.execute("INSERT INTO registry VALUES (2, 'npm', 'ecosystems', NULL)")
    for package in range(1, packages + 1):
        _package(connection, rng, package)
    for package in range(1, packages + 1):
        _edges(connection, rng, package, packages)
    for snapshot, at in ((1, 1_790_000_000), (2, 1_790_086_400)):
        connection.execute(
            "INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source, evidence,"
            " settings, taken_at, started_at)"
            " VALUES (?, 1, 'top', 'downloads', 'c', 100, 'crawl', 's', 'e', '{}', ?, 1)",
            (snapshot, at),
        )
        packages_of_list = rng.sample(range(1, packages + 1), packages // 2)
        connection.executemany(
            "INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (?, ?, ?, 0, ?)",
            [(snapshot, rank, package, 1000 - rank) for rank, package in enumerate(packages_of_list, 1)],
        )
        connection.execute("INSERT INTO finding VALUES (?, 'rows', 'pass', 'all', 'all')", (snapshot,))
        connection.execute(
            "UPDATE snapshot SET status = 'complete', ended_at = 9, depth = ?, digest = ? WHERE snapshot_id = ?",
            (len(packages_of_list), compute_old_digest(connection, snapshot), snapshot),
        )
    connection.execute("COMMIT")


def _random_intervals(rng: random.Random) -> list[tuple[int, int | None]]:
    """Return one to three intervals, some with a gap behind them, the last one often open."""
    moments = sorted(rng.sample(range(1_780_000_000, 1_795_000_000, 3_600), 6))
    spans: list[tuple[int, int | None]] = [(moments[0], None)]
    for later in range(rng.choice((0, 0, 1, 2))):
        spans[-1] = (spans[-1][0], moments[2 * later + rng.choice((1, 2))])
        spans.append((moments[2 * later + 2], None))
    return [*spans[:-1], (spans[-1][0], rng.choice((None, None, moments[5])))]


def _package(connection: sqlite3.Connection, rng: random.Random, package: int) -> None:
    key = rng.choice((f"{0x621FFDC1:08x}{package:016x}", f"name:{NAMES[package % 43]}{package}", f"{package:024X}"))
    sha = rng.choice((None, f"{package:040x}", "not a hash", f"{package:040X}", f"{package:024x}"))
    numbers = [rng.choice((None, 0, rng.randrange(10**9))) for _ in range(7)]
    name = rng.choice(NAMES)
    connection.execute(
        "INSERT INTO package VALUES (?, ?, ?, ?, ?, 1790000000, ?, ?, ?, ?, 0.5, ?, ?, ?, ?)",
        (package, rng.choice((1, 1, 2)), key, name, numbers[0], sha, *numbers[1:6], 1_790_000_000 + package,
         numbers[6]),
    )  # fmt: skip
    spans = _random_intervals(rng)
    spans[-1] = (spans[-1][0], None) if rng.random() < 0.9 else spans[-1]
    names = [rng.choice(NAMES) for _ in spans[1:]] + [name if rng.random() < 0.9 else rng.choice(NAMES)]
    for former_name, span in zip(names, spans, strict=True):
        connection.execute("INSERT INTO alias VALUES (?, ?, ?, ?)", (package, former_name, *span))
    for attribute in rng.sample(("task", "library", "licence", "gated", "tags"), 3):
        for span in _random_intervals(rng):
            value = rng.choice(("text", "other", '["a","b"]', "", "größer"))
            connection.execute("INSERT INTO attribute VALUES (?, ?, ?, ?, ?)", (package, attribute, value, *span))
    for library, kind in (
        ("transformers", "library"),
        ("text", "format"),
        ("größer", rng.choice(("library", "tracker"))),
    ):
        for span in _random_intervals(rng):
            connection.execute("INSERT INTO package_library VALUES (?, ?, ?, ?, ?)", (package, library, kind, *span))


def _edges(connection: sqlite3.Connection, rng: random.Random, child: int, packages: int) -> None:
    for relation in rng.sample(RELATIONS, 2):
        parent = rng.choice((None, child, rng.randrange(1, packages + 1)))
        (now,) = connection.execute("SELECT max(name) FROM package WHERE package_id = ?", (parent,)).fetchone()
        for span in _random_intervals(rng):
            for name in {now or "123", rng.choice(NAMES)}:  # a renamed parent may have edges under both names
                connection.execute(
                    "INSERT INTO lineage_edge VALUES (?, ?, ?, ?, ?, ?)", (child, parent, name, relation, *span)
                )


def read_rows(path: Path) -> dict[str, list[str]]:
    """Return all rows that are read from the store, sorted."""
    is_renamed = query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'name_history'") == [(1,)]
    new = RENAMED if is_renamed else {}
    columns = {name: ", ".join(new.get(column, column) for column in old.split(", ")) for name, old in READ.items()}
    return {name: sorted(map(repr, query(path, f"SELECT {columns[name]} FROM {name}"))) for name in READ}


@pytest.mark.parametrize("seed", range(3))
def test_migration_0009_keeps_all_rows_and_digests(path: Path, seed: int) -> None:
    old = make_older_store(path)
    fill_older_store(old, random.Random(seed))
    old.close()
    earlier_rows = read_rows(path)
    assert all(earlier_rows.values())
    with open_for_writing(path) as database:
        assert database.conn.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert [compute_digest(database.conn, snapshot) for snapshot in (1, 2)] == [
            row[0] for row in query(path, "SELECT digest FROM snapshot ORDER BY snapshot_id")
        ]
    assert read_rows(path) == earlier_rows
    assert not [result for result in check_store(path) if result.verdict == BROKEN and result.name != "pages"]


def is_killed_at(path: Path, moment: int) -> bool:
    """Upgrade in a process that is killed at a statement. Return False if the process ended before."""

    def run() -> None:
        call_at_statements(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == moment else None)
        with open_for_writing(path):
            pass

    return os.waitpid(run_in_child(run), 0)[1] != 0


def count_kills(path: Path, step: int) -> int:
    """Kill the upgrade at every step-th statement, check the store and repeat it. Return the number of kills."""
    old = make_older_store(path)
    fill_older_store(old, random.Random(9), 20)
    old.close()
    content, earlier_rows = path.read_bytes(), read_rows(path)
    for count, moment in enumerate(range(1, 1000, step)):
        for side in ("-wal", "-shm"):
            Path(f"{path}{side}").unlink(missing_ok=True)
        path.write_bytes(content)
        if not is_killed_at(path, moment):
            return count
        assert read_rows(path) == earlier_rows
        with open_for_writing(path):
            pass
        assert read_rows(path) == earlier_rows
        assert query(path, "PRAGMA integrity_check") == [("ok",)]
    raise AssertionError("an upgrade has more statements than expected")


@pytest.mark.ci
@pytest.mark.fault("A1")
def test_a_store_whose_upgrade_is_killed_at_some_statement_is_unchanged(path: Path) -> None:
    assert count_kills(path, 29) > 2


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault("A1")
def test_a_store_whose_upgrade_is_killed_at_any_statement_is_unchanged(path: Path) -> None:
    assert count_kills(path, 1) > 60

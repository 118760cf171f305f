"""Migration 0012: tables and columns are renamed, and the stable views of an older store give the same rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from db import migrate
from db.connection import PRAGMAS, open_for_writing
from db.maintenance.check import BROKEN, check_store
from db.migrate import load_migrations
from db.store import Store
from db.store.changes import ChangeStore
from db.ticks import load_schedule_state
from tests.db.builders import query

VIEWS = "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND name LIKE 'v1\\_%' ESCAPE '\\' ORDER BY name"
KEY = "0123456789abcdef01234567"
INTERNAL = ("alias", "attribute", "package_library", "lineage_edge")
# Every table that is renamed, or has a renamed column, with a row for each case; three crawls are half way.
ROWS = """
INSERT INTO registry VALUES (1, 'huggingface/models', 'huggingface', 'models');
INSERT INTO registry VALUES (7, 'npm', 'ecosystems', NULL);
INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source, evidence, settings,
    taken_at, started_at, value_after) VALUES
    (1, 1, 'top', 'downloads', 'last-30-days', 2, 'crawl', 'x', 'its clock', '{}', 86400, 86400, 4.5),
    (2, 1, 'full', 'downloads', 'census:last-30-days', NULL, 'crawl', 'x', 'its clock', '{}', 90000, 90000, NULL),
    (3, 1, 'top', 'likes', 'likes', 2, 'crawl', 'x', 'its clock', '{"a": 1}', 172800, 172800, NULL),
    (4, 7, 'full', 'downloads', 'census:names', NULL, 'crawl', 'x', 'its clock', '{}', 172800, 172800, NULL);
INSERT INTO page VALUES
    (1, 0, 'ranking', 'u', 86400, 200, 2, 'x', '{}', 1, 0, 2, 2, 0, 1, 0, 0, NULL),
    (3, 0, 'ranking', 'u', 172800, 200, 2, 'x', '{}', NULL, NULL, 1, 1, 0, 0, 0, 0, 'https://hub.example/next'),
    (4, 0, 'ranking', 'u', 172800, 200, 2, 'x', '{}', NULL, NULL, 1, 1, 0, 0, 0, 0, 'https://eco.example/next');
INSERT INTO body VALUES (1, 0, 'redacted', x'00');
INSERT INTO package (package_id, registry_id, key, name, name_hash, known_at, created_at, revision, downloads, seen_at)
    VALUES (1, 1, 'id-a', 'maker/now', short_hash('maker/now'), 1000, 500, x'01', 9, 172800),
           (2, 1, x'0123456789abcdef01234567', 'maker/b', short_hash('maker/b'), 86400, NULL, NULL, NULL, 86400),
           (3, 7, 'lodash', 'lodash', short_hash('lodash'), 172800, NULL, NULL, NULL, 172800);
INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (1, 1, 1, 0, 9), (1, 2, 2, 0, 5);
INSERT INTO ranking (snapshot_id, rank, package_id, page, likes) VALUES (3, 1, 1, 0, 3);
INSERT INTO reject VALUES (1, 0, 2, 'no id', '{}');
INSERT INTO finding VALUES (1, 'G1 end', 'pass', 'all', 'all'), (2, 'G1 end', 'pass', 'all', 'all');
INSERT INTO presence VALUES (1, 'downloads', 1.0);
INSERT INTO quality_event VALUES (1, 1, 1, 1, 'renamed', 'note', 'maker/old', 'maker/now', 'same stable id', 86400);
INSERT INTO membership VALUES (1, 'downloads', 'last-30-days', 1000, 1, 86400, 172800);
INSERT INTO result VALUES (1, 'turnover', 1, 'turnover', 1000, NULL, 0.5, 0.4, 0.6, 9, '', 86500);
INSERT INTO naming VALUES (1, 'maker/old', 0, 85400), (1, 'maker/now', 85400, NULL);
INSERT INTO word VALUES (1, 'task', 'text', short_hash('text')), (2, 'task', 'image', short_hash('image')),
    (3, 'library', 'peft', short_hash('peft'));
INSERT INTO package_attribute VALUES (1, 1, 0, 85400), (1, 2, 85400, NULL);
INSERT INTO package_use VALUES (1, 3, 0, 171800), (2, 3, 0, NULL);
INSERT INTO edge VALUES (1, 2, 0, 85400, NULL, ''), (2, 'name:gone/base', 4, 0, 10, '');
INSERT INTO census VALUES (2, 2, 2, 0);
INSERT INTO census_page VALUES (4, 0, 'lodash', '{}', x'00');
INSERT INTO observation_block VALUES (1, 1, 0, 2, 2, 1, x'00');
INSERT INTO look (look_id, registry_id, source, started_at) VALUES (1, 1, 'x', 1), (2, 1, 'x', 3);
INSERT INTO look_page VALUES (1, 0, 'modified', 'u', 2, 200, 9, 'x', '{}', 10, 1, 2, 3, 4, 0, NULL);
INSERT INTO look_page VALUES (2, 0, 'modified', 'u', 2, 200, 9, 'x', '{}', 10, 1, 2, 3, 4, 0, 'https://hub.example/2');
UPDATE look SET status = 'bounded', reason = 'too few pages', ended_at = 2 WHERE look_id = 1;
INSERT INTO feed VALUES (1, 'modified', 100, 200, 'https://hub.example/2', 2), (1, 'created', 150, NULL, NULL, 1);
INSERT INTO absence VALUES (1, 90000, 86400, 'maker/now', 'unknown', 2, 91000, 92000, NULL, NULL),
    (2, 90000, 86400, 'maker/b', 'renamed', 1, 91000, 91000, 'maker/c', 91000);
INSERT INTO tick VALUES (1, 'top', 60, 'time', 'done', NULL, 'report', 61, 62, 0, 1, 'a line'),
    (2, 'top', 120, 'time', 'interrupted', 'killed', 'report', 121, NULL, NULL, 1, 'the last line');
INSERT INTO card_collection VALUES (1, 1, 'crawl', 'x', NULL, 86400, 86400);
INSERT INTO card VALUES (1, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 3, 0, 0, 'none', NULL, x'00');
INSERT INTO card_field VALUES (1, 'license');
INSERT INTO card_revision VALUES (1, 86400, 90000, 'card', 1, 's', 't', 88000, 86400, 1, ''),
    (1, 90000, NULL, 'none', NULL, NULL, 'u', 90000, 90000, 1, 'a note');
INSERT INTO score VALUES (1, 'rules', '1', 'training', 'yes', 1.0, 0, 3, 'a heading', 86400);
UPDATE snapshot SET status = 'complete', ended_at = 9, depth = 2, digest = 'x' WHERE snapshot_id < 3;
"""


@pytest.fixture
def old_path(path: Path) -> Path:
    """Return a store of version 0011 with rows in every table."""
    database = make_old_store(path)
    database.conn.executescript(f"BEGIN;{ROWS}COMMIT;")
    database.close()
    return path


def make_old_store(path: Path) -> Database:
    """Return an empty store of version 0011."""
    database = Database(sqlite3.connect(path, isolation_level=None))
    for pragma in PRAGMAS.strip().splitlines():
        database.conn.execute(pragma)
    migrate.register_functions(database.conn)
    load_migrations().apply(database, stop_before="0012_plain_names")
    return database


def read_views(path: Path) -> dict[str, tuple[list[str], list[tuple[object, ...]]]]:
    """Return the columns and the sorted rows of every stable view."""
    return {
        name: (
            [column for (column,) in query(path, "SELECT name FROM pragma_table_info(?)", name)],
            sorted(query(path, f"SELECT * FROM {name}"), key=repr),
        )
        for name, _ in query(path, VIEWS)
    }


def upgrade(path: Path) -> None:
    with open_for_writing(path):
        pass


def test_the_stable_views_of_an_older_store_give_the_same_rows(old_path: Path) -> None:
    before = read_views(old_path)
    internal = {name: query(old_path, f"SELECT * FROM {name} ORDER BY 1, 2, 3, 4") for name in INTERNAL}
    assert all(rows for _, rows in before.values())
    upgrade(old_path)
    after = read_views(old_path)
    assert {name: after[name] for name in before} == before
    assert {name: query(old_path, f"SELECT * FROM {name} ORDER BY 1, 2, 3, 4") for name in INTERNAL} == internal


def test_an_upgraded_store_has_the_schema_of_a_new_store(old_path: Path, tmp_path: Path) -> None:
    upgrade(old_path)
    upgrade(tmp_path / "new.db")
    schema = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
    assert query(old_path, schema) == query(tmp_path / "new.db", schema)
    assert query(old_path, "PRAGMA foreign_key_check") == []
    faults = [result for result in check_store(old_path) if result.verdict == BROKEN]
    assert {result.name for result in faults} <= {"digests", "pages"}, "the rows are made up, and the schema holds"


def test_every_reference_is_to_a_table_that_exists(old_path: Path) -> None:
    upgrade(old_path)
    tables = {name for (name,) in query(old_path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in tables:
        targets = {name for (name,) in query(old_path, 'SELECT "table" FROM pragma_foreign_key_list(?)', table)}
        assert targets <= tables, table


def test_a_registry_may_be_of_any_service(old_path: Path) -> None:
    with open_for_writing(old_path) as database:
        database.conn.execute("INSERT INTO registry (name, service) VALUES ('shelf', 'a service to come')")
        with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: registry\.name"):
            database.conn.execute("INSERT INTO registry (name, service) VALUES ('npm', 'ecosystems')")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY constraint failed"):
            database.conn.execute("INSERT INTO change_crawl (registry_id, source, started_at) VALUES (99, 'x', 1)")


def test_what_was_half_way_is_resumed_after_the_upgrade(old_path: Path) -> None:
    with open_for_writing(old_path) as database:
        store, changes = Store(database), ChangeStore(database)
        (ranking,) = store.resumable_snapshots("huggingface/models", "likes", 2)
        assert (ranking.snapshot, ranking.settings) == (3, {"a": 1})
        assert ranking.last_page is not None and ranking.last_page.next_url == "https://hub.example/next"
        (names,) = store.resumable_snapshots("npm", "downloads", None)
        assert names.snapshot == 4
        cursors = {order: tuple(row)[1:] for order, row in changes.change_cursors("huggingface/models").items()}
        assert cursors == {"modified": (100, 200, "https://hub.example/2"), "created": (150, None, None)}
        (missing,) = changes.pending_missing("huggingface/models")
        assert (missing["package_id"], missing["missing_since"], missing["probes"]) == (1, 90_000, 2)
    (tick,) = load_schedule_state(old_path).unfinished
    assert (tick.due_at, tick.outcome, tick.last_line) == (120, "interrupted", "the last line")


def test_a_redacted_package_stays_redacted_if_the_upgrade_is_killed_at_its_end(old_path: Path) -> None:
    database = Database(sqlite3.connect(old_path, isolation_level=None))
    database.conn.execute("INSERT INTO redaction VALUES ('name', 'maker/b')")
    database.conn.executemany("INSERT INTO redacted VALUES (?)", [("maker/b",), (KEY,)])
    assert list_views_with(old_path, KEY), "views of this version are not redacted before the upgrade"
    migrate.register_functions(database.conn)
    load_migrations().apply(database)
    database.close()
    assert not list_views_with(old_path, KEY)
    assert list_views_with(old_path, "maker/now")


def list_views_with(path: Path, text: str) -> list[str]:
    """Return the stable views that show a text."""
    return [name for name, (_, rows) in read_views(path).items() if text in repr(rows)]

"""What is left out on request is in no stable view and in no export, and comes back when it is no longer asked for."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from analysis.export import main as export
from db.__main__ import main as look_after
from db.connection import open_for_reading, open_for_writing
from db.redactions import REDACTION_MARKER, _redacted_columns, install_redaction_views
from db.rows import Event, Observation, Parent, Registry
from db.store import Store
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import fill_store, make_model

HUB = Registry("huggingface/models", "huggingface")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with something in every table; texts in it quote names."""
    history = fill_store(tmp_path_factory.mktemp("redactions") / "made.db")
    says = {"tags": json.dumps(["base_model:stranger/base", "dataset:other/data"])}
    quoting = Observation("id-q", "quoting", downloads=1, attributes=says,
                          parents=(Parent("stranger/base", "merge", None),))  # fmt: skip
    history.add_snapshot("2026-02-01", [quoting, make_model("a", 5)])
    with open_for_writing(history.path) as database:
        Store(database).add_quality_events(
            HUB, [Event("renamed", "note", "maker/a became maker/b", "maker/a", "id-b")], 0
        )
    return history.path


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(tmp_path / "s.db")) as target:
        source.backup(target)
    return tmp_path / "s.db"


def redacted(store: Path, *entries: str) -> None:
    """Let the store heed these entries alone."""
    file = store.with_name("r.toml")
    file.write_text("".join(f"[[redaction]]\n{entry}\n" for entry in entries), "utf-8")
    assert look_after(["redact", str(file), "--db", str(store)]) == 0


def showing(store: Path, word: str) -> set[str]:
    """The stable views that show a word."""
    with open_for_reading(store) as connection:
        views = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v1_%'")
        ]
        return {
            view for view in views for row in connection.execute(f"SELECT * FROM {view}")
            if any(isinstance(cell, str) and word in cell for cell in row)
        }  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "gone", "stays"),
    [
        ('package = "id-a"', ("maker/a", "id-a"), ("maker/b", "lodash")),
        ('name = "lodash"', ("lodash",), ("maker/a", "@types/node")),
        ('author = "stranger"', ("stranger",), ("maker/a", "lodash")),
        ('author = "maker"', ("maker", "id-a", "id-b"), ("lodash", "quoting")),
    ],
)
def test_no_stable_view_shows_what_is_left_out(store: Path, entry: str, gone: tuple[str], stays: tuple[str]) -> None:
    before = {word: showing(store, word) for word in (*gone, *stays)}
    assert all(before.values()), "they are there to be left out"
    redacted(store, entry)
    assert {word: showing(store, word) for word in gone} == {word: set() for word in gone}
    for word in stays:  # an event that names both is withheld
        assert showing(store, word) >= before[word] - {"v1_quality_event"}, word
    redacted(store)
    assert {word: showing(store, word) for word in before} == before, "the rows were kept"


def test_a_package_of_an_author_that_came_later_is_left_out_too(store: Path) -> None:
    redacted(store, 'author = "later"')
    History(store).add_snapshot(
        "2026-04-01", [Observation("key-of-it", "later/model", downloads=9), make_model("a", 5)]
    )
    with open_for_writing(store):
        pass
    assert showing(store, "later/model") | showing(store, "key-of-it") == set()


def test_an_export_heeds_what_the_store_heeds_without_being_told(store: Path, tmp_path: Path) -> None:
    redacted(store, 'name = "maker/a"')
    assert export([str(tmp_path / "out"), "--db", str(store), "--format", "jsonl,parquet"]) == 0
    assert b"maker/a" not in b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.jsonl"))
    assert json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["redacted"]["packages"] == 1


def test_every_view_that_names_or_quotes_leaves_out_and_one_that_is_made_anew_does_so_again(store: Path) -> None:
    bare = "SELECT count(*) FROM sqlite_master WHERE type = 'view' AND name IN (SELECT value FROM json_each(?))"
    with open_for_writing(store) as database:
        named = json.dumps(sorted(_redacted_columns()))
        assert database.conn.execute(f"{bare} AND instr(sql, ?) = 0", (named, REDACTION_MARKER)).fetchone()[0] == 0
        database.conn.execute("DROP VIEW v1_alias")
        database.conn.execute("CREATE VIEW v1_alias AS\nSELECT stable_id AS package, name FROM package")
    redacted(store, 'name = "lodash"')
    assert "v1_alias" not in showing(store, "lodash")
    with open_for_writing(store) as database:
        before = database.schema
        install_redaction_views(database.conn)
        assert database.schema == before


def test_a_list_that_cannot_be_read_changes_nothing(store: Path, tmp_path: Path) -> None:
    redacted(store, 'name = "lodash"')
    (tmp_path / "bad.toml").write_text("[[redaction]]\n", "utf-8")
    assert look_after(["redact", str(tmp_path / "bad.toml"), "--db", str(store)]) == 1
    assert showing(store, "lodash") == set()

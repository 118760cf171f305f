"""Redacted names are in no stable view and no export, and return when the redaction is removed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from analysis.export import main as export
from analysis.report import main as report
from db.__main__ import main as run_store
from db.connection import open_for_reading, open_for_writing
from db.redaction_views import install_redaction_views, redacted_columns
from db.rows import Event, Observation, Parent, Registry
from db.store import Store
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import fill_store, make_model

HUB = Registry("huggingface/models", "huggingface")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with rows in every table, and with texts that quote names."""
    history = fill_store(tmp_path_factory.mktemp("redactions") / "made.db")
    says = {"tags": json.dumps(["base_model:stranger/base", "dataset:other/data"])}
    quoting = Observation(
        "id-q", "quoting", downloads=1, attributes=says, parents=(Parent("stranger/base", "merge", None),)
    )
    history.add_snapshot("2026-02-01", [quoting, make_model("a", 5)])
    with open_for_writing(history.path) as database:
        Store(database).add_quality_events(
            HUB, [Event("renamed", "note", "maker/a became maker/b", "maker/a", "id-b")], 0
        )
    return history.path


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Path:
    with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(tmp_path / "s.db")) as target:
        source.backup(target)
    return tmp_path / "s.db"


def redact(store: Path, *entries: str) -> None:
    """Replace the redactions of a store."""
    file = store.with_name("r.toml")
    file.write_text("".join(f"[[redaction]]\n{entry}\n" for entry in entries), "utf-8")
    assert run_store(["redact", str(file), "--db", str(store)]) == 0


def views_with(store: Path, word: str) -> set[str]:
    """Return the stable views that contain a word."""
    with open_for_reading(store) as connection:
        views = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v1_%'")
        ]
        return {
            view
            for view in views
            for row in connection.execute(f"SELECT * FROM {view}")
            if any(isinstance(cell, str) and word in cell for cell in row)
        }


@pytest.mark.parametrize(
    ("entry", "hidden", "visible"),
    [
        ('package = "id-a"', ("maker/a", "id-a"), ("maker/b", "lodash")),
        ('name = "lodash"', ("lodash",), ("maker/a", "@types/node")),
        ('author = "stranger"', ("stranger",), ("maker/a", "lodash")),
        ('author = "https://huggingface.co/Maker"', ("maker", "id-a", "id-b"), ("lodash", "quoting")),
        ('author = "@MAKER/"', ("maker", "id-a", "id-b"), ("lodash", "quoting")),
        ('name = " MAKER/A "', ("maker/a", "id-a"), ("maker/b", "lodash")),
        ('package = "ID-A"', ("maker/a", "id-a"), ("maker/b", "lodash")),
        ('name = "https://huggingface.co/Stranger/Base/tree/main"', ("stranger/base",), ("maker/a", "lodash")),
        ('name = "Transformers"', ("transformers",), ("maker/a", "lodash")),
        ('author = "Types"', ("@types/node",), ("maker/a", "lodash")),
    ],
)
def test_no_stable_view_shows_a_redacted_name(store: Path, entry: str, hidden: tuple[str], visible: tuple[str]) -> None:
    before = {word: views_with(store, word) for word in (*hidden, *visible)}
    assert all(before.values()), "the names are visible before the redaction"
    redact(store, entry)
    assert {word: views_with(store, word) for word in hidden} == {word: set() for word in hidden}
    for word in visible:  # an event that names both is withheld
        assert views_with(store, word) >= before[word] - {"v1_quality_event"}, word
    redact(store)
    assert {word: views_with(store, word) for word in before} == before, "the rows are kept"


def test_a_spelling_that_its_registry_takes_for_the_same_is_redacted(store: Path) -> None:
    pypi = Registry("pypi", "ecosystems", "pypi.example")
    rows = [Observation("my-pkg", "my-pkg", downloads=2), Observation("my", "my", downloads=1)]
    History(store).add_snapshot("2026-04-01", rows, registry=pypi, counter="last-month")
    redact(store, 'name = "My_.Pkg"')
    assert views_with(store, "my-pkg") == set() and "v1_ranking" in views_with(store, "my")


def test_a_score_of_a_card_that_only_a_redacted_package_has_is_in_no_view(store: Path) -> None:
    with open_for_reading(store) as connection:
        (blob,) = connection.execute("SELECT blob FROM v1_card WHERE package = 'id-b' AND blob IS NOT NULL").fetchone()
    assert views_with(store, blob) == {"v1_card", "v1_score"}
    redact(store, 'name = "maker/B"')
    assert views_with(store, blob) == set()


def test_a_name_within_a_word_is_no_quotation_and_keeps_its_text(store: Path) -> None:
    redact(store, 'name = "mit"\n[[redaction]]\nname = "node"')
    assert "v1_attribute" not in views_with(store, "license:mit")
    with open_for_writing(store) as database:
        events = [Event("k", "note", text) for text in ("permitted in nodes", "a Node")]
        Store(database).add_quality_events(HUB, events, 0)
    assert views_with(store, "permitted in nodes") == {"v1_quality_event"} and views_with(store, "a Node") == set()


@pytest.mark.parametrize(
    "report_format", ["text", "json", *(pytest.param(name, marks=pytest.mark.ci) for name in ("html", "markdown"))]
)
def test_no_report_names_a_redacted_package(
    store: Path, report_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_for_writing(store) as database:
        Store(database).add_quality_events(HUB, [Event("told", "warning", "the fall of Maker/A", None, None)], 0, 1)
    words = ("maker/a", "stranger")
    assert report(["--db", str(store), "--format", report_format]) == 0
    before = capsys.readouterr().out.lower()
    redact(store, 'name = "MAKER/a"', 'author = "Stranger"')
    assert report(["--db", str(store), "--format", report_format]) == 0
    after = capsys.readouterr().out.lower()
    assert "maker/a" in before and not any(word in after for word in words)
    assert "maker/b" in after


def test_a_later_package_of_a_redacted_author_is_omitted_too(store: Path) -> None:
    redact(store, 'author = "later"')
    later = Observation("key-of-it", "later/model", downloads=9)
    History(store).add_snapshot("2026-04-01", [later, make_model("a", 5)])
    assert views_with(store, "later/model") | views_with(store, "key-of-it") == set()


def test_a_writer_that_may_not_wait_leaves_the_redacted_names_to_the_next_writer(store: Path) -> None:
    redact(store, 'author = "later"')
    count = "SELECT count(*) FROM redacted_name WHERE name = 'later/model'"
    with open_for_writing(store, patient=False) as database:
        database.conn.execute("UPDATE package SET name = 'later/model' WHERE name = 'maker/b'")
    with open_for_reading(store) as connection:
        assert connection.execute(count).fetchone()[0] == 0
    with open_for_writing(store) as database:
        assert database.conn.execute(count).fetchone()[0] == 1


def test_an_export_applies_the_redactions_of_the_store(store: Path, tmp_path: Path) -> None:
    redact(store, 'name = "maker/a"')
    assert export([str(tmp_path / "out"), "--db", str(store), "--format", "jsonl,parquet"]) == 0
    assert b"maker/a" not in b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.jsonl"))
    assert json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["redacted"]["packages"] == 1


def test_every_view_with_names_or_quotes_is_redacted_also_after_it_was_recreated(store: Path) -> None:
    bare = "SELECT count(*) FROM sqlite_master WHERE type = 'view' AND name IN (SELECT value FROM json_each(?))"
    with open_for_writing(store) as database:
        names = json.dumps(sorted(redacted_columns()))
        assert database.conn.execute(f"{bare} AND instr(sql, 'FROM redacted_') = 0", (names,)).fetchone()[0] == 0
        database.conn.execute("DROP VIEW v1_alias")
        database.conn.execute("CREATE VIEW v1_alias AS\nSELECT stable_id AS package, name FROM package")
    redact(store, 'name = "lodash"')
    assert "v1_alias" not in views_with(store, "lodash")
    with open_for_writing(store) as database:
        before = database.schema
        install_redaction_views(database.conn)
        assert database.schema == before


def test_a_file_that_cannot_be_read_changes_nothing(store: Path, tmp_path: Path) -> None:
    redact(store, 'name = "lodash"')
    (tmp_path / "bad.toml").write_text("[[redaction]]\n", "utf-8")
    assert run_store(["redact", str(tmp_path / "bad.toml"), "--db", str(store)]) == 1
    assert views_with(store, "lodash") == set()

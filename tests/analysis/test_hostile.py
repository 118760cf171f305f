"""A store made by a stranger: it is read or refused, nothing in it runs, and no traceback is shown."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.export import main as export
from analysis.report import main as report
from db.__main__ import main as store
from tests.analysis.conftest import History, descending_rows

SHADOW = "SELECT 1 AS rank, load_extension('/tmp/x') AS name"
TRIGGER = "CREATE TRIGGER hostile AFTER {} BEGIN INSERT INTO registry (name, service) VALUES ('x', 'huggingface'); END"
MANIPULATIONS = {
    "a view that loads an extension": f"DROP VIEW v1_ranking; CREATE VIEW v1_ranking AS {SHADOW};",
    "a view that reads a file": "DROP VIEW v1_snapshot;"
    " CREATE VIEW v1_snapshot AS SELECT readfile('/etc/passwd') AS s;",
    "a view that writes a file": "DROP VIEW v1_result; CREATE VIEW v1_result AS SELECT writefile('{folder}/out', 'x');",
    "a view without end": "DROP VIEW v1_alias; CREATE VIEW v1_alias AS SELECT * FROM v1_alias;",
    "a trigger on reading": TRIGGER.format("INSERT ON snapshot") + ";",
    "a trigger that deletes": "CREATE TRIGGER h AFTER INSERT ON result BEGIN DELETE FROM snapshot; END;",
    "a table in the place of a view": "DROP VIEW v1_ranking; CREATE TABLE v1_ranking (rank, name);",
    "a table that is gone": "DROP TABLE ranking;",
    "a column that is gone": "DROP VIEW v1_finding; ALTER TABLE finding RENAME COLUMN rule TO rules;",
    "text for a number": "CREATE TABLE n (a); INSERT INTO n SELECT * FROM ranking_depth; DROP TABLE ranking_depth;"
    " CREATE TABLE ranking_depth (k TEXT); INSERT INTO ranking_depth VALUES ('{{7*7}}');",
    "a blob for a text": "DROP TRIGGER IF EXISTS snapshot_ended; PRAGMA writable_schema = ON;"
    " UPDATE registry SET name = CAST(x'ff00fe' AS TEXT);",
    "markup for a name": "UPDATE registry SET name = '<script>alert(1)</script>';",
    "a path for a name": "UPDATE registry SET name = '../../../etc/cron.d/x';",
    "an escape for a name": "UPDATE registry SET name = char(27) || ']8;;http://x' || char(7);",
    "migrations of the future": "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
    " VALUES ('observatory', '9999_x', 'now');",
    "no migrations": "DROP TABLE _sqlite_migrations;",
    "another application": "PRAGMA application_id = 7;",
    "a schema of nonsense": "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE VIEW x AS SELECT ('"
    " WHERE name = 'v1_ranking';",
    "a root page of another": "PRAGMA writable_schema = ON;"
    " UPDATE sqlite_master SET rootpage = 2 WHERE name = 'ranking';",
    "a deep view": "CREATE VIEW d0 AS SELECT 1 AS a; "
    + " ".join(f"CREATE VIEW d{n} AS SELECT * FROM d{n - 1} UNION ALL SELECT * FROM d{n - 1};" for n in range(1, 60)),
}
ALWAYS_TRIED = ("a view that reads a file",)


@pytest.fixture(scope="module")
def sound_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small store."""
    history = History(tmp_path_factory.mktemp("sound") / "s.db")
    history.set_depths(2, 4)
    for day in (1, 8):
        history.add_snapshot(f"2026-01-0{day}", descending_rows("abcdef"))
    history.compute_pending()
    with sqlite3.connect(history.path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return history.path


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ALWAYS_TRIED else pytest.mark.slow) for name in MANIPULATIONS]
)
@pytest.mark.fault("E9")
def test_nothing_in_a_store_of_a_stranger_runs(
    name: str, sound_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.db"
    shutil.copy(sound_store, path)
    connection = sqlite3.connect(path)
    connection.executescript(MANIPULATIONS[name].replace("{folder}", str(tmp_path)))
    connection.close()
    before = path.read_bytes()
    commands: list[tuple[Callable[[list[str]], int], list[str]]] = [
        (store, ["check", "--db", str(path)]),
        (report, ["--db", str(path)]),
        (report, ["--db", str(path), "--format", "html", "--out", "r.html"]),
        (export, ["out", "--db", str(path), "--format", "jsonl,csv"]),
    ]
    for command, words in commands:
        assert command(words) in (0, 1)
        output = capsys.readouterr()
        for unexpected in ("Traceback", "mistake of ours", "bug in hub-observatory"):
            assert unexpected not in output.err, output.err
        assert "\x1b" not in output.out + output.err
    assert path.read_bytes() == before
    assert {file.name.partition(".db")[0] for file in tmp_path.iterdir()} <= {"hostile", "r.html", "out"}
    page = tmp_path / "r.html"
    assert not page.exists() or "<script>alert" not in page.read_text("utf-8")

"""`python -m db`: what its words print, and how they end."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from db.__main__ import main
from db.connection import open_for_writing
from db.maintenance.schema import load_schema
from db.migrate import FOLDER
from db.store import Store
from tests.db.builders import query, take_snapshot

MIGRATIONS = [file.stem for file in sorted(FOLDER.glob("*.sql"))]
Told = tuple[int, str, str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """What a command line prints: the exit code, stdout and stderr."""

    def run(*words: object) -> Told:
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


def test_help_needs_nothing_heavy() -> None:
    line = "import sys; from db.__main__ import make_parser; make_parser(); print('sqlite_utils' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout == "False\n"


def test_migrate_says_what_it_applied(path: Path, told: Callable[..., Told]) -> None:
    assert told("migrate", "--db", path) == (0, "".join(f"applied now {name}\n" for name in MIGRATIONS), "")
    assert told("migrate", "--db", path) == (0, "nothing is pending\n", "")


def test_migrate_list_makes_nothing(path: Path, told: Callable[..., Told]) -> None:
    assert told("migrate", "--list", "--db", path) == (0, "".join(f"pending     {name}\n" for name in MIGRATIONS), "")
    assert not path.exists()
    told("migrate", "--db", path)
    assert told("migrate", "--list", "--db", path)[1].startswith("applied     0001_snapshots\n")


def test_migrate_tells_a_program_what_it_did(path: Path, told: Callable[..., Told]) -> None:
    document = json.loads(told("migrate", "--format", "json", "--db", path)[1])
    assert document["migrations"] == [{"migration": name, "state": "applied now"} for name in MIGRATIONS]
    assert (document["schema"], document["store"]) == (1, str(path))


def test_migrate_waits_for_nobody(path: Path, told: Callable[..., Told]) -> None:
    with open_for_writing(path):
        began = time.monotonic()
        code, _, errors = told("migrate", "--db", path)
    assert (code, "Another process" in errors) == (1, True)
    assert time.monotonic() - began < 1


def test_check_has_a_line_for_each_check(full: Path, told: Callable[..., Told]) -> None:
    code, said, errors = told("check", "--db", full)
    assert (code, errors) == (0, "")
    assert [line.split()[0] for line in said.splitlines()[:6]] == ["holds"] * 6


def test_check_tells_what_is_broken_and_what_to_do(full: Path, told: Callable[..., Told]) -> None:
    content = full.read_bytes()
    full.write_bytes(content.replace(b"owner-0/package-0", b"owner-0/pockage-0"))
    code, said, errors = told("check", "--db", full)
    assert code == 1
    assert "BROKEN digests: snapshot 1 does not hold what it held when it ended" in said
    assert [line.split()[0] for line in errors.splitlines()][:3] == ["error:", "why", "fix"]
    assert f"observatory store restore BACKUP --db {full}" in errors


def test_check_tells_a_program_what_is_broken(full: Path, told: Callable[..., Told]) -> None:
    full.write_bytes(full.read_bytes().replace(b"owner-0/package-0", b"owner-0/pockage-0"))
    code, said, _ = told("check", "--format", "json", "--db", full)
    broken = [one["check"] for one in json.loads(said)["checks"] if one["verdict"] == "BROKEN"]
    assert (code, broken) == (1, ["integrity", "digests"])


def test_check_of_nothing_says_that_there_is_nothing(path: Path, told: Callable[..., Told]) -> None:
    code, said, errors = told("check", "--db", path)
    assert (code, said) == (1, "")
    assert "There is no store" in errors


def test_backup_and_restore_bring_back_what_was(full: Path, tmp_path: Path, told: Callable[..., Told]) -> None:
    code, said, _ = told("backup", tmp_path / "backup.db", "--db", full)
    assert (code, "checked" in said) == (0, True)
    with open_for_writing(full) as database:
        take_snapshot(Store(database), ["x"])
    code, said, errors = told("restore", tmp_path / "backup.db", "--db", full)
    assert (code, errors) == (0, "")
    assert "what was there is kept as" in said and "holds  digests" in said
    assert query(full, "SELECT max(snapshot_id) FROM snapshot") == [(4,)]


@pytest.mark.parametrize("word", ["backup", "restore"])
def test_a_copy_of_nothing_is_refused(path: Path, tmp_path: Path, word: str, told: Callable[..., Told]) -> None:
    code, said, errors = told(word, tmp_path / "backup.db", "--db", path)
    assert (code, said) == (1, "")
    assert "There is no store" in errors
    assert [found.name for found in tmp_path.iterdir() if found.suffix != ".lock"] == []


def test_the_schema_makes_an_equal_store(told: Callable[..., Told]) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(told("schema")[1])
    assert (
        dict(connection.execute("SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        == load_schema()
    )


def test_the_schema_is_told_to_a_program(told: Callable[..., Told]) -> None:
    document = json.loads(told("schema", "--format", "json")[1])
    assert document["schema"] == 1
    assert document["definitions"]["table ranking_depth"].startswith("CREATE TABLE ranking_depth")
    page = told("schema", "--format", "markdown")[1]
    assert page.startswith("# The schema\n\n## table ") and "\n## table registry\n" in page


def test_the_dictionary_is_not_sql(told: Callable[..., Told]) -> None:
    code, _, errors = told("schema", "--dictionary", "--format", "sql")
    assert (code, "The dictionary is not SQL." in errors) == (2, True)


def test_a_wrong_word_is_a_wrong_use(told: Callable[..., Told]) -> None:
    code, _, errors = told("chekc")
    assert (code, "Did you mean check?" in errors) == (2, True)

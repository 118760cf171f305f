"""`python -m db`: what its commands print, and their exit codes."""

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
RunCli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Return a function that runs a command line: it returns the exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


def test_help_needs_nothing_heavy() -> None:
    line = "import sys; from db.__main__ import make_parser; make_parser(); print('sqlite_utils' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout == "False\n"


def test_migrate_prints_the_applied_migrations(path: Path, run_cli: RunCli) -> None:
    assert run_cli("migrate", "--db", path) == (0, "".join(f"applied now {name}\n" for name in MIGRATIONS), "")
    assert run_cli("migrate", "--db", path) == (0, "nothing is pending\n", "")


def test_migrate_list_creates_no_file(path: Path, run_cli: RunCli) -> None:
    assert run_cli("migrate", "--list", "--db", path) == (
        0,
        "".join(f"pending     {name}\n" for name in MIGRATIONS),
        "",
    )
    assert not path.exists()
    run_cli("migrate", "--db", path)
    assert run_cli("migrate", "--list", "--db", path)[1].startswith("applied     0001_snapshots\n")


def test_migrate_prints_json(path: Path, run_cli: RunCli) -> None:
    document = json.loads(run_cli("migrate", "--format", "json", "--db", path)[1])
    assert document["migrations"] == [{"migration": name, "state": "applied now"} for name in MIGRATIONS]
    assert (document["schema"], document["store"]) == (1, str(path))


def test_migrate_does_not_wait_for_another_writer(path: Path, run_cli: RunCli) -> None:
    with open_for_writing(path):
        began = time.monotonic()
        code, _, errors = run_cli("migrate", "--db", path)
    assert (code, "Another process" in errors) == (1, True)
    assert time.monotonic() - began < 1


def test_check_prints_a_line_for_each_check(full: Path, run_cli: RunCli) -> None:
    code, output, errors = run_cli("check", "--db", full)
    assert (code, errors) == (0, "")
    assert [line.split()[0] for line in output.splitlines()[:6]] == ["holds"] * 6


def test_check_prints_what_is_broken_and_how_to_fix_it(full: Path, run_cli: RunCli) -> None:
    content = full.read_bytes()
    full.write_bytes(content.replace(b"owner-0/package-0", b"owner-0/pockage-0"))
    code, output, errors = run_cli("check", "--db", full)
    assert code == 1
    assert "BROKEN digests: snapshot 1 differs from what it was when it ended" in output
    assert [line.split()[0] for line in errors.splitlines()][:3] == ["error:", "why", "fix"]
    assert f"observatory store restore BACKUP --db {full}" in errors


def test_check_prints_json(full: Path, run_cli: RunCli) -> None:
    full.write_bytes(full.read_bytes().replace(b"owner-0/package-0", b"owner-0/pockage-0"))
    code, output, _ = run_cli("check", "--format", "json", "--db", full)
    results = json.loads(output)["checks"]
    broken = [result["check"] for result in results if result["verdict"] == "BROKEN"]
    assert (code, broken) == (1, ["integrity", "digests"])


def test_check_without_a_store_reports_that_there_is_none(path: Path, run_cli: RunCli) -> None:
    code, output, errors = run_cli("check", "--db", path)
    assert (code, output) == (1, "")
    assert "There is no store" in errors


def test_backup_and_restore_restore_the_store(full: Path, tmp_path: Path, run_cli: RunCli) -> None:
    code, output, _ = run_cli("backup", tmp_path / "backup.db", "--db", full)
    assert (code, "checked" in output) == (0, True)
    with open_for_writing(full) as database:
        take_snapshot(Store(database), ["x"])
    code, output, errors = run_cli("restore", tmp_path / "backup.db", "--db", full)
    assert (code, errors) == (0, "")
    assert "the previous store is kept as" in output and "holds  digests" in output
    assert query(full, "SELECT max(snapshot_id) FROM snapshot") == [(4,)]


@pytest.mark.parametrize(
    ("command", "reason"), [("backup", "There is no store at"), ("restore", "There is no backup at")]
)
def test_a_copy_of_a_missing_file_is_refused(
    path: Path, tmp_path: Path, command: str, reason: str, run_cli: RunCli
) -> None:
    code, output, errors = run_cli(command, tmp_path / "backup.db", "--db", path)
    assert (code, output) == (1, "")
    assert reason in errors
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".lock"] == []


def test_the_printed_schema_creates_an_equal_store(run_cli: RunCli) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(run_cli("schema")[1])
    assert (
        dict(connection.execute("SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        == load_schema()
    )


def test_the_schema_is_printed_as_json(run_cli: RunCli) -> None:
    document = json.loads(run_cli("schema", "--format", "json")[1])
    assert document["schema"] == 1
    assert document["definitions"]["table ranking_depth"].startswith("CREATE TABLE ranking_depth")
    assert run_cli("schema", "--format", "markdown")[1].startswith("# The schema\n\n## table registry\n")


def test_the_dictionary_is_not_sql(run_cli: RunCli) -> None:
    code, _, errors = run_cli("schema", "--dictionary", "--format", "sql")
    assert (code, "The dictionary is not SQL." in errors) == (2, True)


def test_a_wrong_command_is_a_usage_error(run_cli: RunCli) -> None:
    code, _, errors = run_cli("chekc")
    assert (code, "Did you mean check?" in errors) == (2, True)

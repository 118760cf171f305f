"""Wrong commands are refused with their cause, before anything is computed or written."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from db.cli import describe_exception
from db.registry_names import parse_registry
from tests.analysis.conftest import History, descending_rows
from tests.db.builders import query

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with two lists of npm."""
    from db.rows import Registry

    history = History(tmp_path_factory.mktemp("wrong") / "observatory.db")
    for day in ("2026-01-01", "2026-01-09"):
        history.add_snapshot(day, descending_rows("abc"), registry=Registry("npm", "ecosystems", "npm.example"))
    return history.path


def observatory(store: Path, *words: str) -> tuple[int, str, str]:
    line = [sys.executable, "-m", "schedules.cli", *words, "--db", str(store)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_report_to_a_place_that_cannot_be_written_is_refused_before_it_is_computed(
    store: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "none" / "report.html"
    for path, why in ((missing, f"There is no folder {missing.parent}."), (tmp_path, "It is a folder.")):
        code, out, error = observatory(store, "report", "--out", str(path))
        assert (code, out) == (2, "")
        assert error.splitlines()[:2] == [f"error: The report cannot be written to {path}.", f"  why  {why}"]
    assert list(tmp_path.iterdir()) == []


def test_an_export_under_a_file_says_that_it_is_a_file(store: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, error = observatory(store, "export", str(tmp_path / "file" / "out"))
    assert code == 1
    assert "why  A part of the path is a file, not a folder." in error
    code, _, error = observatory(store, "export", str(tmp_path / "file"))
    assert code == 1
    assert "why  It is a file." in error


@pytest.mark.parametrize(
    ("number", "why"), [(errno.ENOSPC, "The disk is full."), (errno.EROFS, "The file system is read-only.")]
)
def test_an_error_of_the_system_is_told_in_words(number: int, why: str) -> None:
    error = describe_exception(OSError(number, "No words", "out/x"))
    assert (error.message, error.why) == ("out/x cannot be read or written.", why)


def test_a_missing_program_or_file_of_our_own_is_no_fault_of_the_users_path() -> None:
    error = describe_exception(FileNotFoundError(errno.ENOENT, "No such file or directory", "db/queries/none.sql"))
    assert (error.message.split(":")[0], error.why) == ("Unexpected error", "This is a bug in hub-observatory.")


def test_a_registry_is_found_under_its_usual_spellings(store: Path) -> None:
    for spelling in ("NPM", "npm.example"):
        code, out, _ = observatory(store, "top", spelling)
        assert code == 0 and out.startswith("npm by downloads"), spelling
    code, out, _ = observatory(store, "report", "--registry", "npm.example", "--format", "json")
    assert code == 0 and {row["registry"] for row in json.loads(out)["snapshots"]} == {"npm"}
    code, _, error = observatory(store, "report", "--registry", "npn")
    assert code == 2 and "Did you mean npm?" in error


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PyPI ", "PyPI"),
        ("Hugging Face", "huggingface/models"),
        ("hf/datasets", "huggingface/datasets"),
        ("huggingface.co/spaces", "huggingface/spaces"),
        ("https://huggingface.co/", "huggingface/models"),
        ("datasets", "huggingface/datasets"),
        ("cargo", "cargo"),
    ],
)
def test_a_spelling_of_a_registry_is_its_name(text: str, name: str) -> None:
    assert parse_registry(text) == name


@pytest.mark.parametrize(
    ("words", "contact", "error"),
    [
        (("--contact", "foo"), "", "error: --contact: 'foo' is neither an e-mail address nor a URL.\n"),
        ((), "Zoë zoe@lab.example", "error: OBSERVATORY_CONTACT is not a contact.\n  why  'Zoë zoe@lab.example' has"),
    ],
)
def test_a_contact_that_nobody_can_reach_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], contact: str, error: str
) -> None:
    store = tmp_path / "observatory.db"
    monkeypatch.setenv("OBSERVATORY_CONTACT", contact)
    code, _, output = observatory(store, "crawl", "snapshot", "npm", "pypi", *words)
    assert code == 2 and output.startswith(error)
    assert not store.exists()


def test_the_check_of_schedules_tells_every_fault_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('run = "report --tpo 5"\nevery = "1 day"\ngrase = "1 hour"\nthen = ["none"]\n')
    (tmp_path / "b.toml").write_text('run = "reprot"\nevery = "1 day"\n')
    line = [sys.executable, "-m", "schedules.cli", "schedule", "check", "--schedules", str(tmp_path)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    for fault in (
        "a: there is no key 'grase'",
        "a: then names 'none'",
        "b: run: there is no command 'reprot'",
        "--tpo",
    ):
        assert fault in done.stderr, fault
    assert "There are 4 faults in the schedules." in done.stderr


@pytest.mark.parametrize(
    ("line", "message", "why"),
    [
        ("crawl snapshto", "There is no command 'snapshto'.", "Did you mean snapshot?"),
        ("report --format pdff", "--format cannot be 'pdff'.", "It can be html, json, markdown, text."),
        ("crawl cards huggingface/models", "The store has no complete ranking of huggingface/models yet.", "The rank"),
        ("crawl import csv none.csv --registry npm --date 2022-01-01", "none.csv cannot be read.", "There is no such"),
        ("crawl import hub-api bad.gz --registry npm --date 2022-01-01", "bad.gz cannot be read.", "The compressed"),
        ("store redact none.toml", "The redactions cannot be read from none.toml.", "There is no such file"),
        ("store redact bad.gz", "The redactions cannot be read from bad.gz.", "Byte 2 is not UTF-8."),
        ("store restore bad.gz", "bad.gz is not a backup. Nothing was changed.", "It is not a SQLite file."),
    ],
)
def test_a_command_that_fails_says_why_in_words_and_leaves_no_store(
    tmp_path: Path, line: str, message: str, why: str
) -> None:
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8b\x08\x00")
    words = [sys.executable, "-m", "schedules.cli", *line.split(), "--db", "observatory.db"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2) and done.stdout == ""
    assert done.stderr.splitlines()[0] == f"error: {message}"
    assert done.stderr.splitlines()[1].startswith(f"  why  {why}")
    assert [file.name for file in tmp_path.iterdir()] == ["bad.gz"]


def test_a_list_is_imported_under_the_name_that_the_store_has_for_a_registry(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "observatory.db"
    shutil.copy(store, copy)
    (tmp_path / "list.csv").write_text("name,downloads\na,3\nb,2\n")
    words = ("--date", "2022-01-01", "--id", "name", "--value", "downloads", "--registry", "NPM.example")
    assert observatory(copy, "crawl", "import", "csv", str(tmp_path / "list.csv"), *words)[0] == 0
    assert query(copy, "SELECT registry, count(*) FROM v1_snapshot GROUP BY 1") == [("npm", 3)]
    code, out, _ = observatory(copy, "top", "npm.example", "--date", "2022-01-01")
    assert code == 0 and out.startswith("npm by downloads")


def test_a_folder_with_other_files_is_not_replaced_by_a_bundle(store: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    code, _, error = observatory(store, "export", str(tmp_path))
    assert code == 1
    assert error.splitlines()[:2] == [
        f"error: {tmp_path} is not replaced: it is not a bundle.",
        "  why  It has no manifest.json.",
    ]
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "line",
    [
        "export {out} --format sqlite --db {store}",
        "store backup {out} --db {store}",
        "crawl import csv {rows} --registry npm --date 2022-01-01 --id name --value downloads --db {out}",
    ],
)
def test_a_disk_without_room_is_foreseen_and_leaves_no_half_file(store: Path, tmp_path: Path, line: str) -> None:
    rows, folder = tmp_path / "list.csv", tmp_path / "folder"
    folder.mkdir()
    rows.write_text("name,downloads\n" + "".join(f"package-{number},{9000 - number}\n" for number in range(9000)))
    command = line.format(out=folder / "out", store=store, rows=rows)
    limited = f"ulimit -f 40; exec {sys.executable} -m schedules.cli {command}"
    done = subprocess.run(["bash", "-c", limited], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "bug" not in done.stderr and "  fix  " in done.stderr
    assert list(folder.iterdir()) == []

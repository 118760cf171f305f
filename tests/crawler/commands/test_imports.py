"""Many past lists in one run of the command, and the statements about a list that are refused."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from sqlite_utils import Database

from crawler import importers
from db.connection import open_for_writing
from db.migrate import load_migrations
from db.rows import Registry
from db.store import Store
from tests.crawler.conftest import CrawlRun
from tests.db.builders import take_snapshot
from tests.forked_crawl import start_crawl_command, wait_for_process
from tests.simulated import ROOT

Import = Callable[..., CrawlRun]
SNAPSHOTS = "SELECT date, counter, registry, source, depth FROM v1_snapshot ORDER BY snapshot"
COLUMNS = ("--id", "name", "--value", "count", "--counter", "last-month")


@pytest.fixture
def run_import(warmed: None, tmp_path: Path) -> Import:
    """Run `observatory crawl import …` in the folder of the test, in a process of its own."""

    def run(*words: str, form: str = "text") -> CrawlRun:
        db, out, errors = (tmp_path / name for name in ("store.db", "out", "errors"))
        paths = [str(tmp_path / word) if word.endswith((".csv", ".gz")) else word for word in words]
        arguments = ["import", *paths, "--db", str(db), "--format", form]
        code = wait_for_process(start_crawl_command(arguments, os.environ, out, errors))
        return CrawlRun(code, out.read_text("utf-8"), errors.read_text("utf-8"), db)

    return run


def write_list(folder: Path, name: str, names: Sequence[str]) -> str:
    """Write a list with falling counts, and return the name of its file."""
    rows = [f"{package},{1000 - position}" for position, package in enumerate(names)]
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(["name,count", *rows]), "utf-8")
    return name


def test_files_are_imported_in_the_order_of_the_dates_in_their_names(run_import: Import, tmp_path: Path) -> None:
    files = [
        write_list(tmp_path, "top_20220901.csv", ["a", "b"]),
        write_list(tmp_path, "top_2022-07-01.csv", ["a", "c"]),
        write_list(tmp_path, "2022_08_01/top.csv", ["a", "d", "e"]),
    ]
    done = run_import("csv", *files, "--registry", "npm", "--date-from-name", *COLUMNS)
    assert done.exit_code == 0
    dates = [
        ("2022-07-01", "top_2022-07-01.csv", 2),
        ("2022-08-01", "top.csv", 3),
        ("2022-09-01", "top_20220901.csv", 2),
    ]
    assert [(date, source, depth) for date, _, _, source, depth in done.rows(SNAPSHOTS)] == dates
    lines = done.output.splitlines()
    assert lines[0].split() == ["FILE", "DATE", "STATUS", "ROWS", "REASON"]
    assert [line.split()[:4] for line in lines[1:4]] == [
        [source, date, "complete", str(depth)] for date, source, depth in dates
    ]
    assert lines[4] == "3 files: 3 complete"


def test_a_bad_file_does_not_stop_the_others_and_its_reason_is_printed(run_import: Import, tmp_path: Path) -> None:
    good = [write_list(tmp_path, f"2022-0{month}-01.csv", ["a", f"b{month}"]) for month in (1, 3)]
    (tmp_path / "2022-02-01.csv").write_text("package,count\na,1\n")
    words = ("--registry", "npm", "--date-from-name", *COLUMNS)
    done = run_import("csv", *good, "2022-02-01.csv", "2022-04-01.csv", *words, form="json")
    imports = json.loads(done.output)["imports"]
    assert done.exit_code == 3
    assert [(line["date"], line["status"]) for line in imports] == [
        ("2022-01-01", "complete"), ("2022-02-01", "failed"), ("2022-03-01", "complete"), ("2022-04-01", "failed"),
    ]  # fmt: skip
    assert "There is no column 'name'" in imports[1]["reason"]
    assert "There is no such file" in imports[3]["reason"]
    assert done.rows("SELECT count(*) FROM snapshot") == [(2,)]
    failed = run_import("csv", "2022-02-01.csv", "2022-04-01.csv", *words)
    assert (failed.exit_code, failed.output.splitlines()[-1]) == (1, "2 files: 2 failed")


def test_an_error_that_stops_a_run_is_printed_after_what_is_stored(
    run_import: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write_list(tmp_path, f"2022-0{month}-01.csv", ["a", f"b{month}"]) for month in (1, 2, 3, 4)]
    store_list = importers.store_list

    def store_until_the_disk_is_full(store: Store, file: str, *rest: object) -> object:
        if "2022-03" in file:
            raise sqlite3.OperationalError("database or disk is full")
        return store_list(store, file, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(importers, "store_list", store_until_the_disk_is_full)
    done = run_import("csv", *files, "--registry", "npm", "--date-from-name", *COLUMNS)
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == "2 files: 2 complete"
    assert done.errors.startswith("error: The store cannot be read or written: database or disk is full.\n")


def test_a_partial_list_ends_like_a_partial_crawl(run_import: Import, tmp_path: Path) -> None:
    (tmp_path / "2022-01-01.csv").write_text("place,name\n1,a\n9,b\n")
    words = ("--registry", "npm", "--date-from-name", "--id", "name", "--rank", "place")
    done = run_import("csv", "2022-01-01.csv", *words)
    assert (done.exit_code, done.output[:8]) == (3, "partial ")


@pytest.mark.fault("D12")
def test_every_file_without_a_usable_date_is_reported_before_any_import(run_import: Import, tmp_path: Path) -> None:
    names = ["good_2022-07-01.csv", "none.csv", "a_2022-07-01_2022-08-01.csv", "b_2022-13-01.csv", "c_2031-01-01.csv"]
    files = [write_list(tmp_path, name, ["a"]) for name in names]
    done = run_import("csv", *files, "--registry", "npm", "--date-from-name", *COLUMNS)
    assert (done.exit_code, done.db.exists()) == (2, False)
    assert "4 of 5 files cannot be imported as stated" in done.errors
    faults = [line for line in done.errors.splitlines() if ".csv: " in line]
    for name, fault in zip(names[1:], ("neither", "2 dates", "no day of the calendar", "has not come"), strict=True):
        assert [fault in line for line in faults if f"{name}: " in line] == [True], name


def test_a_manifest_states_dates_and_what_differs_from_the_options(run_import: Import, tmp_path: Path) -> None:
    write_list(tmp_path, "old/first.csv", ["a", "b"])
    (tmp_path / "old" / "second.csv").write_text("p;n\nz;9\ny;8\n")
    (tmp_path / "old" / "lists.csv").write_text(
        "file,date,registry,counter,id,value,source\n"
        "second.csv,2022-08-01,pypi,last-30-days,p,n,a mirror\n"
        "first.csv,2022-07-01,,,,,\n"
    )
    words = ("csv", "--manifest", "old/lists.csv", "--registry", "npm", *COLUMNS)
    plan = run_import(*words, "--dry-run")
    assert (plan.exit_code, plan.db.exists(), plan.output.splitlines()[-1]) == (0, False, "2 files would be imported")
    done = run_import(*words)
    assert done.exit_code == 0
    assert done.rows(SNAPSHOTS) == [
        ("2022-07-01", "last-month", "npm", "first.csv", 2),
        ("2022-08-01", "last-30-days", "pypi", "a mirror", 2),
    ]


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("file,day\na.csv,2022-07-01\n", ["no heading 'date'", "'day' is not known"]),
        ("file,date,counter\na.csv,2022-07-01,lastweek\nb.csv,1.7.2022,\n", ["Did you mean last-week?", "'1.7.2022'"]),
        ("file,date,format\na.csv,2022-07-01,cvs\n,2022-07-01,\n", ["Did you mean csv?", "cell of the file is empty"]),
        ("file,date\n2022-07-01.csv,\n2022-08-01.csv\n", ["every file: the cell of the date is empty"]),
        ("file,date\n", ["has no row"]),
    ],
)
def test_a_manifest_with_faults_is_refused_whole(
    run_import: Import, tmp_path: Path, manifest: str, words: Sequence[str]
) -> None:
    write_list(tmp_path, "a.csv", ["a"])
    (tmp_path / "lists.csv").write_text(manifest)
    done = run_import("csv", "--manifest", "lists.csv", "--registry", "npm", *COLUMNS)
    assert (done.exit_code, done.db.exists()) == (2, False)
    assert [word for word in words if word not in done.errors] == []


def test_a_run_that_was_killed_is_completed_by_the_same_line(run_import: Import, tmp_path: Path) -> None:
    days = [f"2022-{month:02}-{day:02}" for month in range(1, 13) for day in (1, 8, 15, 22)]
    files = [write_list(tmp_path, f"{day}.csv", [f"p{(7 * index) % 90}-{day}" for index in range(90)]) for day in days]
    words = ("csv", *files, "--registry", "npm", "--date-from-name", *COLUMNS)
    arguments = ["import", *(str(tmp_path / word) if word in files else word for word in words)]
    db = tmp_path / "store.db"
    child = start_crawl_command([*arguments, "--db", str(db)], os.environ, tmp_path / "out", tmp_path / "errors")
    stored = 0
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
            (stored,) = connection.execute("SELECT count(*) FROM snapshot WHERE status = 'complete'").fetchone()
            if stored >= 3:
                os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    assert 3 <= stored < len(days)
    done = run_import(*words)
    assert done.exit_code == 0
    assert "stored before" in done.output.splitlines()[-1]
    complete = done.rows("SELECT date, depth FROM v1_snapshot WHERE status = 'complete' ORDER BY snapshot")
    assert complete == [(day, 90) for day in days]
    snapshots = done.rows(SNAPSHOTS)
    assert run_import(*words).output.splitlines()[-1] == f"{len(days)} files: {len(days)} stored before"
    assert done.rows(SNAPSHOTS) == snapshots


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--registry", "pypy", "--date", "2022-07-01"), "Did you mean pypi?"),
        (("--registry", "pypi", "--date", "2022-07-01", "--counter", "lastweek"), "Did you mean last-week?"),
        (("--registry", "pypi", "--date", "2022-07-01", "--top", "-5"), "'-5' is not a whole number above zero"),
        (("--registry", "pypi"), "--date"),
        (("--date", "2022-07-01"), "no --registry is stated"),
        (("--registry", "pypi", "--date", "2022-07-01", "--date-from-name"), "exclude each other"),
    ],
)
def test_a_misspelt_statement_is_wrong_usage_and_stores_nothing(
    run_import: Import, tmp_path: Path, words: Sequence[str], message: str
) -> None:
    done = run_import("csv", write_list(tmp_path, "a.csv", ["a"]), *COLUMNS[:4], *words)
    assert (done.exit_code, done.db.exists()) == (2, False)
    assert message in done.errors


def test_a_registry_and_a_counter_of_ones_own_are_accepted_in_so_many_words(run_import: Import, tmp_path: Path) -> None:
    file = write_list(tmp_path, "a.csv", ["a"])
    words = ("--registry", "attic", "--new-registry", "--counter", "other:stars", "--date", "2022-07-01")
    done = run_import("csv", file, "--id", "name", "--value", "count", *words)
    assert done.exit_code == 0
    assert [row[1:3] for row in done.rows(SNAPSHOTS)] == [("other:stars", "attic")]


def test_a_registry_of_the_store_is_found_in_any_capitals_and_so_is_a_public_one(
    run_import: Import, tmp_path: Path
) -> None:
    files = [write_list(tmp_path, f"2022-07-0{day}.csv", ["a", f"b{day}"]) for day in (1, 2, 3, 4)]
    words = ("--date-from-name", *COLUMNS)
    assert run_import("csv", files[0], "--registry", "Attic", "--new-registry", *words).exit_code == 0
    assert run_import("csv", files[1], "--registry", "attic", *words).exit_code == 0
    assert run_import("csv", files[2], "--registry", "Attic", *words).exit_code == 0
    done = run_import("csv", files[3], "--registry", "PyPI", *words)
    assert [row[2] for row in done.rows(SNAPSHOTS)] == ["Attic", "Attic", "Attic", "pypi"]


@pytest.mark.parametrize("with_record", [False, True], ids=["an empty file", "a record of migrations only"])
def test_a_store_that_its_first_writer_left_empty_is_filled(
    run_import: Import, tmp_path: Path, with_record: bool
) -> None:
    (tmp_path / "store.db").touch()
    if with_record:
        with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
            load_migrations().ensure_migrations_table(Database(connection))
    file = write_list(tmp_path, "2022-07-01.csv", ["a"])
    done = run_import("csv", file, "--registry", "npm", "--date-from-name", *COLUMNS)
    assert (done.exit_code, done.errors) == (0, "")
    assert done.rows("SELECT count(*) FROM snapshot") == [(1,)]


@pytest.mark.ci
def test_a_list_of_a_stored_registry_is_imported_without_scrapy(tmp_path: Path) -> None:
    db = tmp_path / "store.db"
    with open_for_writing(db) as database:
        take_snapshot(Store(database), ["a"], registry=Registry("npm", "ecosystems"))
    file = tmp_path / write_list(tmp_path, "2022-07-01.csv", ["a"])
    words = ["import", "csv", str(file), "--registry", "NPM", "--date-from-name", *COLUMNS, "--db", str(db)]
    code = "import sys; from crawler.__main__ import main; print(main(sys.argv[1:]), 'scrapy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 False"


def test_the_same_file_with_another_statement_is_refused_and_names_the_stored_snapshot(
    run_import: Import, tmp_path: Path
) -> None:
    words = (
        "csv",
        write_list(tmp_path, "a.csv", ["a", "b"]),
        "--registry",
        "npm",
        "--date",
        "2022-07-01",
        *COLUMNS[:4],
    )
    assert run_import(*words, "--counter", "last-month").exit_code == 0
    other_counter = run_import(*words, "--counter", "total")
    other_depth = run_import(*words, "--counter", "last-month", "--top", "1")
    assert (other_counter.exit_code, other_depth.exit_code) == (1, 1)
    assert "already stored as snapshot 1 of 2022-07-01, with counter last-month." in other_counter.errors
    assert "already stored as snapshot 1 of 2022-07-01, with all rows." in other_depth.errors
    assert other_depth.rows("SELECT count(*) FROM snapshot") == [(1,)]


def test_the_same_content_under_two_dates_is_a_warning_beside_its_numbers(run_import: Import, tmp_path: Path) -> None:
    files = [write_list(tmp_path, f"2022-07-0{day}.csv", [f"p{n}" for n in range(100)]) for day in (1, 8)]
    done = run_import("csv", *files, "--registry", "npm", "--date-from-name", *COLUMNS)
    assert done.exit_code == 0
    warning = "identical content to snapshot 1 of 2022-07-01"
    assert f"warning: {warning} (2022-07-08.csv)" in done.output
    assert done.rows("SELECT snapshot_id, kind, severity, evidence FROM quality_event") == [
        (2, "content_repeated", "warning", warning)
    ]


def test_a_day_before_the_registry_is_refused_unless_the_rows_are_as_old(run_import: Import, tmp_path: Path) -> None:
    done = run_import(
        "csv", write_list(tmp_path, "2009-12-31.csv", ["a"]), "--registry", "npm", "--date-from-name", *COLUMNS
    )
    assert (done.exit_code, done.db.exists()) == (1, False)
    assert "There was no list of npm on 2009-12-31." in done.errors
    rows = [
        {"_id": f"{n:024x}", "id": f"a/m{n}", "downloads": 9 - n, "createdAt": "2019-12-01T00:00:00Z"} for n in (1, 2)
    ]
    (tmp_path / "models.csv").write_text(json.dumps(rows))
    words = ("hub-api", "models.csv", "--registry", "huggingface/models", "--date")
    assert run_import(*words, "2019-12-02").exit_code == 0
    assert run_import(*words, "2019-11-30").exit_code == 1


def test_the_kind_of_a_column_or_of_a_file_is_named(run_import: Import, tmp_path: Path) -> None:
    words = ("--registry", "npm", "--date", "2022-07-01")
    file = write_list(tmp_path, "a.csv", ["a", "b", "c"])
    swapped = run_import("csv", file, *words, "--id", "count", "--value", "name")
    assert swapped.exit_code == 1
    assert "'count' holds numbers, not names." in swapped.errors
    assert "Did you mean --id name --value count?" in swapped.errors
    other_format = run_import("hub-api", file, "--registry", "huggingface/models", "--date", "2022-07-01")
    assert "Line 1 is not JSON: 'name,count'" in other_format.errors
    assert "hub-api does not read a table of text. Did you mean `csv`?" in other_format.errors
    (tmp_path / "b.csv").write_text('[{"id": "a/b", "downloads": 1}]')
    assert "csv does not read JSON. Did you mean `hub-api`" in run_import("csv", "b.csv", *words, *COLUMNS).errors


def test_ranks_as_counts_and_names_against_the_date_are_refused(run_import: Import, tmp_path: Path) -> None:
    rows = [f"{name},{rank}" for rank, name in enumerate("abcd", 1)]
    (tmp_path / "ranks.csv").write_text("\n".join(["name,place", *rows]))
    words = ("--registry", "npm", "--date", "2022-07-01")
    ranks = run_import("csv", "ranks.csv", *words, "--id", "name", "--value", "place")
    assert ranks.exit_code == 1
    assert "'place' counts the rows from 1, so it holds ranks, not counts." in ranks.errors
    assert "Did you mean --rank place?" in ranks.errors
    files = [write_list(tmp_path, f"npm_2022-0{month}-01.csv", ["a", "b"]) for month in (7, 8)]
    mixed = run_import("csv", *files, *words, *COLUMNS)
    assert (mixed.exit_code, mixed.db.exists()) == (2, False)
    assert "its name says 2022-08-01, and 2022-07-01 is stated for every file: use --date-from-name" in mixed.errors


def test_moments_with_a_zone_and_nanoseconds_are_read_in_a_fresh_process(tmp_path: Path) -> None:
    moment = pyarrow.array([datetime(2025, 1, 10, tzinfo=UTC)], pyarrow.timestamp("ns", tz="Europe/Madrid"))
    columns = {"_id": ["0" * 23 + "1"], "id": ["a/b"], "downloads": [9], "createdAt": moment, "lastModified": moment}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "models.parquet")
    words = ["--registry", "huggingface/models", "--date", "2025-01-14", "--db", str(tmp_path / "store.db")]
    command = [sys.executable, "-m", "crawler", "import", "hub-stats", str(tmp_path / "models.parquet"), *words]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("SELECT created_at, modified_at FROM package").fetchall() == [
            (1736467200, 1736467200)
        ]


@pytest.mark.fault("D13")
def test_a_pipe_is_refused_before_it_is_read(run_import: Import, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for words in (("csv", *COLUMNS, "--registry", "npm"), ("hub-stats", "--registry", "huggingface/models")):
        ended = run_import(*words, "pipe.csv", "--date", "2022-07-01")
        assert (ended.exit_code, ended.db.exists()) == (1, False)
        assert "pipe.csv is a pipe or a device, not a file." in ended.errors

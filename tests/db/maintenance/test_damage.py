"""A damaged store is reported as damaged, without a traceback and without a write, and no changed list passes."""

from __future__ import annotations

import random
import shlex
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.__main__ import main
from db.maintenance.backup import back_up_store
from db.sql_files import load_statements
from tests.db.builders import query

PAGE = 4096

RunCheck = Callable[[Path], tuple[int, str, str]]


@pytest.fixture
def run_check(capsys: pytest.CaptureFixture[str]) -> RunCheck:
    """Return a function that checks a file: it returns the exit code, stdout and stderr."""

    def run(path: Path) -> tuple[int, str, str]:
        code = main(["check", "--db", str(path)])
        return code, *capsys.readouterr()

    return run


def read_content(path: Path) -> object:
    """Return the rows of every list of a store, with registry and date, or None if the store cannot be read."""
    view = (
        "SELECT registry, snapshot, date, rank, package, name, downloads, likes, downloads_all_time, trending,"
        ' dependents, dependent_repos, "by" FROM v1_ranking ORDER BY snapshot, rank'
    )
    try:
        numbers = [number for (number,) in query(path, "SELECT snapshot_id FROM snapshot")]
        rows = [query(path, load_statements("digest_rows")[0].replace(":snapshot", "?"), number) for number in numbers]
        return rows, query(path, view)
    except sqlite3.Error:
        return None


def damages(sound: bytes, hits: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged copies: changed bits, cut files, a header or a page of zeros, swapped pages."""
    rng = random.Random(20261123)
    for _ in range(hits):
        position, mask = rng.randrange(len(sound)), 1 << rng.randrange(8)
        yield f"byte {position}", sound[:position] + bytes([sound[position] ^ mask]) + sound[position + 1 :]
    for size in range(1, len(sound), max(1, len(sound) // 12)):
        yield f"cut at {size}", sound[:size]
    yield "header", bytes(100) + sound[100:]
    for first in range(PAGE, len(sound) - PAGE, PAGE * max(1, len(sound) // PAGE // 8)):
        yield f"page {first // PAGE} zero", sound[:first] + bytes(PAGE) + sound[first + PAGE :]
        page, next_page = sound[first : first + PAGE], sound[first + PAGE : first + 2 * PAGE]
        yield f"page {first // PAGE} swapped", sound[:first] + next_page + page + sound[first + 2 * PAGE :]


def undetected_damages(full: Path, run_check: RunCheck, hits: int) -> tuple[list[str], int]:
    """Return the damages that changed a list without being detected by `check`, and how many were detected."""
    sound, content = full.read_bytes(), read_content(full)
    undetected, detected = [], 0
    for number, (damage, damaged) in enumerate(damages(sound, hits)):
        path = full.with_name(f"damaged{number}.db")
        path.write_bytes(damaged)
        code, _, errors = run_check(path)
        assert path.read_bytes() == damaged, damage
        assert "Traceback" not in errors and "Unexpected error" not in errors, (damage, errors)
        assert (code == 0) == (errors == ""), damage
        detected += code
        if code == 0 and read_content(path) != content:
            undetected.append(damage)
        for file in full.parent.glob("damaged*"):
            file.unlink()
    return undetected, detected


@pytest.mark.ci
@pytest.mark.fault("A8")
def test_damage_that_changes_a_list_is_detected(full: Path, run_check: RunCheck) -> None:
    undetected, detected = undetected_damages(full, run_check, hits=70)
    assert undetected == []
    assert detected > 40


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A8")
def test_each_of_many_damages_that_changes_a_list_is_detected(full: Path, run_check: RunCheck) -> None:
    undetected, detected = undetected_damages(full, run_check, hits=2000)
    assert undetected == []
    assert detected > 500


@pytest.mark.fault("A8")
def test_the_advice_for_a_damaged_store_works_when_followed_literally(
    full: Path, run_check: RunCheck, capsys: pytest.CaptureFixture[str]
) -> None:
    content = read_content(full)
    back_up_store(full, full.with_name("my backup.db"))
    damaged = full.read_bytes()[: PAGE * 5]
    full.write_bytes(damaged)
    code, _, errors = run_check(full)
    assert code == 1
    lines = [shlex.split(line) for line in errors.splitlines() if line.strip().startswith(("cp ", "observatory "))]
    *copies, restore = lines
    for copy in copies:
        subprocess.run(copy, check=True)
    assert full.with_name("observatory.db.damaged").read_bytes() == damaged
    assert restore[:2] == ["observatory", "store"]
    assert main(restore[2:]) == 0
    assert read_content(full) == content


def test_a_file_that_is_not_a_database_is_reported_in_four_parts(path: Path, run_check: RunCheck) -> None:
    path.write_text("this is not a database " * 1000)
    code, output, errors = run_check(path)
    assert (code, output) == (1, "")
    assert [line.split()[0] for line in errors.splitlines()] == ["error:", "why", "fix", "cp", "observatory", "more"]

"""A damaged store is told as damaged: never a traceback, never a write, never a changed list that passes as sound."""

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
from db.store import load_statements
from tests.db.builders import query

PAGE = 4096


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[Path], tuple[int, str, str]]:
    """What `check` says of a file: the exit code, stdout and stderr."""

    def ask(path: Path) -> tuple[int, str, str]:
        code = main(["check", "--db", str(path)])
        return code, *capsys.readouterr()

    return ask


def content(path: Path) -> object:
    """What a store holds for its readers: every complete list, whose it is and when. None where it cannot be read."""
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
    """One bit changed at random places, the file cut at many sizes, its header or a page set to zero, pages swapped."""
    chance = random.Random(20261123)
    for _ in range(hits):
        place, bit = chance.randrange(len(sound)), 1 << chance.randrange(8)
        yield f"byte {place}", sound[:place] + bytes([sound[place] ^ bit]) + sound[place + 1 :]
    for size in range(1, len(sound), max(1, len(sound) // 12)):
        yield f"cut at {size}", sound[:size]
    yield "header", bytes(100) + sound[100:]
    for first in range(PAGE, len(sound) - PAGE, PAGE * max(1, len(sound) // PAGE // 8)):
        yield f"page {first // PAGE} zero", sound[:first] + bytes(PAGE) + sound[first + PAGE :]
        one, two = sound[first : first + PAGE], sound[first + PAGE : first + 2 * PAGE]
        yield f"page {first // PAGE} swapped", sound[:first] + two + one + sound[first + 2 * PAGE :]


def silent(full: Path, told: Callable[[Path], tuple[int, str, str]], hits: int) -> tuple[list[str], int]:
    """The damages that changed a list and that `check` did not see, and how many it saw."""
    sound, wanted = full.read_bytes(), content(full)
    unseen, seen = [], 0
    for number, (what, damaged) in enumerate(damages(sound, hits)):
        path = full.with_name(f"damaged{number}.db")
        path.write_bytes(damaged)
        code, _, errors = told(path)
        assert path.read_bytes() == damaged, what
        assert "Traceback" not in errors and "did not foresee" not in errors, (what, errors)
        assert (code == 0) == (errors == ""), what
        seen += code
        if code == 0 and content(path) != wanted:
            unseen.append(what)
        for left in full.parent.glob("damaged*"):
            left.unlink()
    return unseen, seen


@pytest.mark.fault("A8")
def test_no_damage_that_changes_a_list_passes_as_sound(
    full: Path, told: Callable[[Path], tuple[int, str, str]]
) -> None:
    unseen, seen = silent(full, told, hits=70)
    assert unseen == []
    assert seen > 40


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A8")
def test_no_damage_of_many_that_changes_a_list_passes_as_sound(
    full: Path, told: Callable[[Path], tuple[int, str, str]]
) -> None:
    unseen, seen = silent(full, told, hits=2000)
    assert unseen == []
    assert seen > 500


@pytest.mark.fault("A8")
def test_the_advice_for_a_damaged_store_can_be_followed_word_by_word(
    full: Path, told: Callable[[Path], tuple[int, str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = content(full)
    back_up_store(full, full.with_name("my backup.db"))
    damaged = full.read_bytes()[: PAGE * 5]
    full.write_bytes(damaged)
    code, _, errors = told(full)
    assert code == 1
    lines = [shlex.split(line) for line in errors.splitlines() if line.strip().startswith(("cp ", "observatory "))]
    *copies, bring = lines
    for copy in copies:
        subprocess.run(copy, check=True)
    assert full.with_name("observatory.db.damaged").read_bytes() == damaged
    assert bring[:2] == ["observatory", "store"]
    assert main(bring[2:]) == 0
    assert content(full) == wanted


def test_what_is_no_database_is_told_in_four_parts(path: Path, told: Callable[[Path], tuple[int, str, str]]) -> None:
    path.write_text("this is not a database " * 1000)
    code, said, errors = told(path)
    assert (code, said) == (1, "")
    assert [line.split()[0] for line in errors.splitlines()] == ["error:", "why", "fix", "cp", "observatory", "more"]

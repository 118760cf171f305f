"""Sixty hostile names are unchanged in every format."""

from __future__ import annotations

import csv
import json
import random
import sqlite3
from pathlib import Path

import duckdb
import pandas
import pytest
from pyarrow.parquet import read_table

from analysis.exports.manifest import find_mismatches
from db.private_text import find_unmistakable
from db.rows import Observation
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import Export, hash_tree
from tests.analysis.exports.readers import unescape_formula

FORMULAS = [
    "=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
    "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x",  # full-width = + - @
    "=HYPERLINK(1)", "'=1", "''@x", "'", "'plain", "-", "--", "=", "@", "@types/node", "+49", "-2+3",
]  # fmt: skip
PATHS = [
    "../../etc/passwd", "..", ".", "/etc/passwd", "C:\\windows", "CON", "nul.txt", "a/../b", "~root", "file://x",
    "%2e%2e%2f", "registry=x/snapshot=1", "*.parquet", "a?b#c",
]  # fmt: skip
LETTERS = [
    "\x01\x02", "\x1b[31mred", "\x7f", "\x85", "\u202egnp.exe", "\u2066x\u2069", "\u200b", "\ufeffx", "a\u2028b",
    "a\u2029b", "é", "e\u0301", "名前", "🦆" * 9, "a\tb", "a\nb", "a\r\nb", " a ", "x" * 300,
]  # fmt: skip
QUOTES = ['"', '""', '","', "a,b;c|d", "\\N", "NULL", "nan", "NA", "1e5", "00012", "true", "<script>alert(1)</script>",
          "'; DROP TABLE v1_ranking; --", "{{7*7}}", "---\na: b", "]]>"]  # fmt: skip
FORMULA_SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
NAMES = FORMULAS + PATHS + LETTERS + QUOTES


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of a store in which every package has one of these names."""
    from analysis.export import main

    folder = tmp_path_factory.mktemp("hostile")
    rows = [Observation(f"id-{index}", name, downloads=900 - index) for index, name in enumerate(NAMES)]
    History(folder / "s.db").add_snapshot("2026-01-01", rows)
    assert main([str(folder / "out"), "--db", str(folder / "s.db")]) == 0
    return folder / "out"


def test_there_are_sixty_different_names() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 60


@pytest.mark.fault("D8")
def test_names_in_parquet_are_unchanged(hostile: Path) -> None:
    table = read_table(next((hostile / "parquet" / "v1_ranking").iterdir()), partitioning=None)
    assert table["name"].to_pylist() == NAMES
    assert duckdb.sql(f"SELECT name FROM '{hostile}/parquet/v1_ranking/*.parquet' ORDER BY rank").fetchall() == [
        (name,) for name in NAMES
    ]


@pytest.mark.fault("D8")
def test_names_in_sqlite_are_unchanged(hostile: Path) -> None:
    with sqlite3.connect(hostile / "sqlite" / "observatory.sqlite") as connection:
        assert [row[0] for row in connection.execute("SELECT name FROM v1_ranking ORDER BY rank")] == NAMES


@pytest.mark.fault("D8")
def test_names_in_json_lines_are_unchanged_and_ascii(hostile: Path) -> None:
    (path,) = (hostile / "jsonl" / "v1_ranking").iterdir()
    assert [json.loads(line)["name"] for line in path.read_text("ascii").splitlines()] == NAMES


@pytest.mark.fault("D8", "E5")
def test_names_in_csv_are_restored_by_the_documented_inverse(hostile: Path) -> None:
    (path,) = (hostile / "csv" / "v1_ranking").iterdir()
    with path.open(encoding="utf-8", newline="") as stream:
        names = [row["name"] for row in csv.DictReader(stream)]
    assert [unescape_formula(name) for name in names] == NAMES
    assert not [name for name in names if name[0] in FORMULA_SIGNS], "a spreadsheet would calculate the name"
    frame = pandas.read_csv(path, keep_default_na=False, lineterminator="\n", dtype={"name": str})
    assert [unescape_formula(name) for name in frame["name"] if "\n" not in name] == [
        name for name in NAMES if "\n" not in name
    ]


def draw_names(count: int, seed: int) -> list[str]:
    """Return different names of any letters but NUL and surrogates, which no store accepts."""
    generator, names = random.Random(seed), dict[str, None]()
    ranges = ((1, 0x7F), (0x80, 0x2FF), (0x300, 0x36F), (0x2000, 0x206F), (0x4E00, 0x9FFF), (0xFE00, 0xFFFD),
              (0x1F300, 0x1FAFF), (0xE0000, 0xE01EF))  # fmt: skip
    while len(names) < count:
        length = generator.randint(1, 12)
        name = "".join(chr(generator.randint(*generator.choice(ranges))) for _ in range(length))
        if not find_unmistakable(name):
            names[name] = None
    return list(names)


def assert_round_trip(folder: Path, names: list[str]) -> None:
    """Assert that every name is unchanged in the store and in every format of a bundle."""
    from analysis.export import main

    rows = [Observation(f"id-{index}", name, downloads=900_000 - index) for index, name in enumerate(names)]
    History(folder / "s.db").add_snapshot("2026-01-01", rows)
    assert main([str(folder / "out"), "--db", str(folder / "s.db"), "--tables", "v1_ranking"]) == 0
    (lines,) = (folder / "out" / "jsonl" / "v1_ranking").iterdir()
    assert [json.loads(line)["name"] for line in lines.read_text("ascii").splitlines()] == names
    (table,) = (folder / "out" / "csv" / "v1_ranking").iterdir()
    with table.open(encoding="utf-8", newline="") as stream:
        assert [unescape_formula(row["name"]) for row in csv.DictReader(stream)] == names
    (parquet,) = (folder / "out" / "parquet" / "v1_ranking").iterdir()
    assert read_table(parquet, partitioning=None)["name"].to_pylist() == names
    with sqlite3.connect(folder / "out" / "sqlite" / "observatory.sqlite") as connection:
        assert [row[0] for row in connection.execute("SELECT name FROM v1_ranking ORDER BY rank")] == names


@pytest.mark.fault("D8")
def test_a_few_hundred_names_of_any_letters_are_unchanged(tmp_path: Path) -> None:
    assert_round_trip(tmp_path, draw_names(400, 1))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.fault("D8")
def test_a_hundred_thousand_names_of_any_letters_are_unchanged(tmp_path: Path) -> None:
    assert_round_trip(tmp_path, draw_names(100_000, 2))


@pytest.mark.fault("E7")
def test_no_name_is_in_a_path(hostile: Path) -> None:
    assert {path.name for path in hostile.parent.iterdir()} <= {"out", "s.db", "s.db.lock", "s.db-wal", "s.db-shm"}
    assert all(path.replace("%2F", "").isascii() and ".." not in path for path in hash_tree(hostile))
    assert list(find_mismatches(hostile)) == []


@pytest.mark.fault("E7")
def test_registries_of_any_name_have_separate_files(store: Path, export: Export) -> None:
    from db.rows import Registry

    names = [
        "../../x", "a/b", "a-b", "A-b", "huggingface-models", "huggingface/a/b", "huggingface/a-b", "..", "x" * 90,
        "é", "*",
    ]  # fmt: skip
    for number, name in enumerate(names):
        registry = Registry(name, "ecosystems", "some.example")
        History(store).add_snapshot(f"2026-04-{number + 1:02d}", [("p", 1)], registry=registry, counter="total")
    out = export("--format", "parquet,csv", "--tables", "v1_alias,alias")
    files = [path for path in hash_tree(out) if "alias" in path]
    assert len(files) == 3 * (len(names) + 2)
    assert all(path.isascii() and "/../" not in path for path in files)
    source = f"read_parquet('{out}/parquet/alias/**/*.parquet', hive_partitioning = true)"
    assert {row[0] for row in duckdb.sql(f"SELECT registry FROM {source}").fetchall()} >= set(names)

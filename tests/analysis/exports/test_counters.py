"""The counters of past censuses in the lake: equal to those of the blocks, in one partition for each census."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from analysis.compute.engines import EngineLocation, open_engine
from analysis.compute.relations import load_relation
from analysis.export import main
from db.census import history as census
from db.census.history import load_counters
from db.connection import open_for_reading
from tests.analysis.censuses import add_censuses, make_models, store_census
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import NPM, Export, hash_tree, query
from tests.analysis.exports.test_lake import read_lake

ROOT = Path(__file__).resolve().parents[3]
ORDERED = "snapshot_id, package_id, downloads, likes, downloads_all_time"
LAKE = ("--format", "parquet", "--tables", "counter,package")
COMPLETE = (2, 3, 4, 5)
LAST_PACKAGE_ID = (1 << 16) - 20  # the packages with the next numbers lie in two blocks


@pytest.fixture(scope="module")
def censuses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a ranking, four complete censuses and a partial census, over two blocks."""
    path = tmp_path_factory.mktemp("censuses") / "observatory.db"
    assert History(path).add_snapshot("2026-03-01", ["lodash"], registry=NPM) == 1
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, seen_at)"
            " VALUES (?, 1, 'last', 'last', 0, 0, 0)",
            (LAST_PACKAGE_ID,),
        )
    connection.close()
    assert add_censuses(path) == [*COMPLETE, 6]
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


@pytest.fixture
def store(censuses: Path, tmp_path: Path) -> Path:
    """Return a copy of that store, for the fixture `export`."""
    return Path(shutil.copy(censuses, tmp_path / "observatory.db"))


def read_blocks(store: Path, snapshot: int) -> list[tuple[object, ...]]:
    """Return the rows of a census from the blocks, with None for counters that the registry left out."""
    with open_for_reading(store) as connection:
        columns = [column.tolist() for column in load_counters(connection, snapshot).values()]
    return [
        (snapshot, package, *(None if value == -1 else value for value in counters))
        for package, *counters in zip(*columns, strict=True)
    ]


def test_the_rows_are_those_of_the_blocks_in_their_order(store: Path, export: Export) -> None:
    out = export(*LAKE)
    files = sorted((out / "parquet" / "counter").rglob("*.parquet"))
    assert [int(path.parent.name.partition("=")[2]) for path in files] == [4, 2, 3, 5], "datasets, then models"
    for path in files:
        snapshot = int(path.parent.name.partition("=")[2])
        expected = read_blocks(store, snapshot)
        assert duckdb.sql(f"SELECT {ORDERED} FROM '{path}'").fetchall() == expected
        assert snapshot == 4 or {row[1] >> 16 for row in expected} == {0, 1}, "two blocks"
    rows = read_lake(out, "counter", ORDERED)
    assert any(None in row for row in rows) and any((row[2] or 0) > 2**32 for row in rows)


def test_the_manifest_and_the_dictionary_have_the_counters_and_the_other_formats_do_not(export: Export) -> None:
    out = export()
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    files = [file for file in manifest["files"] if "/counter/" in file["path"]]
    sizes = {row[0]: row[1] for row in read_lake(out, "census", "snapshot_id, packages")}
    assert {file["snapshot"]: file["rows"] for file in files} == {number: sizes[number] for number in COMPLETE}
    assert all(file["path"].startswith("parquet/counter/registry=huggingface%2F") and file["key"] for file in files)
    with (out / "dictionary.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["table"] == "counter"]
    assert ", ".join(row["column"] for row in rows) == ORDERED
    assert {(row["type"], row["personal"]) for row in rows} == {("INTEGER", "none")}
    assert {row["licence"] for row in rows} == {"huggingface/models: hub-facts; huggingface/datasets: hub-facts"}
    assert "| `counter` | The counters of every package of a complete census" in (out / "README.md").read_text("utf-8")
    package = json.loads((out / "datapackage.json").read_text("utf-8"))
    resources = [resource for resource in package["resources"] if "/counter/" in resource["path"]]
    assert len(resources) == len(COMPLETE)
    assert all("complete census" in resource["description"] for resource in resources)
    assert main(["verify", str(out)]) == 0


def test_a_later_export_adds_one_partition_and_equals_a_first_export(
    store: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = export(*LAKE)
    before = {path: path.stat().st_ino for path in (out / "parquet" / "counter").rglob("*.parquet")}
    new = store_census(store, "2026-05-01", make_models(random.Random(5), 2, {}))
    numbers_read: list[int] = []
    iter_counter_blocks = census.iter_counter_blocks

    def iter_and_note(connection: sqlite3.Connection, number: int) -> Iterator[dict[str, np.ndarray]]:
        numbers_read.append(number)
        return iter_counter_blocks(connection, number)

    monkeypatch.setattr("db.census.history.iter_counter_blocks", iter_and_note)
    export(*LAKE)
    after = {path: path.stat().st_ino for path in (out / "parquet" / "counter").rglob("*.parquet")}
    assert set(numbers_read) == {new}
    assert {path: after[path] for path in before} == before
    assert [path.parent.name for path in after.keys() - before.keys()] == [f"snapshot={new}"]
    assert hash_tree(export(*LAKE, out="afresh")) == hash_tree(out)


def test_a_redacted_package_has_no_counters(store: Path, export: Export, tmp_path: Path) -> None:
    all_rows = read_lake(export(*LAKE, out="all"), "counter", ORDERED)
    ((number,),) = query(store, "SELECT package_id FROM package WHERE name = 'maker1/m1'")
    (tmp_path / "r.toml").write_text('[[redaction]]\nname = "maker1/m1"\n', "utf-8")
    out = export(*LAKE, "--redactions", str(tmp_path / "r.toml"))
    rows = read_lake(out, "counter", ORDERED)
    assert 0 < len(rows) < len(all_rows)
    assert sorted(map(repr, rows)) == sorted(repr(row) for row in all_rows if row[1] != number)
    redacted = json.loads((out / "manifest.json").read_text("utf-8"))["redacted"]
    assert redacted["rows"]["counter"] == len(all_rows) - len(rows)


def test_a_lake_with_redactions_still_has_the_other_packages(export: Export, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('[[redaction]]\nauthor = "maker1"\n', "utf-8")
    out = export("--format", "parquet", "--redactions", str(tmp_path / "r.toml"))
    with open_engine("duckdb", EngineLocation(tmp_path / "none.db", str(out))) as engine:
        population = load_relation(engine, 5, "population")
        edges = load_relation(engine, 5, "edges")
    assert population["packages"][0] == read_lake(out, "counter", "snapshot_id").count((5,)) > 0
    assert "maker1" not in set(population["category"]) and "maker2" in set(population["category"])
    assert len(edges) > 0


def test_pseudonyms_change_no_number(export: Export, tmp_path: Path) -> None:
    (tmp_path / "k").write_text("k" * 32, "utf-8")
    hidden = export(*LAKE, "--pseudonymise", "--key", str(tmp_path / "k"), out="hidden")
    plain = export(*LAKE, out="plain")
    assert sorted(map(repr, read_lake(hidden, "counter", ORDERED))) == sorted(
        map(repr, read_lake(plain, "counter", ORDERED))
    )


def test_the_statement_of_the_documentation_writes_one_census_as_csv(
    store: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = export(*LAKE, out="OUT")
    (statement,) = re.findall(r"```sql\n(COPY .*?)```", (ROOT / "docs" / "exports.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(out.parent)
    duckdb.sql(statement.replace("snapshot = 7", "snapshot = 3"))
    with Path("census.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = dict(query(store, "SELECT package_id, name FROM package"))
    expected = [
        (names[row[1]], *("" if value is None else str(value) for value in row[2:])) for row in read_blocks(store, 3)
    ]
    assert sorted((row["name"], row["downloads"], row["likes"], row["downloads_all_time"]) for row in rows) == sorted(
        expected
    )

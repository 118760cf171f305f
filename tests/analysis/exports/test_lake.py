"""The lake has the tables and the rows of the store, in parts that DuckDB, pyarrow and pandas read as one."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from analysis.exports.tables import LAKE_FOLDER
from db.lake_names import store_column, store_table
from db.rows import Observation
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import Export, make_model, query

TABLES = sorted(path.stem for path in LAKE_FOLDER.glob("*.sql"))
WITHHELD = {
    "package": {"key", "name_hash", "first_seen_at", "revision", "fingerprint", "is_listed"},
    "snapshot": {"settings"},
    "score": {"evidence_start", "evidence_end", "reason"},
    "card_revision": {"checked_sha", "fetched_at", "collection_id", "note"},
}

LAKE_NAMES = {"valid_from": "since", "valid_to": "until", "date_evidence": "evidence", "next_value": "value_after"}


def read_lake(out: Path, table: str, columns: str = "*") -> list[tuple[object, ...]]:
    source = f"read_parquet('{out}/parquet/{table}/**/*.parquet', hive_partitioning = true)"
    return duckdb.sql(f"SELECT {columns} FROM {source}").fetchall()


def list_columns(store: Path, table: str) -> list[str]:
    names = [str(name) for (name,) in query(store, "SELECT name FROM pragma_table_xinfo(?)", store_table(table))]
    return [name for name in names if name not in WITHHELD.get(table, ())]


@pytest.mark.parametrize("table", TABLES)
def test_a_query_of_the_lake_only_reads_and_begins_with_a_description(table: str) -> None:
    text = (LAKE_FOLDER / f"{table}.sql").read_text("utf-8")
    assert re.match(r"-- [A-Z].{10,}", text)
    assert re.match(r"\s*SELECT\b", re.sub(r"--.*", "", text))
    assert not re.search(r"\b(INSERT|UPDATE|DELETE|REPLACE|PRAGMA|ATTACH)\b", text)


def test_every_table_has_the_rows_and_the_columns_of_the_store(store: Path, export: Export) -> None:
    out = export("--format", "parquet")
    conditions = {"ranking": "WHERE snapshot_id IN (SELECT snapshot_id FROM snapshot WHERE status = 'complete')"}
    for table in TABLES:
        store_names = list_columns(store, table)
        lake_names = [LAKE_NAMES.get(name, name) for name in store_names]
        assert [store_column(table, name) for name in lake_names] == store_names
        names, columns = (", ".join(f'"{name}"' for name in row) for row in (lake_names, store_names))
        expected = query(store, f"SELECT {columns} FROM {store_table(table)} {conditions.get(table, '')}")
        assert expected or table == "census", table  # the store of these tests has rankings only
        assert not expected or sorted(map(repr, read_lake(out, table, names))) == sorted(map(repr, expected)), table


def test_the_lake_is_split_by_registry_and_snapshot(export: Export) -> None:
    out = export("--format", "parquet", "--tables", "ranking,depth,package") / "parquet"
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.parquet")}
    parts = ("huggingface%2Fmodels/snapshot=1", "huggingface%2Fmodels/snapshot=2", "npm/snapshot=4", "npm/snapshot=5")
    packages = {f"package/registry={name}/part.parquet" for name in ("huggingface%2Fmodels", "npm")}
    assert files == {*(f"ranking/registry={part}/part.parquet" for part in parts), *packages, "depth/part.parquet"}
    assert {row[0] for row in read_lake(out.parent, "ranking", "registry")} == {"huggingface/models", "npm"}


def test_pandas_and_pyarrow_read_a_folder_as_one_table(store: Path, export: Export) -> None:
    import pandas
    from pyarrow.dataset import dataset

    out = export("--format", "parquet") / "parquet"
    ((rows,),) = query(store, "SELECT count(*) FROM v1_ranking")
    for table in ("ranking", "v1_ranking"):
        frame = pandas.read_parquet(out / table)
        assert len(frame) == dataset(out / table, partitioning="hive").count_rows() == rows
        assert set(frame["registry"]) == {"huggingface/models", "npm"}


def test_the_lake_as_of_a_day_equals_the_lake_exported_on_that_day(store: Path, export: Export) -> None:
    before = export("--format", "parquet", "--tables", "package,alias,attribute,membership,ranking,lineage_edge")
    renamed = Observation("id-b", "maker/renamed", downloads=9)
    History(store).add_snapshot("2026-03-01", [renamed, make_model("a", 5), make_model("new", 4)])
    assert {row[0] for row in read_lake(before, "package", "name")} & {"maker/b"}
    after = export("--format", "parquet", "--as-of", "2026-02-28", "--tables",
                   "package,alias,attribute,membership,ranking,lineage_edge", out="then")  # fmt: skip
    for table, names in {
        "alias": "*", "attribute": "*", "lineage_edge": "*", "ranking": "*", "membership": "*",
        "package": "package_id, stable_id, name",
    }.items():  # fmt: skip
        assert read_lake(after, table, names) == read_lake(before, table, names), table


def test_since_and_registry_choose_snapshots(export: Export) -> None:
    out = export("--format", "parquet", "--since", "2026-01-08", "--registry", "huggingface/models")
    assert read_lake(out, "snapshot", "snapshot_id, status") == [(2, "complete"), (3, "partial")]
    assert {row[0] for row in read_lake(out, "ranking", "snapshot_id")} == {2}
    assert {row[0] for row in read_lake(out, "v1_snapshot", "snapshot")} == {2, 3}

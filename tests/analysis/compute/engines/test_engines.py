"""Every query of `db/queries/` returns the same rows from SQLite over the store and the others over the lake."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from pandas.testing import assert_frame_equal

from analysis.__main__ import main as compute
from analysis.compute.engines import (
    Engine,
    EngineLocation,
    EngineUnavailableError,
    list_engines,
    open_engine,
    parameter_names,
    read_lake_schema,
)
from analysis.compute.relations import CENSUS_RELATIONS, QUERY_FOLDER, load_query, load_relation
from analysis.export import main as export
from db import UsageError
from db.cli import parse_day
from db.depths import DAY_VIEWS
from db.lake_names import store_table
from db.migrate import create_empty_store
from tests.analysis.censuses import add_censuses
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import fill_store, query

RESULTS = (
    "SELECT snapshot_id, metric, version, name, k, previous_snapshot_id, value, low, high, n, note FROM result"
    " ORDER BY snapshot_id, metric, name, k"
)
PENDING = ((2, "turnover_as_published"), (10, "kinship"), (10, "population"))
TWO_LISTS = {"previous": 2, "depth": 4, "limit": 3}
FAR_FUTURE = {
    "as_of": "2027-01-01", "applies_to": "ranking", "until": 2**40, "since": 0, "registry": "huggingface/models",
    "name": "remained", "counter": "last-30-days",
}  # fmt: skip


def tables_read_by(name: str) -> set[str]:
    """Return the tables that a query reads, as reported by SQLite. The tables behind a view belong to the view."""
    tables: set[str] = set()

    def authorize(action: int, table: str | None, column: object, database: object, view: str | None) -> int:
        if action == sqlite3.SQLITE_READ and view is None and table and not table.startswith("sqlite_"):
            tables.add(table)
        return sqlite3.SQLITE_OK

    store = create_empty_store()
    store.set_authorizer(authorize)
    store.execute(f"EXPLAIN {load_query(name)}", dict.fromkeys(parameter_names(load_query(name))))
    store.close()
    return tables


LAKE = {store_table(table.name) for table in read_lake_schema().tables} | set(DAY_VIEWS)
QUERIES = sorted(path.stem for path in QUERY_FOLDER.glob("*.sql") if tables_read_by(path.stem) <= LAKE)
ALL_SNAPSHOTS, SOME_SNAPSHOTS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13), (2, 6, 10, 13)
CENSUSES = (7, 8, 9, 10)


def iter_parameters(snapshots: Sequence[int]) -> Iterator[dict[str, object]]:
    for snapshot in snapshots:
        yield {"snapshot": snapshot, "k": 2, "metric": "turnover", "version": 3, **TWO_LISTS, **FAR_FUTURE}
    if snapshots == ALL_SNAPSHOTS:
        early = {"as_of": "2026-01-10", "until": 1768089600}
        yield {"snapshot": 2, "k": 4, "metric": "turnover", "version": 1, **TWO_LISTS, **FAR_FUTURE, **early}


@pytest.fixture(scope="module")
def location(tmp_path_factory: pytest.TempPathFactory) -> EngineLocation:
    """Create a store with rows in every table, and its lake."""
    folder = tmp_path_factory.mktemp("engines")
    history = fill_store(folder / "observatory.db")
    history.add_snapshot("2026-03-04", ["a", ("z", 3), ("n", 3), ("m", None)])
    assert add_censuses(history.path) == [*CENSUSES, 11]
    history.add_snapshot(parse_day("2026-03-04") + 1800, [("a", 9), ("q", 8)])
    history.add_snapshot("2026-03-05", [("a", 9), ("q", 8), ("z", 7), ("n", 3)])
    history.compute_pending()
    assert export([str(folder / "out"), "--db", str(history.path), "--format", "parquet"]) == 0
    return EngineLocation(history.path, str(folder / "out"), "local[1]")


def run_queries(
    engine: Engine, snapshots: Sequence[int]
) -> dict[tuple[str, int], tuple[list[str], list[tuple[object, ...]]]]:
    """Run every query once for each set of parameters, and return the columns and the rows."""
    results = {}
    for name in QUERIES:
        names = sorted(parameter_names(load_query(name)))
        distinct = {tuple((key, values[key]) for key in names) for values in iter_parameters(snapshots)}
        for number, parameters in enumerate(sorted(distinct, key=repr)):
            cursor = engine.execute(load_query(name), dict(parameters))
            columns = [column[0] for column in cursor.description]
            results[name, number] = (columns, [tuple(row) for row in cursor])
    return results


def comparable(rows: list[tuple[object, ...]]) -> list[str]:
    return [repr(tuple(float(cell) if isinstance(cell, int) else cell for cell in row)) for row in rows]


def compare_censuses(store: Engine, lake: Engine, snapshots: Sequence[int]) -> None:
    """Check that the relations over a census are equal, with the types of their columns. A list has none."""
    for snapshot in {6, *CENSUSES} & set(snapshots):
        for name in CENSUS_RELATIONS:
            expected, actual = load_relation(store, snapshot, name), load_relation(lake, snapshot, name)
            assert_frame_equal(actual, expected)
            assert actual.empty == (snapshot == 6), (name, snapshot)


def compare(location: EngineLocation, name: str, snapshots: Sequence[int]) -> None:
    with open_engine("sqlite", location) as engine:
        expected = run_queries(engine, snapshots)
    with open_engine("sqlite", location) as store, open_engine(name, location) as engine:
        actual = run_queries(engine, snapshots)
        compare_censuses(store, engine, snapshots)
    empty = set(QUERIES) - {query_name for (query_name, _), (_, rows) in expected.items() if rows}
    assert not [query_name for query_name in empty if "snapshot" in parameter_names(load_query(query_name))]
    for key, (columns, rows) in expected.items():
        assert actual[key][0] == columns, key
        assert comparable(actual[key][1]) == comparable(rows), key
        kinds = [{type(cell) for cell in column} for column in zip(*rows, strict=True)]
        assert [{type(cell) for cell in column} for column in zip(*actual[key][1], strict=True)] == kinds, key


def test_the_engines_are_the_files_of_the_folder() -> None:
    assert list_engines() == ["duckdb", "spark", "sqlite"]


def test_every_query_runs_on_the_lake() -> None:
    assert {path.stem for path in QUERY_FOLDER.glob("*.sql")} == set(QUERIES), "a table is missing from db/lake/"


def test_the_censuses_have_every_kind_of_change_and_edge(location: EngineLocation) -> None:
    with open_engine("sqlite", location) as store:
        whole = load_relation(store, 10, "population").iloc[0]
        edges = load_relation(store, 10, "edges")
    assert whole[["births", "returns", "deaths", "edits"]].min() > 0
    assert whole["previous"] == 8, "9 is of another registry"
    assert (edges["parent"] == -1).any() and (edges["child"] == edges["parent"]).any()
    assert edges["there"].any() and not edges["there"][edges["parent"] > 0].all()


def test_a_lake_without_counters_is_an_error_and_not_an_empty_census(
    location: EngineLocation, tmp_path: Path, capsys
) -> None:
    lake = Path(shutil.copytree(str(location.lake), tmp_path / "lake"))
    shutil.rmtree(lake / "parquet" / "counter")
    copy = copy_without_results(location, tmp_path)
    assert compute(["--engine", "duckdb", "--lake", str(lake), "--db", str(copy), "--metric", "concentration"]) == 1
    assert "no counters of census 7" in capsys.readouterr().err
    assert not query(copy, "SELECT 1 FROM result WHERE metric = 'concentration'")


def test_duckdb_returns_the_rows_of_the_store(location: EngineLocation) -> None:
    compare(location, "duckdb", ALL_SNAPSHOTS)


@pytest.mark.spark
@pytest.mark.timeout(600)
@pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java, which is not installed")
def test_spark_returns_the_rows_of_the_store(location: EngineLocation) -> None:
    compare(location, "spark", SOME_SNAPSHOTS)


def test_an_engine_over_a_lake_needs_a_lake() -> None:
    with pytest.raises(UsageError, match="no export was named"):
        open_engine("duckdb", EngineLocation(Path("observatory.db")))


def test_a_missing_lake_is_an_error_with_a_fix(tmp_path: Path) -> None:
    with (
        pytest.raises(EngineUnavailableError) as caught,
        open_engine("duckdb", EngineLocation(tmp_path / "s.db", str(tmp_path / "none"))),
    ):
        pass
    assert "observatory export" in caught.value.fix


def test_a_failed_query_is_an_error_with_a_fix(location: EngineLocation, tmp_path: Path, capsys) -> None:
    lake = Path(shutil.copytree(str(location.lake), tmp_path / "lake"))
    for file in (lake / "parquet" / "ranking").rglob("*.parquet"):
        file.write_bytes(file.read_bytes()[:-100])
    copy = copy_without_results(location, tmp_path)
    assert compute(["--engine", "duckdb", "--lake", str(lake), "--db", str(copy), "--metric", "turnover"]) == 1
    err = capsys.readouterr().err
    assert "DuckDB could not run the query" in err and "fix" in err and "foresee" not in err


def run_compute(location: EngineLocation, name: str, folder: Path, db: Path) -> list[tuple[object, ...]]:
    """Run `observatory compute` over a lake, and return the results in the store."""
    words = ["--engine", name, "--lake", str(location.lake), "--results", str(folder / "results"), "--db", str(db)]
    assert compute([*words, *(["--master", "local[1]"] if name == "spark" else [])]) == 0
    return query(db, RESULTS)


def copy_store(store: Path, to: Path) -> None:
    """Copy the whole store, with its write-ahead log."""
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def copy_without_results(location: EngineLocation, folder: Path) -> Path:
    copy = folder / "copy.db"
    copy_store(location.db, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("DELETE FROM result WHERE snapshot_id NOT IN (4, 5)")
    return copy


def read_parquet(folder: Path) -> list[tuple[object, ...]]:
    results = duckdb.read_parquet(f"{folder}/results/*/*/*.parquet", hive_partitioning=True)
    return results.project(RESULTS.split("SELECT ")[1].split(" FROM")[0]).order("1, 2, 4, 5").fetchall()


def test_compute_stores_the_same_results_over_the_lake_as_over_the_store(
    location: EngineLocation, tmp_path: Path
) -> None:
    expected = query(location.db, RESULTS)
    assert run_compute(location, "duckdb", tmp_path, copy_without_results(location, tmp_path)) == expected
    assert read_parquet(tmp_path) == [row for row in expected if row[0] not in (4, 5)]
    metrics = {row[1] for row in expected if row[0] == 10}
    assert metrics == {"concentration", "kinship", "population"}


def test_without_a_store_the_missing_results_are_written_as_parquet(location: EngineLocation, tmp_path: Path) -> None:
    copy, lake = copy_without_results(location, tmp_path), tmp_path / "bare"
    assert export([str(lake), "--db", str(copy), "--format", "parquet"]) == 0
    words = ["--engine", "duckdb", "--lake", str(lake), "--db", str(tmp_path / "none.db")]
    assert compute(words) == 2, "the results would not be stored anywhere"
    assert compute([*words, "--results", str(tmp_path / "results")]) == 0
    assert read_parquet(tmp_path) == [row for row in query(location.db, RESULTS) if row[0] not in (4, 5)]
    assert not (tmp_path / "none.db").exists()


def test_a_snapshot_missing_from_the_lake_is_skipped_and_reported(
    location: EngineLocation, tmp_path: Path, capsys
) -> None:
    copy = copy_without_results(location, tmp_path)
    History(copy).add_snapshot("2026-03-06", ["a", "b"])
    results = run_compute(location, "duckdb", tmp_path, copy)
    assert 14 not in {row[0] for row in results}
    assert "1 of 10 snapshots are not in the lake" in capsys.readouterr().err


@pytest.mark.spark
@pytest.mark.timeout(600)
@pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java, which is not installed")
def test_compute_on_spark_writes_parquet_and_the_store(location: EngineLocation, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy_store(location.db, copy)
    with sqlite3.connect(copy) as connection:
        for key in PENDING:
            connection.execute("DELETE FROM result WHERE snapshot_id = ? AND metric = ?", key)
    expected = query(location.db, RESULTS)
    assert run_compute(location, "spark", tmp_path, copy) == expected
    assert read_parquet(tmp_path) == [row for row in expected if row[:2] in PENDING]

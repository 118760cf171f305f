"""Every question of `db/queries/` gives the same rows on SQLite over the store and on the others over the lake."""

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
    list_lake_tables,
    open_engine,
    parameter_names,
)
from analysis.compute.relations import CENSUS_RELATIONS, QUERY_FOLDER, load_query, load_relation
from analysis.export import main as export
from db import UsageError
from db.lake_names import store_table
from db.migrate import create_empty_store
from tests.analysis.censuses import add_censuses
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import fill_store, query

RESULTS = (
    "SELECT snapshot_id, metric, version, name, k, previous_snapshot_id, value, low, high, n, note FROM result"
    " ORDER BY snapshot_id, metric, name, k"
)
LACKING = ((2, "turnover_as_published"), (10, "kinship"), (10, "population"))
FAR = {"as_of": "2027-01-01", "applies_to": "ranking", "until": 2**40, "registry": "huggingface/models", "name": "remained"}


def tables_of(name: str) -> set[str]:
    """The tables a question reads, as SQLite itself tells; those behind a view are the view's."""
    found: set[str] = set()

    def noted(action: int, table: str | None, column: object, database: object, view: str | None) -> int:
        if action == sqlite3.SQLITE_READ and view is None and table and not table.startswith("sqlite_"):
            found.add(table)
        return sqlite3.SQLITE_OK

    store = create_empty_store()
    store.set_authorizer(noted)
    store.execute(f"EXPLAIN {load_query(name)}", dict.fromkeys(parameter_names(load_query(name))))
    store.close()
    return found


LAKE = {store_table(table.name) for table in list_lake_tables()}
QUESTIONS = sorted(path.stem for path in QUERY_FOLDER.glob("*.sql") if tables_of(path.stem) <= LAKE)
EVERY, FEW = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), (2, 6, 10)
CENSUSES = (7, 8, 9, 10)


def values(snapshots: Sequence[int]) -> Iterator[dict[str, object]]:
    for snapshot in snapshots:
        yield {"snapshot": snapshot, "k": 2, "metric": "turnover", "version": 2, **FAR}
    if snapshots == EVERY:
        early = {"as_of": "2026-01-10", "until": 1768089600}
        yield {"snapshot": 2, "k": 4, "metric": "turnover", "version": 1, **FAR, **early}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> EngineLocation:
    """A store with something in every table, and its lake."""
    folder = tmp_path_factory.mktemp("engines")
    history = fill_store(folder / "observatory.db")
    history.add_snapshot("2026-03-04", ["a", ("z", 3), ("n", 3), ("m", None)])
    assert add_censuses(history.path) == [*CENSUSES, 11]
    history.compute_pending()
    assert export([str(folder / "out"), "--db", str(history.path), "--format", "parquet"]) == 0
    return EngineLocation(history.path, str(folder / "out"), "local[1]")


def answers(
    engine: Engine, snapshots: Sequence[int]
) -> dict[tuple[str, int], tuple[list[str], list[tuple[object, ...]]]]:
    """What an engine says to every question, once for each set of values it may be asked with."""
    told = {}
    for name in QUESTIONS:
        asked = parameter_names(load_query(name))
        different = {tuple((word, each[word]) for word in sorted(asked)) for each in values(snapshots)}
        for number, given in enumerate(sorted(different, key=repr)):
            cursor = engine.execute(load_query(name), dict(given))
            columns = [column[0] for column in cursor.description]
            told[name, number] = (columns, [tuple(row) for row in cursor])
    return told


def ordered(rows: list[tuple[object, ...]]) -> list[str]:
    return [repr(tuple(float(cell) if isinstance(cell, int) else cell for cell in row)) for row in rows]


def compare_censuses(store: Engine, lake: Engine, snapshots: Sequence[int]) -> None:
    """The relations over a census are the same, to the types of their columns; a list has none."""
    for snapshot in {6, *CENSUSES} & set(snapshots):
        for name in CENSUS_RELATIONS:
            expected, found = load_relation(store, snapshot, name), load_relation(lake, snapshot, name)
            assert_frame_equal(found, expected)
            assert found.empty == (snapshot == 6), (name, snapshot)


def compare(place: EngineLocation, name: str, snapshots: Sequence[int]) -> None:
    with open_engine("sqlite", place) as engine:
        expected = answers(engine, snapshots)
    with open_engine("sqlite", place) as store, open_engine(name, place) as engine:
        found = answers(engine, snapshots)
        compare_censuses(store, engine, snapshots)
    quiet = set(QUESTIONS) - {asked for (asked, _), (_, rows) in expected.items() if rows}
    assert not [asked for asked in quiet if "snapshot" in parameter_names(load_query(asked))], "nothing to compare"
    for key, (columns, rows) in expected.items():
        assert found[key][0] == columns, key
        assert ordered(found[key][1]) == ordered(rows), key
        kinds = [{type(cell) for cell in column} for column in zip(*rows, strict=True)]
        assert [{type(cell) for cell in column} for column in zip(*found[key][1], strict=True)] == kinds, key


def test_the_engines_are_the_files_of_the_folder() -> None:
    assert list_engines() == ["duckdb", "spark", "sqlite"]


def test_every_question_can_be_asked_of_the_lake() -> None:
    assert {path.stem for path in QUERY_FOLDER.glob("*.sql")} == set(QUESTIONS), "db/lake/ lacks a table"


def test_the_censuses_have_something_of_everything(place: EngineLocation) -> None:
    with open_engine("sqlite", place) as store:
        whole = load_relation(store, 10, "population").iloc[0]
        edges = load_relation(store, 10, "edges")
    assert whole[["births", "returns", "deaths", "edits"]].min() > 0
    assert whole["previous"] == 8, "9 is of another registry"
    assert (edges["parent"] == -1).any() and (edges["child"] == edges["parent"]).any()
    assert edges["there"].any() and not edges["there"][edges["parent"] > 0].all()


def test_a_lake_without_counters_is_not_taken_for_one_without_packages(
    place: EngineLocation, tmp_path: Path, capsys
) -> None:
    lake = Path(shutil.copytree(str(place.lake), tmp_path / "lake"))
    shutil.rmtree(lake / "parquet" / "counter")
    copy = without_results(place, tmp_path)
    assert compute(["--engine", "duckdb", "--lake", str(lake), "--db", str(copy), "--metric", "concentration"]) == 1
    assert "no counters of census 7" in capsys.readouterr().err
    assert not query(copy, "SELECT 1 FROM result WHERE metric = 'concentration'")


def test_duckdb_over_the_lake_gives_the_rows_of_the_store(place: EngineLocation) -> None:
    compare(place, "duckdb", EVERY)


@pytest.mark.spark
@pytest.mark.timeout(600)
@pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java, and there is none")
def test_spark_over_the_lake_gives_the_rows_of_the_store(place: EngineLocation) -> None:
    compare(place, "spark", FEW)


def test_an_engine_of_the_lake_needs_one() -> None:
    with pytest.raises(UsageError, match="none was named"):
        open_engine("duckdb", EngineLocation(Path("observatory.db")))


def test_a_lake_that_is_not_there_is_said_in_four_parts(tmp_path: Path) -> None:
    with (
        pytest.raises(EngineUnavailableError) as caught,
        open_engine("duckdb", EngineLocation(tmp_path / "s.db", str(tmp_path / "none"))),
    ):
        pass
    assert "observatory export" in caught.value.fix


def test_an_engine_that_cannot_answer_says_so_in_four_parts(place: EngineLocation, tmp_path: Path, capsys) -> None:
    lake = Path(shutil.copytree(str(place.lake), tmp_path / "lake"))
    for file in (lake / "parquet" / "ranking").rglob("*.parquet"):
        file.write_bytes(file.read_bytes()[:-100])
    copy = without_results(place, tmp_path)
    assert compute(["--engine", "duckdb", "--lake", str(lake), "--db", str(copy), "--metric", "turnover"]) == 1
    said = capsys.readouterr().err
    assert "DuckDB could not answer" in said and "fix" in said and "foresee" not in said


def computed(place: EngineLocation, name: str, folder: Path, db: Path) -> list[tuple[object, ...]]:
    """What `observatory compute` leaves in a store from a lake."""
    words = ["--engine", name, "--lake", str(place.lake), "--results", str(folder / "results"), "--db", str(db)]
    assert compute([*words, *(["--master", "local[1]"] if name == "spark" else [])]) == 0
    return query(db, RESULTS)


def copied(store: Path, to: Path) -> None:
    """The whole store, what still lies in its write-ahead log too."""
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def without_results(place: EngineLocation, folder: Path) -> Path:
    copy = folder / "copy.db"
    copied(place.db, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("DELETE FROM result WHERE snapshot_id NOT IN (4, 5)")
    return copy


def in_parquet(folder: Path) -> list[tuple[object, ...]]:
    found = duckdb.read_parquet(f"{folder}/results/*/*/*.parquet", hive_partitioning=True)
    return found.project(RESULTS.split("SELECT ")[1].split(" FROM")[0]).order("1, 2, 4, 5").fetchall()


def test_compute_over_the_lake_stores_what_compute_over_the_store_does(place: EngineLocation, tmp_path: Path) -> None:
    expected = query(place.db, RESULTS)
    assert computed(place, "duckdb", tmp_path, without_results(place, tmp_path)) == expected
    assert in_parquet(tmp_path) == [row for row in expected if row[0] not in (4, 5)]
    over = {row[1] for row in expected if row[0] == 10}
    assert over == {"concentration", "kinship", "population"}


def test_without_a_store_the_results_that_the_lake_lacks_are_written_beside_it(
    place: EngineLocation, tmp_path: Path
) -> None:
    copy, lake = without_results(place, tmp_path), tmp_path / "bare"
    assert export([str(lake), "--db", str(copy), "--format", "parquet"]) == 0
    words = ["--engine", "duckdb", "--lake", str(lake), "--db", str(tmp_path / "none.db")]
    assert compute(words) == 2, "the results would go nowhere"
    assert compute([*words, "--results", str(tmp_path / "results")]) == 0
    assert in_parquet(tmp_path) == [row for row in query(place.db, RESULTS) if row[0] not in (4, 5)]
    assert not (tmp_path / "none.db").exists()


def test_a_snapshot_that_the_lake_does_not_have_is_left_out_and_said(
    place: EngineLocation, tmp_path: Path, capsys
) -> None:
    copy = without_results(place, tmp_path)
    History(copy).add_snapshot("2026-03-05", ["a", "b"])
    results = computed(place, "duckdb", tmp_path, copy)
    assert 12 not in {row[0] for row in results}
    assert "1 of 8 snapshots are not in the lake" in capsys.readouterr().err


@pytest.mark.spark
@pytest.mark.timeout(600)
@pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java, and there is none")
def test_compute_on_spark_writes_parquet_and_the_store(place: EngineLocation, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copied(place.db, copy)
    with sqlite3.connect(copy) as connection:
        for one in LACKING:
            connection.execute("DELETE FROM result WHERE snapshot_id = ? AND metric = ?", one)
    expected = query(place.db, RESULTS)
    assert computed(place, "spark", tmp_path, copy) == expected
    assert in_parquet(tmp_path) == [row for row in expected if row[:2] in LACKING]

"""DuckDB over the lake: one large machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from analysis.compute.engines import (
    Answer,
    EngineMissing,
    LakeTable,
    Place,
    by_columns,
    failed,
    lake_tables,
    marked,
    mentioned,
    nothing_there,
    result_columns,
    root,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation
    from numpy import ndarray

    from db.census.population import Words

T = TypeVar("T")
TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "VARCHAR"}


class DuckDB:
    """A connection in which each table of the lake is a view."""

    def __init__(self, connection: DuckDBPyConnection, lake: str) -> None:
        self._connection = connection
        for table in lake_tables():
            self._view(table, lake)

    def execute(self, question: str, values: Mapping[str, object]) -> Answer:
        """The rows of one question."""
        columns, rows = self._asked(question, values, lambda found: (found.columns, found.fetchall()))
        return Answer(tuple((name,) for name in columns), rows)

    def columns(self, question: str, values: Mapping[str, object]) -> Mapping[str, ndarray | Words]:
        """The rows of one question by columns."""
        return by_columns(self._asked(question, values, lambda found: found.to_arrow_table()))

    def write(self, url: str, results: Sequence[tuple[object, ...]]) -> None:
        """Add rows to the Parquet files of a folder, split by registry and snapshot as the lake is."""
        import pyarrow

        types = {"INTEGER": pyarrow.int64(), "REAL": pyarrow.float64(), "TEXT": pyarrow.string()}
        schema = pyarrow.schema([(name, types[kind]) for name, kind in result_columns()])
        cells = list(zip(*results, strict=True))
        table = pyarrow.table([pyarrow.array(each, field.type) for each, field in zip(cells, schema, strict=True)],
                              schema=schema)  # fmt: skip
        self._connection.from_arrow(table).write_parquet(
            url, partition_by=["registry", "snapshot"], append=True, filename_pattern="part-{uuid}"
        )

    def _asked(self, question: str, values: Mapping[str, object], take: Callable[[DuckDBPyRelation], T]) -> T:
        """Ask, and take the answer; `:name` is `$name` here."""
        import duckdb

        asked = mentioned(question)
        given = {name: value for name, value in values.items() if name in asked}
        try:
            return take(self._connection.sql(marked(question, "$"), params=given))
        except duckdb.Error as error:
            raise failed("DuckDB", error) from error

    def _view(self, table: LakeTable, lake: str) -> None:
        import duckdb

        try:
            found = self._connection.read_parquet(table.files(lake), hive_partitioning=bool(table.split))
        except duckdb.Error as error:
            if "No files found" not in str(error):
                raise failed("DuckDB", error) from error
            if table.name == "snapshot":
                raise nothing_there(lake, error) from error
            found = self._nothing(table)
        found.project(", ".join(_column(table, name) for name, _ in table.columns)).create_view(table.name)

    def _nothing(self, table: LakeTable) -> DuckDBPyRelation:
        columns = [*((name, TYPES[kind]) for name, kind in table.columns), *((name, "VARCHAR") for name in table.split)]
        nothing = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in dict(columns).items())
        return self._connection.sql("SELECT 1 AS one").project(nothing).limit(0)


def _column(table: LakeTable, name: str) -> str:
    """A column; the number of the snapshot is taken from the path, so that other snapshots' files are not opened."""
    return (
        "CAST(snapshot AS BIGINT) AS snapshot_id"
        if name == "snapshot_id" and "snapshot" in table.split
        else f'"{name}"'
    )


@contextmanager
def opened(place: Place) -> Iterator[DuckDB]:
    """DuckDB with the lake's tables.

    Raises:
        EngineMissing: DuckDB is not installed, or there is no lake.
    """
    try:
        import duckdb
    except ImportError as error:
        raise EngineMissing(
            "DuckDB is not installed.", fix="Install it with `pip install hub-observatory[engines]`.",
            more="docs/engines.md",
        ) from error  # fmt: skip
    connection = duckdb.connect()
    try:
        yield DuckDB(connection, root(str(place.lake)))
    finally:
        connection.close()

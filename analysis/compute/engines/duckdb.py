"""DuckDB over the lake, on one large machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from analysis.compute.engines import (
    EngineLocation,
    EngineUnavailableError,
    LakeTable,
    QueryResult,
    columns_from_arrow,
    list_result_columns,
    missing_lake_error,
    parameter_names,
    query_error,
    read_lake_schema,
    replace_parameter_prefix,
    resolve_lake_root,
)
from db.lake_names import store_column, store_table
from db.libraries import make_install_command

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation
    from numpy import ndarray

    from db.census.population import EncodedColumn

T = TypeVar("T")
SQL_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "VARCHAR"}


class DuckDBEngine:
    """A connection in which each table of the lake is a view."""

    def __init__(self, connection: DuckDBPyConnection, lake: str) -> None:
        self._connection = connection
        for table in read_lake_schema().tables:
            self._create_view(table, lake)
        for name, query in read_lake_schema().views:
            connection.sql(query).create_view(name)

    def execute(self, query: str, parameters: Mapping[str, object]) -> QueryResult:
        """Run a query and return its rows."""
        columns, rows = self._run_query(query, parameters, lambda relation: (relation.columns, relation.fetchall()))
        return QueryResult(tuple((name,) for name in columns), rows)

    def fetch_columns(self, query: str, parameters: Mapping[str, object]) -> Mapping[str, ndarray | EncodedColumn]:
        """Run a query and return the rows by columns."""
        return columns_from_arrow(self._run_query(query, parameters, lambda relation: relation.to_arrow_table()))

    def write_results(self, url: str, results: Sequence[tuple[object, ...]]) -> None:
        """Add rows to the Parquet files of a folder, partitioned by registry and snapshot as the lake is."""
        import pyarrow

        types = {"INTEGER": pyarrow.int64(), "REAL": pyarrow.float64(), "TEXT": pyarrow.string()}
        schema = pyarrow.schema([(name, types[kind]) for name, kind in list_result_columns()])
        columns = zip(zip(*results, strict=True), schema, strict=True)
        table = pyarrow.table([pyarrow.array(cells, field.type) for cells, field in columns], schema=schema)
        self._connection.from_arrow(table).write_parquet(
            url, partition_by=["registry", "snapshot"], append=True, filename_pattern="part-{uuid}"
        )

    def _run_query(self, query: str, parameters: Mapping[str, object], fetch: Callable[[DuckDBPyRelation], T]) -> T:
        """Run a query, and fetch its rows. DuckDB writes `:name` as `$name`."""
        import duckdb

        names = parameter_names(query)
        used = {name: value for name, value in parameters.items() if name in names}
        try:
            return fetch(self._connection.sql(replace_parameter_prefix(query, "$"), params=used))
        except duckdb.Error as error:
            raise query_error("DuckDB", error) from error

    def _create_view(self, table: LakeTable, lake: str) -> None:
        import duckdb

        try:
            relation = self._connection.read_parquet(
                table.file_pattern(lake), hive_partitioning=bool(table.partition_columns)
            )
        except duckdb.Error as error:
            if "No files found" not in str(error):
                raise query_error("DuckDB", error) from error
            if table.name == "snapshot":
                raise missing_lake_error(lake, error) from error
            relation = self._empty_relation(table)
        columns = ", ".join(_column_expression(table, name) for name, _ in table.columns)
        relation.project(columns).create_view(store_table(table.name))

    def _empty_relation(self, table: LakeTable) -> DuckDBPyRelation:
        types = {name: SQL_TYPES[kind] for name, kind in table.columns}
        types |= dict.fromkeys(table.partition_columns, "VARCHAR")
        columns = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in types.items())
        return self._connection.sql("SELECT 1 AS placeholder").project(columns).limit(0)


def _column_expression(table: LakeTable, name: str) -> str:
    """Return the SQL of a column. The snapshot id comes from the path, so files of other snapshots are not opened."""
    if name == "snapshot_id" and "snapshot" in table.partition_columns:
        return "CAST(snapshot AS BIGINT) AS snapshot_id"
    return f'"{name}" AS "{store_column(table.name, name)}"'


@contextmanager
def open_engine(location: EngineLocation) -> Iterator[DuckDBEngine]:
    """Open DuckDB with the tables of the lake.

    Raises:
        EngineUnavailableError: DuckDB is not installed, or there is no lake.
    """
    try:
        import duckdb
    except ImportError as error:
        raise EngineUnavailableError(
            "DuckDB is not installed.",
            fix=f"Install it with `{make_install_command('duckdb')}`.",
            more="docs/engines.md",
        ) from error
    connection = duckdb.connect()
    try:
        yield DuckDBEngine(connection, resolve_lake_root(str(location.lake)))
    finally:
        connection.close()

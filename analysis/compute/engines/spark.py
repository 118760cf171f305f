"""Spark over the lake, on a cluster or on this machine."""

from __future__ import annotations

import os
import shutil
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
    resolve_lake_root,
)
from db.lake_names import store_column, store_table
from db.libraries import make_install_command

if TYPE_CHECKING:
    from numpy import ndarray
    from pyspark.sql import DataFrame, SparkSession

    from db.census.population import EncodedColumn

T = TypeVar("T")
SQL_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "STRING"}
PARTITION_TYPES = {"registry": "STRING", "snapshot": "BIGINT"}
# Settings of a local session. The lake is small on disk and large in memory, so the threshold below which Spark sends a
# whole table to every worker is lower than its default. The driver is the only worker, and gets more memory.
LOCAL_SETTINGS = {
    "spark.driver.memory": "4g", "spark.sql.autoBroadcastJoinThreshold": "1m", "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.sql.shuffle.partitions": "4",
    "spark.ui.showConsoleProgress": "false",
}  # fmt: skip


class SparkEngine:
    """A session in which each table of the lake is a view."""

    def __init__(self, session: SparkSession, lake: str) -> None:
        self._session = session
        for table in read_lake_schema().tables:
            self._read_table(table, lake).createOrReplaceTempView(store_table(table.name))
        for name, query in read_lake_schema().views:
            session.sql(query).createOrReplaceTempView(name)

    def execute(self, query: str, parameters: Mapping[str, object]) -> QueryResult:
        """Run a query and return its rows."""
        columns, rows = self._run_query(query, parameters, lambda frame: (frame.columns, frame.collect()))
        return QueryResult(tuple((name,) for name in columns), [tuple(row) for row in rows])

    def fetch_columns(self, query: str, parameters: Mapping[str, object]) -> Mapping[str, ndarray | EncodedColumn]:
        """Run a query and return the rows by columns."""
        return columns_from_arrow(self._run_query(query, parameters, lambda frame: frame.toArrow()))

    def write_results(self, url: str, results: Sequence[tuple[object, ...]]) -> None:
        """Add rows to the Parquet files of a folder, partitioned by registry and snapshot as the lake is."""
        schema = ", ".join(f"`{name}` {SQL_TYPES[kind]}" for name, kind in list_result_columns())
        frame = self._session.createDataFrame(list(results), schema)
        frame.coalesce(1).write.mode("append").partitionBy("registry", "snapshot").parquet(url)

    def _run_query(self, query: str, parameters: Mapping[str, object], fetch: Callable[[DataFrame], T]) -> T:
        """Run a query, and fetch its rows. Spark writes `:name` too."""
        names = parameter_names(query)
        used = {name: value for name, value in parameters.items() if name in names}
        try:
            return fetch(self._session.sql(query, args=used))
        except Exception as error:
            if type(error).__module__.partition(".")[0] in ("py4j", "pyspark"):
                raise query_error("Spark", error) from error
            raise

    def _read_table(self, table: LakeTable, lake: str) -> DataFrame:
        from pyspark.errors import AnalysisException
        from pyspark.sql.functions import col

        types = [(name, SQL_TYPES[kind]) for name, kind in table.columns]
        types += [(name, PARTITION_TYPES[name]) for name in table.partition_columns]
        schema = ", ".join(f"`{name}` {kind}" for name, kind in types)
        try:
            frame = self._session.read.schema(schema).parquet(table.folder(lake))
        except AnalysisException as error:
            if error.getCondition() != "PATH_NOT_FOUND":
                raise query_error("Spark", error) from error
            if table.name == "snapshot":
                raise missing_lake_error(lake, error) from error
            frame = self._session.createDataFrame([], schema)
        # The snapshot id comes from the path, so files of other snapshots are not opened.
        from_path = (
            {"snapshot_id": col("snapshot").alias("snapshot_id")} if "snapshot" in table.partition_columns else {}
        )
        stored = {name: col(f"`{name}`").alias(store_column(table.name, name)) for name, _ in table.columns}
        return frame.select(*(from_path.get(name, column) for name, column in stored.items()))


@contextmanager
def open_engine(location: EngineLocation) -> Iterator[SparkEngine]:
    """Open Spark with the tables of the lake, on the cluster of `--master` or on all cores of this machine.

    Raises:
        EngineUnavailableError: Spark or Java is not installed, the cluster is unreachable, or there is no lake.
    """
    session = _start_session(location.master or "local[*]")
    try:
        yield SparkEngine(session, resolve_lake_root(str(location.lake)))
    finally:
        session.stop()


def _start_session(master: str) -> SparkSession:
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise _not_installed_error("Spark is not installed.", make_install_command("pyspark")) from error
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise _not_installed_error("Spark needs Java, which is not installed.", "apt-get install default-jre-headless")
    settings = LOCAL_SETTINGS if master.startswith("local") else {}
    if settings:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master(master).appName("observatory compute")
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        return builder.config("spark.log.level", "ERROR").getOrCreate()
    except (PySparkException, OSError, RuntimeError) as error:
        raise EngineUnavailableError(
            f"Spark does not start at {master}.",
            why=str(error).split("\n")[0],
            fix="Check --master, and whether this machine may connect to it.",
            more="docs/engines.md",
        ) from error


def _not_installed_error(message: str, command: str) -> EngineUnavailableError:
    return EngineUnavailableError(message, fix=f"Install it with `{command}`.", more="docs/engines.md")

"""Spark over the lake: a cluster, or this machine playing one."""

from __future__ import annotations

import os
import shutil
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
    mentioned,
    nothing_there,
    result_columns,
    root,
)

if TYPE_CHECKING:
    from numpy import ndarray
    from pyspark.sql import DataFrame, SparkSession

    from db.census.population import Words

T = TypeVar("T")
TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "STRING"}
# Of this machine playing a cluster. The lake is small on the disk and large in memory: less is small enough to be sent
# to every worker whole than Spark thinks, and the driver, which is the only worker, has more memory.
LOCAL = {
    "spark.driver.memory": "4g", "spark.sql.autoBroadcastJoinThreshold": "1m", "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.sql.shuffle.partitions": "4",
    "spark.ui.showConsoleProgress": "false",
}  # fmt: skip


class Spark:
    """A session in which each table of the lake is a view."""

    def __init__(self, session: SparkSession, lake: str) -> None:
        self._session = session
        for table in lake_tables():
            self._frame(table, lake).createOrReplaceTempView(table.name)

    def execute(self, question: str, values: Mapping[str, object]) -> Answer:
        """The rows of one question."""
        columns, rows = self._asked(question, values, lambda frame: (frame.columns, frame.collect()))
        return Answer(tuple((name,) for name in columns), [tuple(row) for row in rows])

    def columns(self, question: str, values: Mapping[str, object]) -> Mapping[str, ndarray | Words]:
        """The rows of one question by columns."""
        return by_columns(self._asked(question, values, lambda frame: frame.toArrow()))

    def _asked(self, question: str, values: Mapping[str, object], take: Callable[[DataFrame], T]) -> T:
        """Ask, and take the answer; `:name` is Spark's own mark too."""
        asked = mentioned(question)
        given = {name: value for name, value in values.items() if name in asked}
        try:
            return take(self._session.sql(question, args=given))
        except Exception as error:
            if type(error).__module__.partition(".")[0] in ("py4j", "pyspark"):
                raise failed("Spark", error) from error
            raise

    def write(self, url: str, results: Sequence[tuple[object, ...]]) -> None:
        """Add rows to the Parquet files of a folder, split by registry and snapshot as the lake is."""
        schema = ", ".join(f"`{name}` {TYPES[kind]}" for name, kind in result_columns())
        frame = self._session.createDataFrame(list(results), schema)
        frame.coalesce(1).write.mode("append").partitionBy("registry", "snapshot").parquet(url)

    def _frame(self, table: LakeTable, lake: str) -> DataFrame:
        from pyspark.errors import AnalysisException
        from pyspark.sql.functions import col

        kinds = {"registry": "STRING", "snapshot": "BIGINT"}
        inner = [*((name, TYPES[kind]) for name, kind in table.columns), *((name, kinds[name]) for name in table.split)]
        schema = ", ".join(f"`{name}` {kind}" for name, kind in inner)
        try:
            frame = self._session.read.schema(schema).parquet(table.files(lake, depth=False))
        except AnalysisException as error:
            if error.getCondition() != "PATH_NOT_FOUND":
                raise failed("Spark", error) from error
            if table.name == "snapshot":
                raise nothing_there(lake, error) from error
            frame = self._session.createDataFrame([], schema)
        # The number of the snapshot is taken from the path, so that other snapshots' files are not opened.
        by_path = "snapshot" in table.split
        taken = {"snapshot_id": col("snapshot").alias("snapshot_id")} if by_path else {}
        return frame.select(*(taken.get(name, col(f"`{name}`")) for name, _ in table.columns))


@contextmanager
def opened(place: Place) -> Iterator[Spark]:
    """Spark with the lake's tables, on the cluster of `--master` or on all cores of this machine.

    Raises:
        EngineMissing: Spark or Java is not installed, the cluster is not there, or there is no lake.
    """
    session = _session(place.master or "local[*]")
    try:
        yield Spark(session, root(str(place.lake)))
    finally:
        session.stop()


def _session(master: str) -> SparkSession:
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise _missing("Spark is not installed.", "pip install hub-observatory[engines]") from error
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise _missing("Spark needs Java, and there is none.", "apt-get install default-jre-headless")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1") if master.startswith("local") else None
    builder = SparkSession.builder.master(master).appName("observatory compute")
    for name, value in LOCAL.items() if master.startswith("local") else ():
        builder = builder.config(name, value)
    try:
        session = builder.config("spark.log.level", "ERROR").getOrCreate()
    except (PySparkException, OSError, RuntimeError) as error:
        raise EngineMissing(
            f"Spark does not start at {master}.", why=str(error).split("\n")[0],
            fix="Look at --master, and whether this machine may reach it.", more="docs/engines.md",
        ) from error  # fmt: skip
    return session


def _missing(what: str, line: str) -> EngineMissing:
    return EngineMissing(what, fix=f"Install it with `{line}`.", more="docs/engines.md")

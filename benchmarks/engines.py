"""The sizes from which each engine is worth its start: `python -m benchmarks.engines` prints one table in one run.

For each size (10x15000: ten rankings of 15,000; 10xcensus300000: ten censuses of 300,000) the benchmark makes a store
and its lake. SQLite, DuckDB and Spark then `compute` the newest snapshot: all relations and metrics of rankings, or
those of censuses, as `observatory compute` does for each new snapshot. `metrics` is the part of the time that is equal
for every engine. `history` is one query over all snapshots: the turnover between neighbours, of the top 1,000, or of
all packages of the censuses with the sum of their downloads (SQLite reads the blocks). The results of the engines are
compared, and a difference ends the run. Seconds are wall time / processor time, the latter of all cores and of the
Java process of Spark.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy

from analysis.compute.engines import (
    Engine,
    EngineLocation,
    EngineQueryError,
    list_engines,
    open_engine,
    read_lake_schema,
)
from analysis.compute.metric import list_metrics
from analysis.compute.relations import cached_relations
from analysis.export import main as export
from benchmarks.ingest import ROWS, store_census
from benchmarks.population import encode_page, generate_days
from db.census.history import load_counters
from db.census.writer import CensusStore
from db.connection import open_for_writing
from db.rows import GateResult, Observation, Page, Parent, Registry, SnapshotSpec
from db.store import Store

HUB = Registry("huggingface/models", "huggingface", "models")
TABLES = ",".join(table.name for table in read_lake_schema().tables if not table.name.startswith("v1_"))
DAY, BEGIN = 86_400, 1_600_000_000
RANKING_HISTORY = """
WITH listed AS (
    SELECT s.snapshot_id, r.package_id
    FROM snapshot s JOIN ranking r ON r.snapshot_id = s.snapshot_id
    WHERE s.status = 'complete' AND r.rank <= 1000),
pair AS (
    SELECT snapshot_id, LAG(snapshot_id) OVER (ORDER BY taken_at, snapshot_id) AS earlier
    FROM snapshot WHERE status = 'complete')
SELECT p.snapshot_id, COUNT(b.package_id) AS remained
FROM pair p
JOIN listed n ON n.snapshot_id = p.snapshot_id
LEFT JOIN listed b ON b.snapshot_id = p.earlier AND b.package_id = n.package_id
GROUP BY p.snapshot_id ORDER BY p.snapshot_id
"""
CENSUS_HISTORY = """
WITH pair AS (
    SELECT s.snapshot_id, LAG(s.snapshot_id) OVER (ORDER BY s.taken_at, s.snapshot_id) AS earlier
    FROM snapshot s JOIN census c ON c.snapshot_id = s.snapshot_id WHERE s.status = 'complete')
SELECT p.snapshot_id, COUNT(n.package_id) AS packages, SUM(n.downloads) AS downloads, COUNT(b.package_id) AS remained
FROM pair p
JOIN counter n ON n.snapshot_id = p.snapshot_id
LEFT JOIN counter b ON b.snapshot_id = p.earlier AND b.package_id = n.package_id
GROUP BY p.snapshot_id ORDER BY p.snapshot_id
"""
# Metrics of cards, because there are no cards here, and a metric that needs rankings several months apart.
UNDEFINED_METRICS = {"agreement", "documentation", "documentation_as_published", "preservation_as_published"}
HEADER = ("snapshots", "of", "rows each", "engine", "MB", "start", "compute", "metrics", "history")


@dataclass(frozen=True)
class Size:
    """The number of snapshots, the number of their packages, and their kind: census or ranking."""

    snapshots: int
    rows: int
    kind: str = "ranking"

    @classmethod
    def parse(cls, text: str) -> Size:
        """Return the size of a text like 10x15000 or 10xcensus300000."""
        snapshots, _, rows = text.partition("x")
        kind = "census" if rows.startswith("census") else "ranking"
        return cls(int(snapshots), int(rows.removeprefix("census")), kind)


SIZES = ("10x15000", "100x15000", "1000x15000", "10xcensus300000")


def generate_rankings(snapshots: int, rows: int, seed: int) -> Iterator[tuple[numpy.ndarray, numpy.ndarray]]:
    """Yield the packages of each day and their downloads, largest first, from a heavy-tailed law with drift.

    A package is its index in the first ranking, which has all packages, a quarter more than the other rankings.
    """
    random = numpy.random.default_rng(seed)
    size = -numpy.sort(-random.pareto(1.0, rows + rows // 4) * 1000)
    for number in range(snapshots):
        best = numpy.argsort(-size, kind="stable")[: rows if number else None]
        yield best, size[best].astype(int)
        size = size * numpy.exp(random.normal(0, 0.05, len(size)))


def make_store(path: Path, snapshots: int, rows: int) -> None:
    """Make a store with a history.

    The first ranking is recorded like one of a crawl. The others are written directly into the tables, because only
    reading is measured.
    """
    with open_for_writing(path) as database:
        connection = database.conn
        connection.execute("PRAGMA synchronous = OFF")
        (_, downloads), *later_rankings = generate_rankings(snapshots, rows, seed=7)
        _record_ranking(Store(database), downloads.tolist())
        ids = connection.execute("SELECT package_id FROM ranking ORDER BY rank").fetchall()
        package_ids = numpy.array([number for (number,) in ids])
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute("DROP TRIGGER " + name)
        connection.execute("BEGIN")
        for number, (packages, downloads) in enumerate(later_rankings, 2):
            _add_ranking(connection, number, package_ids[packages].tolist(), downloads.tolist())
        connection.execute("COMMIT")


def make_censuses(path: Path, size: Size) -> None:
    """Make a store with censuses, each from the pages that the Hub would send on its day."""
    with open_for_writing(path) as database:
        database.conn.execute("PRAGMA synchronous = OFF")
        for day in generate_days(size.rows, size.snapshots):
            store_census(
                CensusStore(database), (encode_page(day, at, at + ROWS) for at in range(0, len(day.packages), ROWS))
            )


def _record_ranking(store: Store, downloads: Sequence[int]) -> None:
    rows = tuple(
        Observation(
            f"{index:024x}", f"maker/m{index}", downloads=value, libraries=(("transformers", "library"),),
            parents=() if index % 3 else (Parent(f"maker/m{index // 7}", "finetune", f"{index // 7:024x}"),),
        )
        for index, value in enumerate(downloads)
    )  # fmt: skip
    at = BEGIN + DAY
    spec = SnapshotSpec(HUB, "downloads", "last-30-days", len(rows), "a benchmark", "made", at, at)
    snapshot = store.begin_snapshot(spec)
    store.save_page(snapshot, Page("ranking", "", at, 200, 0, "0" * 64, {}, len(rows), observations=rows))
    store.end_snapshot(snapshot, "complete", (GateResult("rows", "pass", "all", "all"),), None, at)


def _add_ranking(
    connection: sqlite3.Connection, number: int, packages: Sequence[int], downloads: Sequence[int]
) -> None:
    at = BEGIN + number * DAY
    connection.execute(
        "INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source, date_evidence,"
        " settings, taken_at, started_at, ended_at, status, depth, digest) SELECT ?, registry_id, kind, ordered_by,"
        " counter, ?, origin, source, date_evidence, settings, ?, ?, ?, status, ?, ? FROM snapshot"
        " WHERE snapshot_id = 1",
        (number, len(packages), at, at, at, len(packages), str(number)),
    )
    rows = zip(packages, downloads, strict=True)
    connection.executemany(
        "INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (?, ?, ?, 0, ?)",
        ((number, rank, package, value) for rank, (package, value) in enumerate(rows, 1)),
    )
    for (k,) in connection.execute("SELECT k FROM ranking_depth WHERE k <= ?", (len(packages),)).fetchall():
        connection.executemany(
            "INSERT INTO top_k_membership VALUES (1, 'downloads', 'last-30-days', ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET last_at = excluded.last_at",
            ((k, package, at, at) for package in packages[:k]),
        )


def compute_results(engine: Engine, snapshot: int, kind: str) -> tuple[list[str], float]:
    """Return the results of one snapshot as `observatory compute` would store them, and the seconds of the metrics."""
    metrics = [metric for metric in list_metrics() if metric.applies_to == kind]
    read, results, seconds = cached_relations(engine, snapshot), [], 0.0
    for metric in metrics:
        for relation in metric.relations:
            read(relation)
        start = time.perf_counter()
        results += metric.compute(snapshot, read)
        seconds += time.perf_counter() - start
    defined = {result.metric for result in results if result.value is not None}
    undefined = {metric.name for metric in metrics} - defined
    assert undefined <= UNDEFINED_METRICS, f"these metrics have no value: {undefined}"
    return [repr(result) for result in results], seconds


def query_history(engine: Engine, size: Size) -> list[tuple[object, ...]]:
    """Return the rows of one query over all snapshots. For the censuses of a store they come from the blocks."""
    if size.kind == "census" and isinstance(engine, sqlite3.Connection):
        return list(_query_blocks(engine, size.snapshots))
    return [tuple(row) for row in engine.execute(CENSUS_HISTORY if size.kind == "census" else RANKING_HISTORY, {})]


def _query_blocks(connection: sqlite3.Connection, snapshots: int) -> Iterator[tuple[int, int, int, int]]:
    previous = numpy.empty(0, int)
    for snapshot in range(1, snapshots + 1):
        counters = load_counters(connection, snapshot)
        packages, downloads = counters["package"], counters["downloads"]
        remained = numpy.intersect1d(previous, packages, assume_unique=True)
        yield snapshot, len(packages), int(downloads[downloads >= 0].sum()), len(remained)
        previous = packages


def read_cpu_seconds() -> float:
    """Return the CPU seconds of this process and of all its descendants (for Spark, of Java)."""
    parents, seconds, tick = {}, {}, os.sysconf("SC_CLK_TCK")
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            cells = stat.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # the process has ended
        number = int(stat.parent.name)
        parents[number], seconds[number] = int(cells[1]), (int(cells[11]) + int(cells[12])) / tick
    family = {os.getpid()}
    while children := {number for number, parent in parents.items() if parent in family} - family:
        family |= children
    return sum(seconds.get(number, 0.0) for number in family)


def measure_engine(name: str, location: EngineLocation, size: Size) -> tuple[list[str], object]:
    """Return the times of an engine for its start, the results, the metrics and the history, with its answers."""
    stopwatch = Stopwatch()
    with open_engine(name, location) as engine:
        times = [stopwatch.lap()]
        results, seconds = compute_results(engine, size.snapshots, size.kind)
        times += [stopwatch.lap(), f"{seconds:.1f}"]
        history = query_history(engine, size)
        times.append(stopwatch.lap())
    assert len(history) == size.snapshots, "every snapshot is in the history"
    return times, (results, history)


class Stopwatch:
    """A stopwatch of wall time and processor time."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), read_cpu_seconds()

    def lap(self) -> str:
        """Return both times since the previous lap, as a cell of the table."""
        wall, cpu = time.perf_counter(), read_cpu_seconds()
        cell = f"{wall - self.wall:.1f} / {cpu - self.cpu:.1f}"
        self.wall, self.cpu = wall, cpu
        return cell


def size_on_disk(path: Path) -> int:
    """Return the size of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def compare_engines(sizes: Sequence[Size], names: Sequence[str], master: str) -> None:
    """Make the store of each size, run each engine, and print a line for each."""
    list_metrics()  # so that the imports of the metrics are not charged to an engine
    print("  ".join(f"{title:>13}" for title in HEADER), flush=True)
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            location = EngineLocation(Path(folder) / "store.db", f"{folder}/lake", master)
            if size.kind == "census":
                make_censuses(location.db, size)
            else:
                make_store(location.db, size.snapshots, size.rows)
            with redirect_stdout(sys.stderr):
                export([f"{folder}/lake", "--db", str(location.db), "--format", "parquet", "--tables", TABLES])
            expected = None
            for name in names:
                kind = "censuses" if size.kind == "census" else "rankings"
                cells = [f"{size.snapshots:,}", kind, f"{size.rows:,}", name]
                try:
                    times, answers = measure_engine(name, location, size)
                except EngineQueryError as error:  # a failure of an engine is a result too
                    cells.append(f"{error} {error.why}"[:80])
                else:
                    expected = expected or answers
                    assert answers == expected, f"{name} returns other results"
                    megabytes = size_on_disk(location.db if name == "sqlite" else Path(str(location.lake))) / 1e6
                    cells += [f"{megabytes:.1f}", *times]
                print("  ".join(f"{cell:>13}" for cell in cells), flush=True)


def main() -> None:
    """Read the options and run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=Size.parse, default=[Size.parse(text) for text in SIZES],
                      metavar="SNAPSHOTSx[census]ROWS")  # fmt: skip
    parser.add_argument("--engines", nargs="+", default=["sqlite", "duckdb", "spark"], choices=list_engines())
    parser.add_argument("--master", default="local[*]", help="the master of Spark (default: local[*])")
    options = parser.parse_args()
    compare_engines(options.sizes, options.engines, options.master)


if __name__ == "__main__":
    main()

"""Where does each engine start to pay? `python -m benchmarks.engines`: one table, made in one run.

For each size (10x15000: ten lists of 15,000; 10xcensus300000: ten censuses of 300,000) it makes a store and its lake,
and lets SQLite, DuckDB and Spark `compute` the newest snapshot: every relation that the metrics of lists, or those of
censuses, read, and the metrics, as `observatory compute` does each time a snapshot is added. `metrics` is the part of
it that is the same for every engine. `history` is one question over all snapshots at once: turnover between all
neighbours, of the top 1,000, or of all packages of the censuses with the sum of their downloads (SQLite: out of the
blocks). Results and answers are compared; a difference ends the run. Seconds are of the clock on the wall / of the
processor, with all of its cores and Spark's Java.
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
    list_lake_tables,
    open_engine,
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
TABLES = ",".join(table.name for table in list_lake_tables() if not table.name.startswith("v1_"))
DAY, BEGIN = 86_400, 1_600_000_000
WHOLE = """
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
WHOLE_CENSUSES = """
WITH pair AS (
    SELECT s.snapshot_id, LAG(s.snapshot_id) OVER (ORDER BY s.taken_at, s.snapshot_id) AS earlier
    FROM snapshot s JOIN census c ON c.snapshot_id = s.snapshot_id WHERE s.status = 'complete')
SELECT p.snapshot_id, COUNT(n.package_id) AS packages, SUM(n.downloads) AS downloads, COUNT(b.package_id) AS remained
FROM pair p
JOIN counter n ON n.snapshot_id = p.snapshot_id
LEFT JOIN counter b ON b.snapshot_id = p.earlier AND b.package_id = n.package_id
GROUP BY p.snapshot_id ORDER BY p.snapshot_id
"""
# Metrics of cards, of which there are none here, and one that asks for lists months apart, which few days are not.
NOT_THERE = {"agreement", "documentation", "documentation_as_published", "preservation_as_published"}
HEAD = ("snapshots", "of", "rows each", "engine", "MB", "start", "compute", "metrics", "history")


@dataclass(frozen=True)
class Size:
    """How many snapshots of how many packages, and whether they are censuses or lists."""

    snapshots: int
    rows: int
    of: str = "ranking"

    @classmethod
    def read(cls, text: str) -> Size:
        """From a word: 10x15000, 10xcensus300000."""
        snapshots, _, rows = text.partition("x")
        of = "census" if rows.startswith("census") else "ranking"
        return cls(int(snapshots), int(rows.removeprefix("census")), of)


SIZES = ("10x15000", "100x15000", "1000x15000", "10xcensus300000")


def lists(snapshots: int, rows: int, seed: int) -> Iterator[tuple[numpy.ndarray, numpy.ndarray]]:
    """Packages, as places in the first list, and their downloads, largest first, of each day: a heavy tail that drifts.

    The first list has all packages there are, a quarter more than the others.
    """
    random = numpy.random.default_rng(seed)
    size = -numpy.sort(-random.pareto(1.0, rows + rows // 4) * 1000)
    for number in range(snapshots):
        best = numpy.argsort(-size, kind="stable")[: rows if number else None]
        yield best, size[best].astype(int)
        size = size * numpy.exp(random.normal(0, 0.05, len(size)))


def make_store(path: Path, snapshots: int, rows: int) -> None:
    """A store with a history. The first list is recorded as a crawl's, the others are written straight into the tables:
    what is measured is reading."""
    with open_for_writing(path) as database:
        to = database.conn
        to.execute("PRAGMA synchronous = OFF")
        (_, downloads), *others = lists(snapshots, rows, seed=7)
        _record(Store(database), downloads.tolist())
        listed = to.execute("SELECT package_id FROM ranking ORDER BY rank").fetchall()
        packages = numpy.array([number for (number,) in listed])
        for (name,) in to.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            to.execute("DROP TRIGGER " + name)
        to.execute("BEGIN")
        for number, (places, downloads) in enumerate(others, 2):
            _add(to, number, packages[places].tolist(), downloads.tolist())
        to.execute("COMMIT")


def make_censuses(path: Path, size: Size) -> None:
    """A store with censuses, each taken from the pages that the Hub would have sent that day."""
    with open_for_writing(path) as database:
        database.conn.execute("PRAGMA synchronous = OFF")
        for day in generate_days(size.rows, size.snapshots):
            store_census(
                CensusStore(database), (encode_page(day, at, at + ROWS) for at in range(0, len(day.packages), ROWS))
            )


def _record(store: Store, downloads: Sequence[int]) -> None:
    rows = tuple(
        Observation(
            f"{place:024x}", f"maker/m{place}", downloads=value, libraries=(("transformers", "library"),),
            parents=() if place % 3 else (Parent(f"maker/m{place // 7}", "finetune", f"{place // 7:024x}"),),
        )
        for place, value in enumerate(downloads)
    )  # fmt: skip
    at = BEGIN + DAY
    asked = SnapshotSpec(HUB, "downloads", "last-30-days", len(rows), "a benchmark", "made", at, at)
    snapshot = store.begin_snapshot(asked)
    store.save_page(snapshot, Page("ranking", "", at, 200, 0, "0" * 64, {}, len(rows), observations=rows))
    store.end_snapshot(snapshot, "complete", (GateResult("rows", "pass", "all", "all"),), None, at)


def _add(to: sqlite3.Connection, number: int, packages: Sequence[int], downloads: Sequence[int]) -> None:
    at = BEGIN + number * DAY
    to.execute(
        "INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source, date_evidence,"
        " settings, taken_at, started_at, ended_at, status, depth, digest) SELECT ?, registry_id, kind, ordered_by,"
        " counter, ?, origin, source, date_evidence, settings, ?, ?, ?, status, ?, ?"
        " FROM snapshot WHERE snapshot_id = 1",
        (number, len(packages), at, at, at, len(packages), str(number)),
    )
    places = enumerate(zip(packages, downloads, strict=True), 1)
    to.executemany("INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (?, ?, ?, 0, ?)",
                   ((number, rank, package, value) for rank, (package, value) in places))  # fmt: skip
    for (k,) in to.execute("SELECT k FROM ranking_depth WHERE k <= ?", (len(packages),)).fetchall():
        to.executemany(
            "INSERT INTO top_k_membership VALUES (1, 'downloads', 'last-30-days', ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET last_at = excluded.last_at",
            ((k, package, at, at) for package in packages[:k]),
        )


def results(engine: Engine, snapshot: int, of: str) -> tuple[list[str], float]:
    """What `observatory compute` would store of one snapshot; and the seconds that were not the engine's."""
    wanted = [metric for metric in list_metrics() if metric.applies_to == of]
    read, found, own = cached_relations(engine, snapshot), [], 0.0
    for metric in wanted:
        for relation in metric.relations:
            read(relation)
        clock = time.perf_counter()
        found += metric.compute(snapshot, read)
        own += time.perf_counter() - clock
    defined = {result.metric for result in found if result.value is not None}
    undefined = {metric.name for metric in wanted} - defined
    assert undefined <= NOT_THERE, f"nothing was computed: {undefined}"
    return [repr(result) for result in found], own


def whole_history(engine: Engine, size: Size) -> list[tuple[object, ...]]:
    """One question over all snapshots; of the censuses of a store, the same out of the blocks."""
    if size.of == "census" and isinstance(engine, sqlite3.Connection):
        return list(_out_of_blocks(engine, size.snapshots))
    return [tuple(row) for row in engine.execute(WHOLE_CENSUSES if size.of == "census" else WHOLE, {})]


def _out_of_blocks(connection: sqlite3.Connection, snapshots: int) -> Iterator[tuple[int, int, int, int]]:
    before = numpy.empty(0, int)
    for snapshot in range(1, snapshots + 1):
        found = load_counters(connection, snapshot)
        packages, downloads = found["package"], found["downloads"]
        remained = numpy.intersect1d(before, packages, assume_unique=True)
        yield snapshot, len(packages), int(downloads[downloads >= 0].sum()), len(remained)
        before = packages


def processor() -> float:
    """Seconds of the processor that this process and those it started (Spark's Java) have taken."""
    parents, taken, tick = {}, {}, os.sysconf("SC_CLK_TCK")
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            cells = stat.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        number = int(stat.parent.name)
        parents[number], taken[number] = int(cells[1]), (int(cells[11]) + int(cells[12])) / tick
    ours = {os.getpid()}
    while more := {number for number, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(taken.get(number, 0.0) for number in ours)


def measure(name: str, place: EngineLocation, size: Size) -> tuple[list[str], object]:
    """How long an engine takes to start, to compute, of that the metrics, for the whole history; its answers."""
    watch = Watch()
    with open_engine(name, place) as engine:
        marks = [watch.lap()]
        found, own = results(engine, size.snapshots, size.of)
        marks += [watch.lap(), f"{own:.1f}"]
        history = whole_history(engine, size)
        marks.append(watch.lap())
    assert len(history) == size.snapshots, "every snapshot is in the history"
    return marks, (found, history)


class Watch:
    """Seconds of the clock and of the processor since it was last looked at."""

    def __init__(self) -> None:
        self.clock, self.work = time.perf_counter(), processor()

    def lap(self) -> str:
        """Both, as they are shown."""
        clock, work = time.perf_counter(), processor()
        said = f"{clock - self.clock:.1f} / {work - self.work:.1f}"
        self.clock, self.work = clock, work
        return said


def bytes_of(path: Path) -> int:
    """What a file, or all files of a folder, take."""
    return (
        path.stat().st_size if path.is_file() else sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    )


def run(sizes: Sequence[Size], names: Sequence[str], master: str) -> None:
    """Make each size, ask each engine, print a line for each."""
    list_metrics()  # what they import is not of an engine
    print("  ".join(f"{word:>13}" for word in HEAD), flush=True)
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            place = EngineLocation(Path(folder) / "store.db", f"{folder}/lake", master)
            if size.of == "census":
                make_censuses(place.db, size)
            else:
                make_store(place.db, size.snapshots, size.rows)
            with redirect_stdout(sys.stderr):
                export([f"{folder}/lake", "--db", str(place.db), "--format", "parquet", "--tables", TABLES])
            expected = None
            for name in names:
                shown = [f"{size.snapshots:,}", "censuses" if size.of == "census" else "lists", f"{size.rows:,}", name]
                try:
                    marks, told = measure(name, place, size)
                except EngineQueryError as error:  # that an engine cannot do it is a result too
                    shown.append(f"{error} {error.why}"[:80])
                else:
                    expected = expected or told
                    assert told == expected, f"{name} answers otherwise"
                    taken = bytes_of(place.db if name == "sqlite" else Path(str(place.lake))) / 1e6
                    shown += [f"{taken:.1f}", *marks]
                print("  ".join(f"{cell:>13}" for cell in shown), flush=True)


def main() -> None:
    """The options, and the run."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--sizes", nargs="+", type=Size.read, default=[Size.read(text) for text in SIZES],
                      metavar="SNAPSHOTSx[census]ROWS")  # fmt: skip
    made.add_argument("--engines", nargs="+", default=["sqlite", "duckdb", "spark"], choices=list_engines())
    made.add_argument("--master", default="local[*]", help="of Spark")
    options = made.parse_args()
    run(options.sizes, options.engines, options.master)


if __name__ == "__main__":
    main()

"""Where does each engine start to pay? `python -m benchmarks.engines`: one table, made in one run.

For each size (snapshots x rows) it makes a store and its lake, and lets SQLite, DuckDB and Spark `compute` the newest
snapshot: every relation that the metrics of lists read, and the metrics, as `observatory compute` does each time a
snapshot is added. `metrics` is the part of it that is the same for every engine. `history` is one question over all
snapshots at once: turnover of the top 1,000 between all neighbours. Results and answers are compared; a difference ends
the run. Seconds are of the clock on the wall / of the processor, with all of its cores and Spark's Java.
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
from pathlib import Path

import numpy

from analysis.engines import Engine, EngineFailed, Place, engines, opened
from analysis.export import main as export
from analysis.metric import metrics
from analysis.missing import of_a_lake
from analysis.relations import FOLDER, reader
from db.connect import writing
from db.rows import Asked, Finding, Observation, Page, Parent, Registry
from db.store import Store

HUB = Registry("huggingface/models", "huggingface", "models")
TABLES = ",".join(path.stem for path in sorted((FOLDER.parent / "lake").glob("*.sql")))
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
SIZES = [(10, 15000), (100, 15000), (1000, 15000), (10, 300000)]
# Metrics of cards, of which there are none here, and one that asks for lists months apart, which few days are not.
NOT_THERE = {"agreement", "documentation", "documentation_as_published", "preservation_as_published"}
HEAD = ("snapshots", "rows each", "engine", "MB", "start", "compute", "metrics", "history")


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
    with writing(path) as database:
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


def _record(store: Store, downloads: Sequence[int]) -> None:
    rows = tuple(
        Observation(
            f"{place:024x}", f"maker/m{place}", downloads=value, libraries=(("transformers", "library"),),
            parents=() if place % 3 else (Parent(f"maker/m{place // 7}", "finetune", f"{place // 7:024x}"),),
        )
        for place, value in enumerate(downloads)
    )  # fmt: skip
    at = BEGIN + DAY
    asked = Asked(HUB, "downloads", "last-30-days", len(rows), "a benchmark", "made", at, at)
    snapshot = store.begin(asked)
    store.record(snapshot, Page("ranking", "", at, 200, 0, "0" * 64, {}, len(rows), observations=rows))
    store.end(snapshot, "complete", (Finding("rows", "pass", "all", "all"),), None, at)


def _add(to: sqlite3.Connection, number: int, packages: Sequence[int], downloads: Sequence[int]) -> None:
    at = BEGIN + number * DAY
    to.execute(
        "INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source, evidence,"
        " settings, taken_at, started_at, ended_at, status, depth, digest) SELECT ?, registry_id, kind, ordered_by,"
        " counter, ?, origin, source, evidence, settings, ?, ?, ?, status, ?, ? FROM snapshot WHERE snapshot_id = 1",
        (number, len(packages), at, at, at, len(packages), str(number)),
    )
    places = enumerate(zip(packages, downloads, strict=True), 1)
    to.executemany("INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (?, ?, ?, 0, ?)",
                   ((number, rank, package, value) for rank, (package, value) in places))  # fmt: skip
    for (k,) in to.execute("SELECT k FROM depth WHERE k <= ?", (len(packages),)).fetchall():
        to.executemany(
            "INSERT INTO membership VALUES (1, 'downloads', 'last-30-days', ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET last_at = excluded.last_at",
            ((k, package, at, at) for package in packages[:k]),
        )


def results(engine: Engine, snapshot: int) -> tuple[list[str], float]:
    """What `observatory compute` would store of one snapshot; and the seconds that were not the engine's."""
    wanted = [metric for metric in of_a_lake(metrics()) if metric.of == "ranking"]
    read, found, own = reader(engine, snapshot), [], 0.0
    for metric in wanted:
        for relation in metric.relations:
            read(relation)
        clock = time.perf_counter()
        found += metric.results(snapshot, read)
        own += time.perf_counter() - clock
    defined = {result.metric for result in found if result.value is not None}
    undefined = {metric.name for metric in wanted} - defined
    assert undefined <= NOT_THERE, f"nothing was computed: {undefined}"
    return [repr(result) for result in found], own


def _rows(engine: Engine, text: str, snapshot: int) -> tuple[tuple[object, ...], ...]:
    return tuple(tuple(row) for row in engine.execute(text, {"snapshot": snapshot} if ":snapshot" in text else {}))


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


def measure(name: str, place: Place, snapshots: int) -> tuple[list[str], object]:
    """How long an engine takes to start, to compute, of that the metrics, for the whole history; its answers."""
    watch = Watch()
    with opened(name, place) as engine:
        marks = [watch.lap()]
        found, own = results(engine, snapshots)
        marks += [watch.lap(), f"{own:.1f}"]
        history = _rows(engine, WHOLE, snapshots)
        marks.append(watch.lap())
    assert len(history) == snapshots, "every snapshot is in the history"
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


def run(sizes: Sequence[tuple[int, int]], names: Sequence[str], master: str) -> None:
    """Make each size, ask each engine, print a line for each."""
    metrics()  # what they import is not of an engine
    print("  ".join(f"{word:>13}" for word in HEAD), flush=True)
    for snapshots, rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            place = Place(Path(folder) / "store.db", f"{folder}/lake", master)
            make_store(place.db, snapshots, rows)
            with redirect_stdout(sys.stderr):
                export([f"{folder}/lake", "--db", str(place.db), "--format", "parquet", "--tables", TABLES])
            expected = None
            for name in names:
                shown = [f"{snapshots:,}", f"{rows:,}", name]
                try:
                    marks, told = measure(name, place, snapshots)
                except EngineFailed as error:  # that an engine cannot do it is a result too
                    shown.append(f"{error} {error.why}"[:80])
                else:
                    expected = expected or told
                    assert told == expected, f"{name} answers otherwise"
                    size = bytes_of(place.db if name == "sqlite" else Path(str(place.lake))) / 1e6
                    shown += [f"{size:.1f}", *marks]
                print("  ".join(f"{cell:>13}" for cell in shown), flush=True)


def _size(text: str) -> tuple[int, int]:
    snapshots, _, rows = text.partition("x")
    return int(snapshots), int(rows)


def main() -> None:
    """The options, and the run."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--sizes", nargs="+", type=_size, default=SIZES,
                      metavar="SNAPSHOTSxROWS")  # fmt: skip
    made.add_argument("--engines", nargs="+", default=["sqlite", "duckdb", "spark"], choices=engines())
    made.add_argument("--master", default="local[*]", help="of Spark")
    options = made.parse_args()
    run(options.sizes, options.engines, options.master)


if __name__ == "__main__":
    main()

"""Where does each engine start to pay? `python -m benchmarks.engines`: one table, made in one run.

For each size (snapshots x rows) it makes a store and its lake, and asks SQLite, DuckDB and Spark for the relations of
the newest snapshot that the metrics read (what `compute` costs each time a snapshot is added) and for one question over
the whole history (turnover of the top 1,000 between all neighbours). The answers are compared; a difference ends the
run. Seconds are of the clock on the wall / of the processor, with all of its cores and Spark's Java.
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

from analysis.engines import Engine, Place, engines, opened
from analysis.export import main as export
from analysis.metric import metrics
from analysis.relations import question
from db.connect import writing

TABLES = "alias,attribute,depth,finding,lineage_edge,membership,package,package_library,ranking,registry,snapshot"
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
MAY_BE_EMPTY = {"matched_ranking"}  # a short history has no list at a stated gap
HEAD = ("snapshots", "rows each", "engine", "MB", "start", "newest", "again", "history")


def lists(snapshots: int, rows: int, seed: int) -> Iterator[tuple[numpy.ndarray, numpy.ndarray]]:
    """Package numbers and downloads, largest first, of each day: a heavy tail that drifts by about 5 % a day."""
    random = numpy.random.default_rng(seed)
    size = random.pareto(1.0, rows + rows // 4) * 1000
    for _ in range(snapshots):
        size = size * numpy.exp(random.normal(0, 0.05, len(size)))
        best = numpy.argsort(-size, kind="stable")[:rows]
        yield best + 1, size[best].astype(int)


def make_store(path: Path, snapshots: int, rows: int) -> None:
    """A store with a history, written straight into its tables: what is measured is reading."""
    with writing(path) as database:
        to = database.conn
        for (name,) in to.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            to.execute("DROP TRIGGER " + name)
        to.execute("PRAGMA synchronous = OFF")
        to.execute("PRAGMA foreign_keys = OFF")
        to.execute("DROP INDEX ranking_package")
        to.execute("BEGIN")
        to.execute("INSERT INTO registry VALUES (1, 'huggingface/models', 'huggingface', 'models')")
        everyone = range(1, rows + rows // 4 + 1)
        to.executemany(
            "INSERT INTO package (package_id, registry_id, key, name, name_hash, known_at, seen_at)"
            " VALUES (?, 1, ?, ?, 0, 0, 0)",
            ((number, number.to_bytes(12, "big"), f"maker/m{number}") for number in everyone),
        )
        to.execute("INSERT INTO word VALUES (1, 'library', 'transformers', 0)")
        to.execute("INSERT INTO package_use SELECT package_id, 1, 0, NULL FROM package")
        to.execute("INSERT INTO edge SELECT package_id, package_id / 7 + 1, 0, 0, NULL, ''"
                   " FROM package WHERE package_id % 3 = 0")  # fmt: skip
        _fill(to, snapshots, rows)
        to.execute("CREATE UNIQUE INDEX ranking_package ON ranking (package_id, snapshot_id)")
        to.execute("COMMIT")
        to.execute("ANALYZE")


def _fill(to: sqlite3.Connection, snapshots: int, rows: int) -> None:
    depths = [k for (k,) in to.execute("SELECT k FROM depth WHERE k <= ?", (rows,))]
    first: dict[tuple[int, int], int] = {}
    for number, (packages, downloads) in enumerate(lists(snapshots, rows, seed=7), 1):
        at = BEGIN + number * DAY
        to.execute(
            "INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source, evidence,"
            " settings, taken_at, started_at, ended_at, status, depth, digest) VALUES (?, 1, 'top', 'downloads',"
            " 'last-30-days', ?, 'crawl', 'a benchmark', 'made', '{}', ?, ?, ?, 'complete', ?, ?)",
            (number, rows, at, at, at, rows, str(number)),
        )
        places = zip(range(1, rows + 1), packages.tolist(), downloads.tolist(), strict=True)
        to.executemany("INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (?, ?, ?, 0, ?)",
                       ((number, rank, package, value) for rank, package, value in places))  # fmt: skip
        for k in depths:
            for package in packages[:k].tolist():
                first.setdefault((k, package), at)
    to.executemany(
        "INSERT INTO membership VALUES (1, 'downloads', 'last-30-days', ?, ?, ?, ?)",
        ((k, package, at, at) for (k, package), at in first.items()),
    )


def newest(engine: Engine, snapshot: int) -> dict[str, tuple[int, int]]:
    """Every relation that a metric reads, as of one snapshot: how many rows it has, and what they hash to, in order."""
    wanted = sorted({relation for metric in metrics() for relation in metric.relations})
    found = {name: _rows(engine, question(name), snapshot) for name in wanted}
    empty = [name for name, rows in found.items() if not rows and name not in MAY_BE_EMPTY]
    assert not empty, f"nothing was asked: {empty} have no rows"
    return {name: (len(rows), hash(rows)) for name, rows in found.items()}


def _rows(engine: Engine, asked: str, snapshot: int) -> tuple[tuple[object, ...], ...]:
    return tuple(tuple(row) for row in engine.execute(asked, {"snapshot": snapshot} if ":snapshot" in asked else {}))


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


def measure(name: str, place: Place, snapshots: int) -> tuple[list[tuple[float, float]], object]:
    """Seconds of the clock and of the processor to start, for the newest snapshot, again, and for the whole history;
    and the answers."""
    marks, told = [], []
    clock, work = time.perf_counter(), processor()
    with opened(name, place) as engine:
        marks.append((time.perf_counter() - clock, processor() - work))
        for ask in (lambda: newest(engine, snapshots), lambda: newest(engine, snapshots),
                    lambda: _rows(engine, WHOLE, snapshots)):  # fmt: skip
            clock, work = time.perf_counter(), processor()
            told.append(ask())
            marks.append((time.perf_counter() - clock, processor() - work))
    assert len(told[-1]) == snapshots, "every snapshot is in the history"
    return marks, told


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
                marks, told = measure(name, place, snapshots)
                expected = expected or told
                assert told == expected, f"{name} answers otherwise"
                size = bytes_of(place.db if name == "sqlite" else Path(str(place.lake))) / 1e6
                seconds = [f"{clock:.1f} / {work:.1f}" for clock, work in marks]
                cells = (f"{snapshots:,}", f"{rows:,}", name, f"{size:.1f}", *seconds)
                print("  ".join(f"{cell:>13}" for cell in cells), flush=True)


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

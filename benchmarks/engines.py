"""Where does each engine start to pay? `python -m benchmarks.engines`: one table, made in one run.

For each size (snapshots x rows) it makes a store and its lake, and lets SQLite, DuckDB and Spark compute the newest
snapshot: `relations` is what asking takes, `compute` asking again and all metrics of lists (the same work for every
engine), as `observatory compute` does it each time a snapshot is added. `history` is one question over all snapshots at
once: turnover of the top 1,000 between all neighbours. Results and answers are compared; a difference ends the run.
Seconds are of the clock on the wall / of the processor, with all of its cores and Spark's Java.
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
from analysis.missing import Missing, computed, of_a_lake
from analysis.relations import FOLDER, question
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
MAY_BE_EMPTY = {"matched_ranking", "answers", "scores"}  # a short history has no list at a stated gap; nobody scored
HEAD = ("snapshots", "rows each", "engine", "MB", "start", "relations", "compute", "history")


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
        to.execute("ANALYZE")


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


def asked(engine: Engine, snapshot: int) -> dict[str, tuple[int, int]]:
    """Every relation that a metric reads, as of one snapshot: how many rows it has, and what they hash to, in order."""
    wanted = sorted({relation for metric in of_a_lake(metrics()) for relation in metric.relations})
    found = {name: _rows(engine, question(name), snapshot) for name in wanted}
    empty = [name for name, rows in found.items() if not rows and name not in MAY_BE_EMPTY]
    assert not empty, f"nothing was asked: {empty} have no rows"
    return {name: (len(rows), hash(rows)) for name, rows in found.items()}


def results(engine: Engine, snapshot: int) -> list[str]:
    """What `observatory compute` would store of one snapshot."""
    lacking = Missing(snapshot, HUB.name, "", 0, tuple(one for one in of_a_lake(metrics()) if one.of == "ranking"))
    return [repr(result) for result in computed(engine, lacking)]


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


def measure(name: str, place: Place, snapshots: int) -> tuple[list[tuple[float, float]], object]:
    """Seconds of clock and processor to start, to ask, to compute, and for the whole history; and the answers."""
    marks, told = [], []
    clock, work = time.perf_counter(), processor()
    with opened(name, place) as engine:
        marks.append((time.perf_counter() - clock, processor() - work))
        for ask in (lambda: asked(engine, snapshots), lambda: results(engine, snapshots),
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
                shown = [f"{snapshots:,}", f"{rows:,}", name]
                try:
                    marks, told = measure(name, place, snapshots)
                except EngineFailed as error:  # that an engine cannot do it is a result too
                    shown.append(f"{error} {error.why}"[:80])
                else:
                    expected = expected or told
                    assert told == expected, f"{name} answers otherwise"
                    size = bytes_of(place.db if name == "sqlite" else Path(str(place.lake))) / 1e6
                    shown += [f"{size:.1f}", *(f"{clock:.1f} / {work:.1f}" for clock, work in marks)]
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

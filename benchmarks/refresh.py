"""`python -m benchmarks.refresh`: the cost of one new snapshot after a short and after a long history.

For each depth K and each length of history H, a store is generated in a temporary folder, and one more snapshot is
added by the methods of the store. Three operations are timed in this process:

    refresh     find, compute and store the missing results of `turnover_as_published`, at every depth up to K
    compute     all of `observatory compute`: every metric, and the verdicts of the claims
    artifact    the same results the way of the paper: for each of these depths, every list of the history is read into
                pandas by names, and the sets last, cur and ever are built again. Its counts must equal those of
                `refresh`, or this command fails

The ten newest lists have the same dates for every H, so that every history has the same pairs of dates to compare. The
histories differ in their length, not in the number of comparisons. The older lists are a day apart. `processor` is the
time of this process alone. `wall` includes other processes and the wait for the disk.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas

from analysis.__main__ import compute
from analysis.__main__ import make_parser as compute_parser
from analysis.compute.metric import select_metrics
from analysis.compute.pending import compute_pending, find_pending
from db.connection import open_for_reading, open_for_writing
from db.rows import GateResult, Observation, Page, Registry, SnapshotSpec
from db.store import Store

DAY = 86_400
NEWEST = 20_000 * DAY
AGES = (7, 14, 30, 60, 91, 120, 182, 270, 365, 400)
MODELS = Registry("huggingface/models", "huggingface")
PASSED_GATES = (GateResult("rows", "pass", "all of them", "every requested row"),)
METRIC = "turnover_as_published"
Times = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Cost:
    """The milliseconds of each repetition of an operation: processor time and wall time."""

    name: str
    k: int
    history: int
    times: tuple[tuple[float, float], ...]

    @property
    def processor(self) -> list[float]:
        """The minimum, median and maximum of the processor time."""
        times = [time[0] for time in self.times]
        return [min(times), statistics.median(times), max(times)]

    @property
    def wall(self) -> float:
        """The median of the wall time."""
        return statistics.median(time[1] for time in self.times)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser("python -m benchmarks.refresh", description=__doc__.splitlines()[0])
    parser.add_argument("--k", type=int, nargs="+", default=[1000, 15000], help="depths (default: 1000 15000)")
    parser.add_argument("--history", type=int, nargs="+", default=[10, 100, 1000], help="default: 10 100 1000")
    parser.add_argument("--repeat", type=int, default=7, help="repetitions of refresh and compute (default: 7)")
    parser.add_argument("--churn", type=float, default=0.01, help="share of a list that is replaced (default: 0.01)")
    parser.add_argument("--folder", type=Path, help="where stores are generated (default: the system's)")
    return parser


def generate_lists(k: int, history: int, churn: float) -> Iterator[list[int]]:
    """Yield lists of packages, oldest first. Half of the entering packages were in an earlier list."""
    generator = random.Random(1)
    packages = list(range(k))
    former: list[int] = []
    next_package = k
    for _ in range(history):
        yield packages
        packages = packages.copy()
        for index in generator.sample(range(k), max(1, round(k * churn))):
            is_return = bool(former) and generator.random() < 0.5
            former.append(packages[index])
            if is_return and len(former) > 1:
                packages[index] = former.pop(generator.randrange(len(former) - 1))
            else:
                packages[index] = next_package
                next_package += 1
    yield packages


def list_dates(history: int) -> list[int]:
    """Return the instants of the lists, oldest first, and of the new list."""
    ages = [*AGES, *range(AGES[-1] + 1, AGES[-1] + 1 + max(0, history - len(AGES)))][:history]
    return [*(NEWEST - age * DAY for age in reversed(ages)), NEWEST]


def build_store(path: Path, k: int, history: int, churn: float) -> int:
    """Build a store with this history and a new snapshot without results, and return the number of the snapshot."""
    *past, newest = list(generate_lists(k, history, churn))
    *instants, now = list_dates(history)
    with open_for_writing(path) as database:
        store, connection = Store(database), database.conn
        for at in instants:
            store.begin_snapshot(SnapshotSpec(MODELS, "downloads", "last-30-days", k, "generated", "generated", at, at))
        with bulk_writing(connection):
            write_history(connection, k, past, instants)
        snapshot = store.begin_snapshot(
            SnapshotSpec(MODELS, "downloads", "last-30-days", k, "generated", "generated", now, now)
        )
        rows = tuple(
            Observation(f"id-{package}", f"org/{package}", downloads=9_000_000 - index)
            for index, package in enumerate(newest)
        )
        store.save_page(snapshot, Page("ranking", "generated", now, 200, 1, "0" * 64, {}, k, observations=rows))
        store.end_snapshot(snapshot, "complete", PASSED_GATES, None, now)
    copy_results(path, history)
    return snapshot


@contextlib.contextmanager
def bulk_writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Allow bulk writing in a block, without triggers and without a journal."""
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    for name, _ in triggers:
        connection.execute(f'DROP TRIGGER "{name}"')
    yield
    for _, statement in triggers:
        connection.execute(statement)
    connection.execute("COMMIT")
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -2000"):
        connection.execute(f"PRAGMA {pragma}")


def write_history(connection: sqlite3.Connection, k: int, past: Sequence[Sequence[int]], at: Sequence[int]) -> None:
    """Write packages, lists and membership as they would be after recording each list by itself."""
    packages = range(1 + max(map(max, past)))
    connection.executemany(
        "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, downloads, seen_at)"
        " VALUES (?, 1, ?, ?, 0, 0, 1, ?)",
        ((package + 1, f"id-{package}", f"org/{package}", at[-1]) for package in packages),
    )
    libraries = ("transformers", "peft")
    connection.executemany(
        "INSERT INTO term (term_id, kind, text, hash) VALUES (?, 'library', ?, 0)", enumerate(libraries, 1)
    )
    connection.executemany(
        "INSERT INTO package_library_interval (package_id, term_id, valid_from) VALUES (?, ?, 0)",
        (
            (package + 1, number)
            for package in packages
            for number, library in enumerate(libraries, 1)
            if (package + len(library)) % 3
        ),
    )
    connection.executemany(
        "INSERT INTO edge (child_id, parent, relation, valid_from, parent_name) VALUES (?, ?, 0, 0, '')",
        ((package + 1, package // 9 + 1) for package in packages if package % 5 == 0 and package),
    )
    connection.execute("DROP INDEX ranking_package")
    connection.executemany(
        "INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (?, ?, ?, 0, ?)",
        (
            (snapshot, index + 1, package + 1, 9_000_000 - index)
            for snapshot, ranking in enumerate(past, 1)
            for index, package in enumerate(ranking)
        ),
    )
    connection.execute("CREATE UNIQUE INDEX ranking_package ON ranking (package_id, snapshot_id)")
    connection.execute("UPDATE snapshot SET status = 'complete', ended_at = taken_at, depth = ?, digest = ''", (k,))
    for (depth,) in connection.execute("SELECT k FROM ranking_depth WHERE k <= ?", (k,)).fetchall():
        pairs = [(instant, package) for instant, ranking in zip(at, past, strict=True) for package in ranking[:depth]]
        first = {package: instant for instant, package in reversed(pairs)}
        last = {package: instant for instant, package in pairs}
        connection.executemany(
            "INSERT INTO top_k_membership VALUES (1, 'downloads', 'last-30-days', ?, ?, ?, ?)",
            ((depth, package + 1, first[package], last[package]) for package in sorted(first)),
        )


def copy_results(path: Path, history: int) -> None:
    """Give every snapshot of the history the results of the newest, so that only the new snapshot lacks results."""
    with open_for_reading(path) as connection, open_for_writing(path) as database:
        last = next(work for work in find_pending(connection, select_metrics(None)) if work.snapshot == history)
        Store(database).save_results(compute_pending(connection, last), 0)
        database.conn.execute(
            "INSERT INTO result SELECT s.snapshot_id, r.metric, r.version, r.name, r.k, r.previous_snapshot_id,"
            " r.value, r.low, r.high, r.n, r.note, r.computed_at"
            " FROM snapshot s JOIN result r ON r.snapshot_id = ? WHERE s.snapshot_id < ?",
            (history, history),
        )


def time_call(operation: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds of the processor and of the wall clock."""
    start, processor = time.perf_counter(), time.process_time()
    operation()
    return (time.process_time() - processor) * 1000, (time.perf_counter() - start) * 1000


def delete_results(path: Path, snapshot: int) -> None:
    """Delete the results of the new snapshot."""
    with open_for_writing(path) as database:
        database.conn.execute("DELETE FROM result WHERE snapshot_id = ?", (snapshot,))


def measure_refresh(path: Path, snapshot: int, repeat: int) -> Times:
    """Measure finding, computing and storing Metric 2 as published, in an open store."""
    times, metrics = [], select_metrics(METRIC)
    with open_for_reading(path) as connection, open_for_writing(path) as database:
        store = Store(database)

        def refresh() -> None:
            for work in find_pending(connection, metrics):
                store.save_results(compute_pending(connection, work), 0)

        for _ in range(repeat + 1):
            database.conn.execute("DELETE FROM result WHERE snapshot_id = ?", (snapshot,))
            times.append(time_call(refresh))
    return tuple(times[1:])  # the first repetition warms the page cache


def measure_compute(path: Path, snapshot: int, repeat: int) -> Times:
    """Measure all of `observatory compute`, without starting Python."""
    options, times = compute_parser().parse_args(["--db", str(path)]), []
    for _ in range(repeat + 1):
        delete_results(path, snapshot)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            times.append(time_call(lambda: compute(options)))
    return tuple(times[1:])


def write_name_lists(path: Path, out: Path) -> None:
    """Write the lists as in the artifact of the paper: a table of names and counters for each, without an index."""
    with contextlib.closing(sqlite3.connect(out, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("ATTACH ? AS store", (str(path),))
        (newest,) = connection.execute("SELECT max(snapshot_id) FROM store.snapshot").fetchone()
        for snapshot in range(1, newest + 1):
            connection.execute(
                f"CREATE TABLE list_{snapshot} AS SELECT p.name AS modelId, r.downloads FROM store.ranking r"
                " JOIN store.package p ON p.package_id = r.package_id WHERE r.snapshot_id = ? ORDER BY r.rank",
                (snapshot,),
            )


def count_as_artifact(path: Path, k: int, newest: int) -> dict[str, int]:
    """Return Metric 2 of the newest list, after computing it for every list with pandas and sets of names.

    As in the notebook of the artifact, each list is read over a separate connection in the order of its counter, and
    the counts of every date are computed again.
    """
    last: set[str] = set()
    ever: set[str] = set()
    counts: dict[str, int] = {}
    for snapshot in range(1, newest + 1):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            rows = connection.execute(
                f"SELECT modelId, downloads FROM list_{snapshot} ORDER BY downloads DESC LIMIT {k}"
            ).fetchall()
        cur = set(pandas.DataFrame(rows, columns=["modelId", "downloads"])["modelId"])
        entered = cur - last
        counts = {"remained": len(last & cur), "newcomers": len(entered - ever), "returning": len(entered & ever)}
        ever, last = ever | cur, cur
    return {**counts, "ever": len(ever)}


def measure_costs(folder: Path, k: int, history: int, options: argparse.Namespace) -> list[Cost]:
    """Return the three costs at one depth and one length of history.

    Raises:
        SystemExit: the two ways return different numbers.
    """
    path, names = folder / f"{k}-{history}.db", folder / f"{k}-{history}-names.db"
    newest = build_store(path, k, history, options.churn)
    write_name_lists(path, names)
    compute_times = measure_compute(path, newest, options.repeat)
    refresh_times = measure_refresh(path, newest, options.repeat)
    with open_for_reading(path) as connection:
        rows = connection.execute(
            "SELECT k, name, value FROM result WHERE snapshot_id = ? AND metric = ?", (newest, METRIC)
        )
        stored = {(row["k"], row["name"]): row["value"] for row in rows}
        depths = [row["k"] for row in connection.execute("SELECT k FROM ranking_depth WHERE k <= ?", (k,))]

    def count_all() -> None:
        for depth in depths:
            counts.update({(depth, name): count for name, count in count_as_artifact(names, depth, newest).items()})

    counts: dict[tuple[int, str], int] = {}
    repeat = 3 if k * history <= 1_000_000 else 1
    artifact_times = tuple(time_call(count_all) for _ in range(repeat))
    if stored != counts:
        raise SystemExit(f"the two ways disagree: {stored} and {counts}")
    for file in folder.glob(f"{k}-{history}*"):
        file.unlink()
    times = {"refresh": refresh_times, "compute": compute_times, "artifact": artifact_times}
    return [Cost(name, k, history, values) for name, values in times.items()]


def format_table(costs: Sequence[Cost]) -> Iterator[str]:
    """Yield a line for each cost, compared by medians with the shortest history and with the way of the artifact."""
    by_key = {(cost.name, cost.k, cost.history): cost for cost in costs}
    shortest = min(cost.history for cost in costs)
    yield (
        f"{'':9} {'':>6} {'':>5} {'processor, ms':>26} {'wall':>9} {f'against H = {shortest}':>15}"
        f" {'faster than artifact':>21}"
    )
    yield (
        f"{'what':9} {'K':>6} {'H':>5} {'min':>8} {'median':>8} {'max':>8} {'median':>9}"
        f" {'processor':>10} {'wall':>4} {'processor':>10} {'wall':>10}"
    )
    for cost in costs:
        low, median, high = cost.processor
        short, artifact = by_key[cost.name, cost.k, shortest], by_key["artifact", cost.k, cost.history]
        yield (
            f"{cost.name:9} {cost.k:6} {cost.history:5} {low:8.1f} {median:8.1f} {high:8.1f} {cost.wall:9.1f}"
            f" {median / short.processor[1]:9.2f}x {cost.wall / short.wall:4.1f}x"
            f" {artifact.processor[1] / median:9.1f}x {artifact.wall / cost.wall:9.1f}x"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = make_parser().parse_args(argv)
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for k in options.k:
            for history in options.history:
                print(f"K = {k:,}, {history:,} snapshots …", file=sys.stderr)
                costs += measure_costs(Path(folder), k, history, options)
                for cost in costs[-3:]:
                    times = ", ".join(f"{value:.1f}" for value in cost.processor)
                    print(f"  {cost.name}: {times} ms of the processor, {cost.wall:.1f} ms", file=sys.stderr)
    print(
        "\n".join(
            format_table(sorted(costs, key=lambda cost: (cost.name != "refresh", cost.name, cost.k, cost.history)))
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

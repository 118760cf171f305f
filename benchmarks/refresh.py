"""`python -m benchmarks.refresh`: what one new snapshot costs, with a short and with a long history behind it.

For each depth K and each length of history H a store is generated in a temporary folder, and one more snapshot is added
to it through the store's own verbs. Three things are timed in this process:

    refresh     what is missing of `turnover_as_published` is found, computed and stored, at every depth up to K
    compute     all of `observatory compute`: every metric, and the claims' verdicts
    artifact    the same results the paper's way: once for each of these depths every list of the history is read into
                pandas by names, and the sets last, cur and ever are made anew. Its counts must equal those of
                `refresh`, or this command fails

The ten newest lists stand at the same dates whatever H is, so that the same stated gaps have a partner in all of them:
what is compared is the history, not the number of comparisons. The older ones are a day apart. `processor` is the time
of this process alone; on the `wall` there is also what other processes take, and the wait until the disk has it all.
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
PASSED = (GateResult("rows", "pass", "all of them", "every row that was asked for"),)
METRIC = "turnover_as_published"
Times = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Cost:
    """Milliseconds of each repetition: of the processor, and on the wall."""

    what: str
    k: int
    history: int
    times: tuple[tuple[float, float], ...]

    @property
    def processor(self) -> list[float]:
        """Least, middle and largest."""
        times = [time[0] for time in self.times]
        return [min(times), statistics.median(times), max(times)]

    @property
    def wall(self) -> float:
        """The middle one."""
        return statistics.median(time[1] for time in self.times)


def make_parser() -> argparse.ArgumentParser:
    """The words of the command."""
    made = argparse.ArgumentParser("python -m benchmarks.refresh", description=__doc__.splitlines()[0])
    made.add_argument("--k", type=int, nargs="+", default=[1000, 15000], help="depths (default: 1000 15000)")
    made.add_argument("--history", type=int, nargs="+", default=[10, 100, 1000], help="default: 10 100 1000")
    made.add_argument("--repeat", type=int, default=7, help="repetitions of what is ours (default: 7)")
    made.add_argument("--churn", type=float, default=0.01, help="share of a list that is replaced (default: 0.01)")
    made.add_argument("--folder", type=Path, help="where stores are generated (default: the system's)")
    return made


def generate_lists(k: int, history: int, churn: float) -> Iterator[list[int]]:
    """Lists of packages, oldest first; half of those that enter have been there before."""
    chance = random.Random(1)
    now, gone, fresh = list(range(k)), [], k
    for _ in range(history):
        yield now
        now = now.copy()
        for place in chance.sample(range(k), max(1, round(k * churn))):
            back = bool(gone) and chance.random() < 0.5
            gone.append(now[place])
            now[place] = gone.pop(chance.randrange(len(gone) - 1)) if back and len(gone) > 1 else fresh
            fresh += now[place] == fresh
    yield now


def list_dates(history: int) -> list[int]:
    """The instants of the lists, oldest first, and of the new one."""
    ages = [*AGES, *range(AGES[-1] + 1, AGES[-1] + 1 + max(0, history - len(AGES)))][:history]
    return [*(NEWEST - age * DAY for age in reversed(ages)), NEWEST]


def build_store(path: Path, k: int, history: int, churn: float) -> int:
    """A store with this history and one new snapshot that nothing was computed of; the new one's number."""
    *past, newest = list(generate_lists(k, history, churn))
    *before, now = list_dates(history)
    with open_for_writing(path) as database:
        store, connection = Store(database), database.conn
        for at in before:
            store.begin_snapshot(SnapshotSpec(MODELS, "downloads", "last-30-days", k, "generated", "generated", at, at))
        with unguarded(connection):
            fill(connection, k, past, before)
        snapshot = store.begin_snapshot(
            SnapshotSpec(MODELS, "downloads", "last-30-days", k, "generated", "generated", now, now)
        )
        seen = tuple(Observation(f"id-{one}", f"org/{one}", downloads=9_000_000 - n) for n, one in enumerate(newest))
        store.save_page(snapshot, Page("ranking", "generated", now, 200, 1, "0" * 64, {}, k, observations=seen))
        store.end_snapshot(snapshot, "complete", PASSED, None, now)
    pretend_computed(path, history)
    return snapshot


@contextlib.contextmanager
def unguarded(connection: sqlite3.Connection) -> Iterator[None]:
    """A block in which what is generated is written in bulk: without triggers and without a journal."""
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for word in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000"):
        connection.execute(f"PRAGMA {word}")
    connection.execute("BEGIN")
    for name, _ in triggers:
        connection.execute(f'DROP TRIGGER "{name}"')
    yield
    for _, statement in triggers:
        connection.execute(statement)
    connection.execute("COMMIT")
    for word in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -2000"):
        connection.execute(f"PRAGMA {word}")


def fill(connection: sqlite3.Connection, k: int, past: Sequence[Sequence[int]], at: Sequence[int]) -> None:
    """Packages, lists and membership, as recording them one by one would have left them."""
    everyone = range(1 + max(map(max, past)))
    connection.executemany(
        "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, downloads, seen_at)"
        " VALUES (?, 1, ?, ?, 0, 0, 1, ?)",
        ((one + 1, f"id-{one}", f"org/{one}", at[-1]) for one in everyone),
    )
    words = ("transformers", "peft")
    connection.executemany(
        "INSERT INTO term (term_id, kind, text, hash) VALUES (?, 'library', ?, 0)", enumerate(words, 1)
    )
    connection.executemany(
        "INSERT INTO package_library_interval (package_id, term_id, valid_from) VALUES (?, ?, 0)",
        ((one + 1, number) for one in everyone for number, word in enumerate(words, 1) if (one + len(word)) % 3),
    )
    connection.executemany(
        "INSERT INTO edge (child_id, parent, relation, valid_from, parent_name) VALUES (?, ?, 0, 0, '')",
        ((one + 1, one // 9 + 1) for one in everyone if one % 5 == 0 and one),
    )
    connection.execute("DROP INDEX ranking_package")
    connection.executemany(
        "INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads) VALUES (?, ?, ?, 0, ?)",
        ((s + 1, n + 1, one + 1, 9_000_000 - n) for s, listed in enumerate(past) for n, one in enumerate(listed)),
    )
    connection.execute("CREATE UNIQUE INDEX ranking_package ON ranking (package_id, snapshot_id)")
    connection.execute("UPDATE snapshot SET status = 'complete', ended_at = taken_at, depth = ?, digest = ''", (k,))
    for (depth,) in connection.execute("SELECT k FROM ranking_depth WHERE k <= ?", (k,)).fetchall():
        first = {one: when for when, listed in zip(reversed(at), reversed(past), strict=True) for one in listed[:depth]}
        last = {one: when for when, listed in zip(at, past, strict=True) for one in listed[:depth]}
        connection.executemany(
            "INSERT INTO top_k_membership VALUES (1, 'downloads', 'last-30-days', ?, ?, ?, ?)",
            ((depth, one + 1, first[one], last[one]) for one in sorted(first)),
        )


def pretend_computed(path: Path, history: int) -> None:
    """Give every snapshot of the history the results of its newest, so that nothing but the new one is missing."""
    with open_for_reading(path) as connection, open_for_writing(path) as database:
        last = next(one for one in find_pending(connection, select_metrics(None)) if one.snapshot == history)
        Store(database).save_results(compute_pending(connection, last), 0)
        database.conn.execute(
            "INSERT INTO result SELECT s.snapshot_id, r.metric, r.version, r.name, r.k, r.previous_snapshot_id,"
            " r.value, r.low, r.high, r.n, r.note, r.computed_at"
            " FROM snapshot s JOIN result r ON r.snapshot_id = ? WHERE s.snapshot_id < ?",
            (history, history),
        )


def timed(what: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of the processor, and on the wall."""
    start, processor = time.perf_counter(), time.process_time()
    what()
    return (time.process_time() - processor) * 1000, (time.perf_counter() - start) * 1000


def forget(path: Path, snapshot: int) -> None:
    """Make the new snapshot one that nothing was computed of."""
    with open_for_writing(path) as database:
        database.conn.execute("DELETE FROM result WHERE snapshot_id = ?", (snapshot,))


def refresh(path: Path, snapshot: int, repeat: int) -> Times:
    """Find, compute and store what is missing of Metric 2 as the paper has it; nothing is opened anew for it."""
    times, metrics = [], select_metrics(METRIC)
    with open_for_reading(path) as connection, open_for_writing(path) as database:
        store = Store(database)

        def once() -> None:
            for one in find_pending(connection, metrics):
                store.save_results(compute_pending(connection, one), 0)

        for _ in range(repeat + 1):
            database.conn.execute("DELETE FROM result WHERE snapshot_id = ?", (snapshot,))
            times.append(timed(once))
    return tuple(times[1:])  # the first one warms the page cache


def whole(path: Path, snapshot: int, repeat: int) -> Times:
    """All of `observatory compute`, but for starting Python."""
    options, times = compute_parser().parse_args(["--db", str(path)]), []
    for _ in range(repeat + 1):
        forget(path, snapshot)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            times.append(timed(lambda: compute(options)))
    return tuple(times[1:])


def write_name_lists(path: Path, out: Path) -> None:
    """The same lists as the artifact has them: a table of names and counters for each, with no index."""
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
    """Metric 2 of every list, hence of the newest, by going through the history with pandas and sets of names.

    As in its notebook, each list is asked for over a connection of its own, in the order of its counter, and the counts
    of every date are made anew.
    """
    last: set[str] = set()
    ever: set[str] = set()
    counts: dict[str, int] = {}
    for snapshot in range(1, newest + 1):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            found = connection.execute(
                f"SELECT modelId, downloads FROM list_{snapshot} ORDER BY downloads DESC LIMIT {k}"
            ).fetchall()
        cur = set(pandas.DataFrame(found, columns=["modelId", "downloads"])["modelId"])
        entered = cur - last
        counts = {"remained": len(last & cur), "newcomers": len(entered - ever), "returning": len(entered & ever)}
        ever, last = ever | cur, cur
    return {**counts, "ever": len(ever)}


def measure(folder: Path, k: int, history: int, options: argparse.Namespace) -> list[Cost]:
    """The three costs at one depth and one length of history.

    Raises:
        SystemExit: the two ways do not give the same numbers.
    """
    path, names = folder / f"{k}-{history}.db", folder / f"{k}-{history}-names.db"
    newest = build_store(path, k, history, options.churn)
    write_name_lists(path, names)
    all_of_it = whole(path, newest, options.repeat)
    ours = refresh(path, newest, options.repeat)
    with open_for_reading(path) as connection:
        stored = connection.execute(
            "SELECT k, name, value FROM result WHERE snapshot_id = ? AND metric = ?", (newest, METRIC)
        )
        here = {(row["k"], row["name"]): row["value"] for row in stored}
        depths = [row["k"] for row in connection.execute("SELECT k FROM ranking_depth WHERE k <= ?", (k,))]

    def again() -> None:
        for depth in depths:
            there.update({(depth, name): count for name, count in count_as_artifact(names, depth, newest).items()})

    there: dict[tuple[int, str], int] = {}
    repeat = 3 if k * history <= 1_000_000 else 1
    theirs = tuple(timed(again) for _ in range(repeat))
    if here != there:
        raise SystemExit(f"the two ways disagree: {here} and {there}")
    for file in folder.glob(f"{k}-{history}*"):
        file.unlink()
    return [Cost("refresh", k, history, ours), Cost("compute", k, history, all_of_it),
            Cost("artifact", k, history, theirs)]  # fmt: skip


def table(costs: Sequence[Cost]) -> Iterator[str]:
    """One line for each cost, held against the shortest history and against the artifact's way, by their medians."""
    known = {(cost.what, cost.k, cost.history): cost for cost in costs}
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
        least, middle, most = cost.processor
        short, other = known[cost.what, cost.k, shortest], known["artifact", cost.k, cost.history]
        yield (
            f"{cost.what:9} {cost.k:6} {cost.history:5} {least:8.1f} {middle:8.1f} {most:8.1f} {cost.wall:9.1f}"
            f" {middle / short.processor[1]:9.2f}x {cost.wall / short.wall:4.1f}x"
            f" {other.processor[1] / middle:9.1f}x {other.wall / cost.wall:9.1f}x"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    options = make_parser().parse_args(argv)
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for k in options.k:
            for history in options.history:
                print(f"K = {k:,}, {history:,} snapshots …", file=sys.stderr)
                costs += measure(Path(folder), k, history, options)
                for cost in costs[-3:]:
                    told = ", ".join(f"{part:.1f}" for part in cost.processor)
                    print(f"  {cost.what}: {told} ms of the processor, {cost.wall:.1f} ms", file=sys.stderr)
    print("\n".join(table(sorted(costs, key=lambda cost: (cost.what != "refresh", cost.what, cost.k, cost.history)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Events of single packages: the histories they are seen in, and how they are written down. No value is altered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter

from db.store import Store, load_statements

MAX_HISTORY_SNAPSHOTS = 30  # snapshots that a history goes back


@dataclass(frozen=True, slots=True)
class CounterReading:
    """What one snapshot said of a package's counters."""

    taken_at: int
    downloads: int | None
    all_time: int | None = None
    synced_at: int | None = None


@dataclass(frozen=True, slots=True)
class PackageEvent:
    """Something a reader of a package's numbers should know; `package` is None where it is of the whole snapshot."""

    package: int | None
    kind: str
    severity: str
    evidence: str
    before: str | None = None
    after: str | None = None


def load_histories(store: Store, snapshot: int) -> Iterator[tuple[int, list[CounterReading]]]:
    """Each package of a snapshot with what the last crawls of its list said of it, oldest first, this one last."""
    rows = store.query("counter_histories", snapshot=snapshot, newest=MAX_HISTORY_SNAPSHOTS)
    for package, said in groupby(rows, key=itemgetter("package_id")):
        yield package, [CounterReading(*tuple(row)[1:]) for row in said]


def load_ranking_changes(store: Store, snapshot: int) -> list[PackageEvent]:
    """What changed of a snapshot's packages beside their counters."""
    return [
        PackageEvent(row["package_id"], row["kind"], "note", row["evidence"], row["before"], row["after"])
        for row in store.query("package_changes", snapshot=snapshot)
    ]


def add_package_events(store: Store, snapshot: int, events: Iterable[PackageEvent], at: int) -> None:
    """Write events down, in the transaction that is open or in one of their own."""
    (statement,) = load_statements("insert_package_event")
    with store.transaction():
        for event in events:
            store.connection.execute(statement, {**asdict(event), "snapshot": snapshot, "at": at})
